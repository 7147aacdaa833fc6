// Keeps the desktop running.

import Supervision
import System

/// The services of the machine: the compositor, or a shell where there can be none.
final class Supervisor {
    private enum Service {
        case compositor(ProcessID)
        case emergencyShell(ProcessID)
        /// The compositor is started again at a time of the monotonic clock.
        case waiting(Int64)
    }

    private let queue: EventQueue
    private let signals: SignalPipe
    private var policy = RestartPolicy()
    private var service = Service.waiting(0)
    private var sideShell = SideShell()
    private let program = Environment["MARTLET_COMPOSITOR"] ?? "/usr/bin/compositor"

    /// Processes get this long to end by themselves.
    private static var farewellNanoseconds: Int64 { 2_000_000_000 }

    init() throws(Errno) {
        queue = try EventQueue()
        signals = try SignalPipe([Signal.child, Signal.terminate, Signal.interrupt, Signal.user1, Signal.user2])
        try signals.register(in: queue, token: 0)
    }

    /// Serves until the machine's run ends.
    func run() throws(Errno) {
        while true {
            startIfDue()
            sideShell?.startIfDue()
            try queue.wait(timeoutMilliseconds: timeout) { _ in }
            while let number = signals.next() {
                switch number {
                case Signal.terminate, Signal.interrupt: Supervisor.endMachine(.reboot)
                case Signal.user1: Supervisor.endMachine(.halt)
                case Signal.user2: Supervisor.endMachine(.powerOff)
                default: break
                }
            }
            reap()
        }
    }

    /// Until the next thing to do; endless while a service runs.
    private var timeout: Int32 {
        var time = sideShell?.due ?? .max
        if case .waiting(let due) = service { time = min(time, due) }
        guard time != .max else { return -1 }
        return Int32(clamping: max((time - Clock.monotonicNanoseconds + 999_999) / 1_000_000, 0))
    }

    private func startIfDue() {
        guard case .waiting(let time) = service, Clock.monotonicNanoseconds >= time else { return }
        var command = Command(program, ["compositor"])
        command.session = .new
        command.directory = "/"
        // Whatever has used the memory up, the desktop is where somebody can end it.
        command.killedFirst = "-900"
        do throws(Errno) {
            service = .compositor(try Process.spawn(command))
        } catch {
            InitLog.announce("cannot start \(program): \(error.message)")
            startEmergencyShell()
        }
    }

    /// Buries everybody who has ended; orphans are ours too.
    private func reap() {
        // Ends when no child is left to bury: `poll` returns nil or throws.
        while true {
            do throws(Errno) {
                guard let (process, status) = try Process.reap(wait: .poll) else { return }
                ended(process, status)
            } catch { return }
        }
    }

    private func ended(_ process: ProcessID, _ status: ExitStatus) {
        if sideShell?.ended(process) == true { return }
        switch service {
        case .compositor(let compositor) where compositor == process:
            InitLog.write("the compositor \(Supervisor.text(status))")
            let now = Clock.monotonicNanoseconds
            switch policy.died(atNanoseconds: now) {
            case .restart(let delay): service = .waiting(now + Int64(delay) * 1_000_000)
            case .giveUp:
                InitLog.announce(
                    "the compositor ended \(policy.limit + 1) times within \(policy.windowNanoseconds / 1_000_000_000) s, the last time it \(Supervisor.text(status)).\r\n"
                        + "A shell is started here; the desktop is tried again when it exits.")
                startEmergencyShell()
            }
        case .emergencyShell(let shell) where shell == process:
            policy.reset()
            service = .waiting(Clock.monotonicNanoseconds)
        default: break
        }
    }

    private static func text(_ status: ExitStatus) -> String {
        switch status {
        case .exited(let code): "exited with status \(code)"
        case .signaled(let number): "was ended by signal \(number)"
        }
    }

    /// A shell on the console, for whoever sits there.
    private func startEmergencyShell() {
        var command = Command("/bin/sh", ["-sh"])
        command.input = .path("/dev/console")
        command.output = .path("/dev/console")
        command.error = .path("/dev/console")
        command.directory = "/"
        // Some consoles cannot control a session: then there is no job control, but there is a shell.
        for session in [Command.Session.newWithTerminal, .new] {
            command.session = session
            do throws(Errno) {
                service = .emergencyShell(try Process.spawn(command))
                return
            } catch { InitLog.write("cannot start a shell: \(error.message)") }
        }
        // Nothing can be started: try again, but not in a hurry.
        service = .waiting(Clock.monotonicNanoseconds + 5_000_000_000)
    }

    // MARK: The end

    /// Lets everybody finish, writes everything to the disks and ends the run.
    static func endMachine(_ action: PowerAction) {
        Machine.signalAll(Signal.terminate)
        let deadline = Clock.monotonicNanoseconds + farewellNanoseconds
        while Clock.monotonicNanoseconds < deadline, hasChildren() { Clock.sleep(nanoseconds: 10_000_000) }
        Machine.signalAll(Signal.kill)
        Machine.sync()
        do throws(Errno) { try Machine.remountReadOnly("/") } catch { InitLog.write("the root stays writable: \(error.message)") }
        let error = Machine.end(action)
        InitLog.announce("cannot end the machine's run: \(error.message). It is safe to switch it off.")
        // Bounded by nothing but the power switch: there is nobody left to return to.
        while true { Clock.sleep(nanoseconds: 3_600_000_000_000) }
    }

    /// Buries who has ended; false when nobody is left.
    private static func hasChildren() -> Bool {
        while true {
            do throws(Errno) {
                if try Process.reap(wait: .poll) == nil { return true }
            } catch { return false }
        }
    }
}
