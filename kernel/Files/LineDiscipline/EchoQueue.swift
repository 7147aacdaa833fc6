/// Echoes that wait for room in the output. Each is an operation and not yet bytes, because what erases a tab depends on
/// the column at the time when it is written.
struct EchoQueue: ~Copyable {
    enum Kind: UInt16 {
        /// A byte, post-processed like output.
        case byte = 0
        /// A byte that is never post-processed.
        case verbatim
        /// A control character shown as a caret and a letter.
        case caret
        /// The column goes back by one without any output.
        case moveBack
        /// The line being typed starts at this column.
        case setLineStart
        /// Backspaces over a tab; the value is the number of columns before it, with bit 7 set if they follow a tab.
        case eraseTab
    }

    static var capacity: Int { 2048 }
    private let storage = UnsafeMutablePointer<UInt16>.allocate(capacity: EchoQueue.capacity)
    private var head = 0
    private var tail = 0
    /// Something was appended since the owner last cleared this.
    var isFresh = false

    init() {}
    deinit { storage.deallocate() }

    var count: Int { head &- tail }
    var isEmpty: Bool { head == tail }

    /// Appends an echo; the oldest is lost when output has been stopped for so long that the queue is full.
    mutating func append(_ kind: Kind, _ value: UInt8 = 0) {
        if count == Self.capacity { tail &+= 1 }
        storage[head & (Self.capacity - 1)] = kind.rawValue << 8 | UInt16(value)
        head &+= 1
        isFresh = true
    }

    /// The oldest echo, which stays.
    var first: (kind: Kind, value: UInt8)? {
        if isEmpty { return nil }
        let word = storage[tail & (Self.capacity - 1)]
        return (Kind(rawValue: word >> 8) ?? .verbatim, UInt8(truncatingIfNeeded: word))
    }

    mutating func removeFirst() { tail &+= 1 }

    mutating func removeAll() {
        head = 0
        tail = 0
    }
}
