import ABI
import Files
import Scheduling
import Support
import Synchronization

// The kernel's and the host's allocator alike; unlike Swift's own allocation it can fail.
@_extern(c, "posix_memalign")
private func allocateMemory(_ result: UnsafeMutablePointer<UnsafeMutableRawPointer?>, _ alignment: Int, _ byteCount: Int) -> Int32

/// Bytes that a socket has sent and nobody has read: what SO_SNDBUF limits. Messages hold it until they are gone.
final class SendBudget {
    private let charged = Atomic<Int>(0)
    let limit = Atomic<Int>(SendBudget.defaultLimit)
    /// Senders wait here for room; so do those who poll the socket.
    let writable = WaitQueue()

    static var defaultLimit: Int { 212_992 }
    /// What a message costs beyond its bytes.
    static var overhead: Int { 256 }

    var used: Int { charged.load(ordering: .acquiring) }
    var hasRoom: Bool { used < limit.load(ordering: .relaxed) }
    /// What poll calls writable: three quarters are free, so that writers do not wake for every message read.
    var isWritable: Bool { used * 4 <= limit.load(ordering: .relaxed) }

    func charge(_ amount: Int) { charged.wrappingAdd(amount, ordering: .acquiringAndReleasing) }

    func release(_ amount: Int) {
        let now = charged.wrappingSubtract(amount, ordering: .acquiringAndReleasing).newValue
        let limit = limit.load(ordering: .relaxed)
        if now * 4 <= limit, (now + amount) * 4 > limit { writable.wake(events: PollEvents.writable.rawValue) }
    }
}

/// One message in a socket's queue: for streams a piece of the stream.
final class SocketMessage {
    fileprivate(set) var next: SocketMessage?
    private let memory: UnsafeMutableRawPointer?
    /// Bytes of the message, and how many of them have been read.
    let count: Int
    var consumed = 0
    /// Taken by the read that reaches the message.
    var rights: FileRights?
    let credentials: SocketCredentials
    /// The sender's address, for datagrams.
    let sender: [UInt8]
    private let budget: SendBudget

    /// Copies a message's bytes in.
    /// - Throws: `badAddress`, `noBufferSpace`.
    init(
        copying source: inout TransferBuffer, count: Int, rights: FileRights?, credentials: SocketCredentials, sender: [UInt8],
        budget: SendBudget
    ) throws(Errno) {
        var memory: UnsafeMutableRawPointer?
        if count > 0 {
            guard allocateMemory(&memory, 16, count) == 0 else { throw .noBufferSpace }
        }
        self.memory = memory
        self.count = count
        self.rights = rights
        self.credentials = credentials
        self.sender = sender
        self.budget = budget
        budget.charge(count + SendBudget.overhead)
        if let memory, try source.drain(into: memory, count: count) < count { throw .badAddress }
    }

    deinit {
        memory?.deallocate()
        budget.release(count + SendBudget.overhead)
    }

    var remaining: Int { count - consumed }

    /// Copies out from `offset` on.
    func copy(from offset: Int, into target: inout TransferBuffer) throws(Errno) -> Int {
        guard let memory, offset < count else { return 0 }
        return try target.fill(from: memory + offset, count: count - offset)
    }
}

/// Messages in order of arrival. Its owner's lock protects it.
struct SocketMessageQueue: ~Copyable {
    private(set) var head: SocketMessage?
    private unowned(unsafe) var tail: SocketMessage?
    private(set) var count = 0
    /// Unread bytes.
    var byteCount = 0

    init() {}

    mutating func append(_ message: SocketMessage) {
        if let tail { tail.next = message } else { head = message }
        tail = message
        count += 1
        byteCount += message.count
    }

    /// Takes the first message out. It must be released outside the lock.
    mutating func removeFirst() -> SocketMessage? {
        guard let first = head else { return nil }
        head = first.next
        first.next = nil
        if head == nil { tail = nil }
        count -= 1
        byteCount -= first.remaining
        return first
    }

    /// Takes everything out.
    mutating func takeAll() -> SocketMessageQueue {
        var all = SocketMessageQueue()
        swap(&all, &self)
        return all
    }

    /// Releases the messages one by one: a chain of them must not be released by recursion.
    consuming func discard() {
        var rest = self
        while rest.removeFirst() != nil {}
    }

    /// Shows every file of the queued messages.
    func forEachFile(_ body: (OpenFile) -> Void) {
        var message = head
        while let current = message {
            if let rights = current.rights {
                for file in rights.files { body(file) }
            }
            message = current.next
        }
    }
}
