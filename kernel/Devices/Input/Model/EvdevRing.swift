import ABI

/// The events that one client of an input device has not read yet, with Linux's rules: only whole packets (up to a
/// SYN_REPORT) can be read, and when the ring overflows everything in it is replaced by one SYN_DROPPED and the newest event.
public struct EvdevRing: ~Copyable {
    private let events: UnsafeMutablePointer<InputEvent>
    private let mask: Int
    private var head = 0
    private var tail = 0
    /// One past the last whole packet.
    private var packetHead = 0

    /// - Parameter capacity: a power of two, at least 4.
    public init(capacity: Int = 256) {
        precondition(capacity >= 4 && capacity & (capacity - 1) == 0)
        events = .allocate(capacity: capacity)
        events.initialize(repeating: InputEvent(), count: capacity)
        mask = capacity - 1
    }
    deinit { events.deallocate() }

    /// Events that can be read now.
    public var readableCount: Int { (packetHead &- tail) & mask }

    public mutating func push(_ event: InputEvent) {
        events[head] = event
        head = (head + 1) & mask
        if head == tail {
            tail = (head - 2) & mask
            var dropped = InputEvent(type: InputCode.evSynchronize, code: InputCode.synDropped, value: 0)
            dropped.seconds = event.seconds
            dropped.microseconds = event.microseconds
            events[tail] = dropped
            packetHead = tail
        }
        if event.type == InputCode.evSynchronize, event.code == InputCode.synReport { packetHead = head }
    }

    public mutating func pop() -> InputEvent? {
        guard packetHead != tail else { return nil }
        let event = events[tail]
        tail = (tail + 1) & mask
        return event
    }

    /// Forgets everything: after a change of the clock, or when the device is taken away.
    public mutating func removeAll() {
        head = 0
        tail = 0
        packetHead = 0
    }

    /// Forgets everything and says so to the reader with a SYN_DROPPED.
    public mutating func removeAllAndReport(at time: InputEvent) {
        guard head != tail else { return }
        removeAll()
        var dropped = time
        dropped.type = InputCode.evSynchronize
        dropped.code = InputCode.synDropped
        dropped.value = 0
        push(dropped)
        packetHead = head
    }
}
