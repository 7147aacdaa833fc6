import FairQueue
import RealTimeQueue

/// Who goes before whom, over all policies: idle threads last, then ordinary ones by nice value, then real-time ones by priority.
///
/// A thread that holds what a more urgent one waits for can inherit that one's urgency (`Scheduler.setInherited`).
public struct Urgency: Comparable, Sendable {
    /// 0 for idle threads, 1…40 for nice 19…−20, 101…199 for real-time priorities 1…99.
    let rank: UInt8

    static let idle = Urgency(rank: 0)

    private init(rank: UInt8) { self.rank = rank }

    public init(nice: Int8) { rank = UInt8(20 - Int(min(max(nice, -20), 19))) }

    public init(realTimePriority: UInt8) { rank = 100 + min(max(realTimePriority, 1), 99) }

    /// The real-time priority; 0 for an ordinary thread.
    public var realTimePriority: UInt8 { rank > 100 ? rank - 100 : 0 }

    /// The nice value of an ordinary thread.
    var nice: Int8? { rank >= 1 && rank <= 40 ? 20 - Int8(rank) : nil }

    @inline(__always)
    public static func < (a: Self, b: Self) -> Bool { a.rank < b.rank }
}

extension Scheduler {
    /// How urgent a thread is now: by what it was told to be, or by what it inherits, if that is more. A hint: it may change at once.
    public static func urgency(of thread: Thread) -> Urgency { thread.block.pointee.urgency }

    /// Lends a thread the urgency of somebody who waits for it, or takes the loan back (nil). It counts at once, wherever the thread is.
    public static func setInherited(_ urgency: Urgency?, for thread: Thread) {
        reconsider(thread.block) { $0.pointee.inheritedUrgency = urgency }
    }
}
