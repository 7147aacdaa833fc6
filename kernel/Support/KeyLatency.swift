import Synchronization

/// How long it takes from a key's interrupt until a frame is on the screen: measured in the kernel, which sees both ends, for the figure
/// that programs and people care about most.
public enum KeyLatency {
    /// When the first key was pressed that no frame has followed yet, in monotonic nanoseconds; 0 for none.
    private static let pressed = Atomic<UInt64>(0)
    private static let last = Atomic<UInt64>(0)
    private static let frames = Atomic<UInt64>(0)

    /// Nanoseconds from the last key that was followed by a frame to that frame; 0 before there was any.
    public static var lastNanoseconds: UInt64 { last.load(ordering: .relaxed) }

    /// How many frames followed a key.
    public static var count: UInt64 { frames.load(ordering: .acquiring) }

    /// A key was pressed. Callable in interrupts.
    public static func keyPressed(at now: UInt64) {
        _ = pressed.compareExchange(expected: 0, desired: now, ordering: .relaxed)
    }

    /// A frame is on the screen. Callable in interrupts.
    public static func frameShown() {
        if pressed.load(ordering: .relaxed) == 0 { return }
        let since = pressed.exchange(0, ordering: .relaxed), now = machineMonotonicNanoseconds()
        if since == 0 || since > now { return }
        last.store(now - since, ordering: .relaxed)
        frames.wrappingAdd(1, ordering: .releasing)
    }
}
