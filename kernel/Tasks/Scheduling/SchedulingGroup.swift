import Support
import Synchronization

/// Threads that share the processor as one: those of a session. A session with fifty busy threads gets as much as one with a single
/// busy thread, so that what one terminal compiles does not slow down another.
///
/// A thread's weight is that of its nice value, divided by the number of its group's runnable threads. The group as a whole thus weighs as
/// much as its average thread: one that is nice in all its threads stays so. The number is looked at when a thread becomes ready
/// and at each end of a slice.
public final class SchedulingGroup {
    /// Threads that run or wait to run, on all processors.
    let runnable = Atomic<Int>(0)

    public init() {}

    /// How many threads are runnable now. A hint.
    public var runnableCount: Int { runnable.load(ordering: .relaxed) }
}

typealias GroupReference = Unmanaged<SchedulingGroup>
