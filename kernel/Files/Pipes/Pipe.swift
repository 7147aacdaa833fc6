import ABI
import Files
import Processes
import Scheduling
import Support
import Synchronization

/// A pipe or FIFO: bytes that writers put in and readers take out (POSIX `pipe`, `write`; Linux pipe(7)).
///
/// The contents are copied from and to user memory under a sleeping lock. What decides about waiting (how much is queued,
/// who is at the other end) is kept in atomics as well, so that sleepers and poll look at it without that lock.
final class Pipe {
    /// Writes of at most this many bytes are not split.
    static var atomicWrite: Int { 4096 }

    private let lock = CompactLock()
    /// Protected by `lock`.
    private var buffer = PipeBuffer()
    private let queued = Atomic<Int>(0)
    private let capacityBytes = Atomic<Int>(PipeBuffer.defaultCapacity)

    private let readers = Atomic<Int32>(0)
    private let writers = Atomic<Int32>(0)
    /// How often each end was opened: opening a FIFO waits for the other one to change.
    let readerOpens = Atomic<Int32>(0)
    let writerOpens = Atomic<Int32>(0)
    /// Somebody polls: every write and read is told, as edge-triggered watchers expect.
    private let isPolled = Atomic<Bool>(false)

    /// Readers wait for bytes, and for writers to come and go; writers for room and for readers.
    let readable = WaitQueue()
    let writable = WaitQueue()
    let inodeNumber = Pipe.nextInode.wrappingAdd(1, ordering: .relaxed).newValue
    private static let nextInode = Atomic<UInt64>(0)

    init() {}

    var count: Int { queued.load(ordering: .acquiring) }
    var room: Int { capacityBytes.load(ordering: .relaxed) - count }
    var hasReaders: Bool { readers.load(ordering: .acquiring) > 0 }
    var hasWriters: Bool { writers.load(ordering: .acquiring) > 0 }

    // MARK: Ends

    func addReader() {
        readers.wrappingAdd(1, ordering: .acquiringAndReleasing)
        readerOpens.wrappingAdd(1, ordering: .acquiringAndReleasing)
        writable.wake()
    }

    func addWriter() {
        writers.wrappingAdd(1, ordering: .acquiringAndReleasing)
        writerOpens.wrappingAdd(1, ordering: .acquiringAndReleasing)
        readable.wake()
    }

    func removeReader() {
        if readers.wrappingSubtract(1, ordering: .acquiringAndReleasing).newValue == 0 {
            writable.wake()
            discardIfUnused()
        }
    }

    func removeWriter() {
        if writers.wrappingSubtract(1, ordering: .acquiringAndReleasing).newValue == 0 {
            readable.wake()
            discardIfUnused()
        }
    }

    /// Bytes in a FIFO that nobody has open are lost.
    private func discardIfUnused() {
        guard !hasReaders, !hasWriters else { return }
        try? lock.withLock { () throws(Errno) in
            // Somebody may have opened it again; then the bytes were there first and stay.
            guard !hasReaders, !hasWriters else { return }
            buffer.removeAll()
            queued.store(0, ordering: .releasing)
        }
    }

    // MARK: Transfers

    func read(_ target: inout TransferBuffer, isNonBlocking: Bool) throws(Errno) -> Int {
        if target.remaining == 0 { return 0 }
        while true {
            // Looked at before the contents: without writers nothing can be added after the look at the contents.
            let mayGrow = hasWriters
            if count > 0, let taken = try take(&target) { return taken }
            if !mayGrow { return 0 }
            if isNonBlocking { throw .wouldBlock }
            try readable.wait { count > 0 || !hasWriters }
        }
    }

    /// - Returns: nil when another reader was faster.
    private func take(_ target: inout TransferBuffer) throws(Errno) -> Int? {
        var wakesWriters = false
        let taken: Int? = try lock.withLock { () throws(Errno) -> Int? in
            if buffer.count == 0 { return nil }
            let wasCrowded = buffer.room < Self.atomicWrite
            let taken = try buffer.take(into: &target)
            queued.store(buffer.count, ordering: .releasing)
            wakesWriters = wasCrowded && buffer.room >= Self.atomicWrite
            return taken
        }
        if wakesWriters || isPolled.load(ordering: .relaxed) { writable.wake(events: PollEvents.writable.rawValue) }
        return taken
    }

    func write(_ source: inout TransferBuffer, isNonBlocking: Bool) throws(Errno) -> Int {
        let total = source.remaining
        if total == 0 { return 0 }
        let isAtomic = total <= Self.atomicWrite
        var done = 0
        while true {
            guard hasReaders else { return try withoutReaders(done) }
            do throws(Errno) {
                let wanted = total - done
                let (moved, isShort) = room > 0 ? try put(&source, atLeast: isAtomic ? wanted : 1) : (0, false)
                done += moved
                if done == total || isShort { return done }
                if isNonBlocking { throw .wouldBlock }
                let needed = min(total - done, Self.atomicWrite)
                try writable.wait { room >= needed || !hasReaders }
            } catch {
                if done > 0 { return done }
                throw error
            }
        }
    }

    /// Appends what fits, or nothing when that would be less than `minimum`.
    /// - Returns: bytes appended, and whether it ended early because the source faulted.
    private func put(_ source: inout TransferBuffer, atLeast minimum: Int) throws(Errno) -> (moved: Int, isShort: Bool) {
        var wasEmpty = false
        var isShort = false
        let moved = try lock.withLock { () throws(Errno) -> Int in
            guard buffer.room >= minimum else { return 0 }
            wasEmpty = buffer.count == 0
            let moved = try buffer.append(from: &source, limit: buffer.room)
            isShort = buffer.room > 0 && source.remaining > 0
            queued.store(buffer.count, ordering: .releasing)
            return moved
        }
        if moved > 0, wasEmpty || isPolled.load(ordering: .relaxed) { readable.wake(events: PollEvents.readable.rawValue) }
        return (moved, isShort)
    }

    private func withoutReaders(_ done: Int) throws(Errno) -> Int {
        if done > 0 { return done }
        ProcessTable.send(SignalInfo(.brokenPipe), to: UserThread.current)
        throw .brokenPipe
    }

    // MARK: Capacity and poll

    var capacity: Int { capacityBytes.load(ordering: .relaxed) }

    func setCapacity(_ wanted: Int) throws(Errno) -> Int {
        guard wanted >= 0, wanted <= Int(Int32.max) else { throw .invalidArgument }
        var capacity = PipeBuffer.pageBytes
        while capacity < wanted { capacity <<= 1 }
        guard capacity <= PipeBuffer.maximumCapacity else { throw .notPermitted }
        try lock.withLock { () throws(Errno) in
            try buffer.resize(to: capacity)
            capacityBytes.store(capacity, ordering: .releasing)
        }
        writable.wake()
        return capacity
    }

    func watch(_ registration: PollRegistration, reader: Bool, writer: Bool) {
        isPolled.store(true, ordering: .relaxed)
        if reader { registration.watch(readable) }
        if writer { registration.watch(writable) }
    }
}
