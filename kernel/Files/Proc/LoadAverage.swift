import Files
import Processes
import Scheduling
import Support
import Synchronization

/// The numbers of runnable threads over the last 1, 5 and 15 minutes: averages that decay, sampled every 5 seconds.
public final class LoadAverage: PeriodicTask {
    /// Fixed-point numbers with 11 bits of fraction, as in `include/linux/sched/loadavg.h`: the factors are e^(-5 s / period).
    private static let one: UInt64 = 2048
    private static let factors: [UInt64] = [1884, 2014, 2037]
    private static let averages = SpinLock<(UInt64, UInt64, UInt64)>((0, 0, 0))

    public static let periodSeconds: UInt64 = 5
    public override init() {}

    public override func run() {
        var runnable: UInt64 = 0
        for process in ProcessTable.all {
            for thread in process.threads {
                let state = thread.state
                if state == .running || state == .ready { runnable += 1 }
            }
        }
        let sample = runnable * Self.one
        Self.averages.withLock { averages in
            averages.0 = Self.decay(averages.0, sample, Self.factors[0])
            averages.1 = Self.decay(averages.1, sample, Self.factors[1])
            averages.2 = Self.decay(averages.2, sample, Self.factors[2])
        }
    }

    private static func decay(_ average: UInt64, _ sample: UInt64, _ factor: UInt64) -> UInt64 {
        (average * factor + sample * (one - factor)) / one
    }

    static var hundredths: [UInt64] {
        let averages = averages.withLock { $0 }
        return [averages.0, averages.1, averages.2].map { ($0 * 100 + one / 2) / one }
    }

    /// The greatest pid in use, as the last of the fields in loadavg.
    static var lastProcessID: Int32 { ProcessTable.all.last?.pid ?? 1 }
}
