import Support
import Synchronization

/// Comparing a processor's time-stamp counter with the first one's while it starts, and setting it if it is wrong.
///
/// The first processor asks what the other's counter shows, several times. The answer was given between the question and its arrival,
/// so the quickest exchange bounds the difference best.
enum TimestampAlignment {
    private static let rounds: UInt64 = 16
    /// Said to the other one at the end.
    private static let finished = UInt64.max
    /// Clocks that are closer than this are left alone.
    private static let toleranceNanoseconds: UInt64 = 10_000
    /// Together for all rounds: an emulator may not run the two at once.
    private static let patienceNanoseconds: UInt64 = 5_000_000

    /// Compares, on the first processor.
    static func measure(_ block: UnsafeMutablePointer<PerCPUBlock>) {
        let limit = asmReadTSC() &+ ticks(patienceNanoseconds)
        var best = UInt64.max
        var difference: Int64 = 0
        for round in 1...rounds {
            let asked = asmReadTSC()
            block.pointee.alignmentAnswer.store(0, ordering: .relaxed)
            block.pointee.alignmentRound.store(round, ordering: .releasing)
            var answer: UInt64 = 0
            while answer == 0, asmReadTSC() < limit {
                answer = block.pointee.alignmentAnswer.load(ordering: .acquiring)
            }
            let answered = asmReadTSC()
            if answer == 0 { break }
            if answered &- asked < best {
                best = answered &- asked
                difference = Int64(bitPattern: answer &- (asked &+ best / 2))
            }
        }
        // What is within the exchange's own length says nothing.
        let isApart = best != .max && difference.magnitude > max(ticks(toleranceNanoseconds), best)
        if isApart {
            let nanoseconds = difference.magnitude * 1_000_000 / max(Clock.timestampFrequency / 1000, 1)
            let direction: StaticString = difference > 0 ? "ahead" : "behind"
            Log.warning("clock: processor \(block.pointee.index) is \(nanoseconds) ns \(direction); it is set")
        }
        // The answer tells how much to take off: in the round's place, with the word that ends the exchange.
        block.pointee.alignmentAnswer.store(isApart ? UInt64(bitPattern: difference) : 0, ordering: .relaxed)
        block.pointee.alignmentRound.store(finished, ordering: .releasing)
    }

    /// Answers, on the processor that starts, and sets its counter if it was found wrong.
    static func answer() {
        let own = PerCPU.current
        var last: UInt64 = 0
        while true {
            let round = own.pointee.alignmentRound.load(ordering: .acquiring)
            if round == finished { break }
            if round != last {
                last = round
                own.pointee.alignmentAnswer.store(asmReadTSC(), ordering: .releasing)
            }
        }
        let difference = own.pointee.alignmentAnswer.load(ordering: .relaxed)
        // The counter can be written (SDM volume 3B, 18.17.3).
        if difference != 0 { asmWriteMSR(MSR.timestamp, asmReadTSC() &- difference) }
    }

    private static func ticks(_ nanoseconds: UInt64) -> UInt64 { nanoseconds * (Clock.timestampFrequency / 1000) / 1_000_000 }
}
