import ABI
import Support

/// A process's descriptors: small numbers that refer to open files. The lowest free number is given out, as POSIX
/// requires.
public final class DescriptorTable {
    struct Slot {
        var file: OpenFile?
        var closeOnExec = false
    }
    struct State: ~Copyable {
        var slots: [Slot] = []
        /// No number below this one is free.
        var lowestFree = 0
    }
    private let state: SpinLock<State>

    public init() { state = SpinLock(State()) }

    private init(slots: [Slot], lowestFree: Int) { state = SpinLock(State(slots: slots, lowestFree: lowestFree)) }

    /// The file behind a descriptor.
    public func file(_ descriptor: Int32) throws(Errno) -> OpenFile {
        guard let found = lookUp(descriptor) else { throw .badDescriptor }
        return found
    }

    /// The same; nil when there is none.
    @inline(__always)
    func lookUp(_ descriptor: Int32) -> OpenFile? {
        state.withLock { state in
            descriptor >= 0 && Int(descriptor) < state.slots.count ? state.slots[Int(descriptor)].file : nil
        }
    }

    /// Gives a file the lowest free number that is at least `minimum` and below `limit` (RLIMIT_NOFILE).
    public func insert(_ file: OpenFile, closeOnExec: Bool, minimum: Int = 0, limit: Int) throws(Errno) -> Int32 {
        file.addUser()
        let number: Int? = state.withLock { state in
            var index = max(minimum, state.lowestFree)
            while index < state.slots.count, state.slots[index].file != nil { index += 1 }
            guard index < limit else { return nil }
            while state.slots.count <= index { state.slots.append(Slot()) }
            state.slots[index] = Slot(file: file, closeOnExec: closeOnExec)
            if minimum <= state.lowestFree { state.lowestFree = index + 1 }
            return index
        }
        if number == nil { file.removeUser() }
        guard let number else { throw minimum >= limit ? .invalidArgument : .tooManyOpenFiles }
        return Int32(number)
    }

    /// Puts a file at a given number, closing what was there (dup2).
    public func replace(_ descriptor: Int32, with file: OpenFile, closeOnExec: Bool, limit: Int) throws(Errno) {
        guard descriptor >= 0, Int(descriptor) < limit else { throw .badDescriptor }
        let index = Int(descriptor)
        file.addUser()
        let old: OpenFile? = state.withLock { state in
            while state.slots.count <= index { state.slots.append(Slot()) }
            let old = state.slots[index].file
            state.slots[index] = Slot(file: file, closeOnExec: closeOnExec)
            if index == state.lowestFree { state.lowestFree += 1 }
            return old
        }
        if let old { closed(old) }
    }

    /// After a number stopped referring to a file.
    private func closed(_ file: OpenFile) {
        file.removeUser()
        file.descriptorClosed(self)
    }

    /// Closes a descriptor.
    public func close(_ descriptor: Int32) throws(Errno) {
        let old: OpenFile? = state.withLock { state in
            guard descriptor >= 0, Int(descriptor) < state.slots.count else { return nil }
            let index = Int(descriptor)
            let old = state.slots[index].file
            state.slots[index] = Slot()
            if old != nil, index < state.lowestFree { state.lowestFree = index }
            return old
        }
        guard let old else { throw .badDescriptor }
        closed(old)
        // `old` goes out of scope here, outside the lock: the last reference closes the file.
    }

    public func closeOnExec(_ descriptor: Int32) throws(Errno) -> Bool {
        let flag: Bool? = state.withLock { state in
            guard descriptor >= 0, Int(descriptor) < state.slots.count, state.slots[Int(descriptor)].file != nil else {
                return nil
            }
            return state.slots[Int(descriptor)].closeOnExec
        }
        guard let flag else { throw .badDescriptor }
        return flag
    }

    public func setCloseOnExec(_ descriptor: Int32, _ flag: Bool) throws(Errno) {
        let found = state.withLock { state in
            guard descriptor >= 0, Int(descriptor) < state.slots.count, state.slots[Int(descriptor)].file != nil else {
                return false
            }
            state.slots[Int(descriptor)].closeOnExec = flag
            return true
        }
        if !found { throw .badDescriptor }
    }

    /// A copy for a forked child: same files, same numbers.
    public func copy() -> DescriptorTable {
        let (slots, lowest) = state.withLock { state in
            for slot in state.slots { slot.file?.addUser() }
            return (state.slots, state.lowestFree)
        }
        return DescriptorTable(slots: slots, lowestFree: lowest)
    }

    /// Closes what exec must close.
    public func closeForExec() {
        // Looked at first, because a forked child shares its slots with its parent until it changes them.
        let hasAny = state.withLock { state in
            for index in state.slots.indices where state.slots[index].closeOnExec { return true }
            return false
        }
        if hasAny { closeAll { _, slot in slot.closeOnExec } }
    }

    /// Closes a range of numbers (`close_range`).
    public func close(from first: UInt32, through last: UInt32) { closeAll { number, _ in number >= first && number <= last } }

    /// Marks a range of numbers close-on-exec (`CLOSE_RANGE_CLOEXEC`).
    public func setCloseOnExec(from first: UInt32, through last: UInt32) {
        state.withLock { state in
            guard Int(first) < state.slots.count else { return }
            for index in Int(first)...min(Int(last), state.slots.count - 1) { state.slots[index].closeOnExec = true }
        }
    }

    /// Closes everything (exit).
    public func closeAll() {
        let slots = state.withLock { state in
            let slots = state.slots
            state.slots = []
            state.lowestFree = 0
            return slots
        }
        for slot in slots { if let file = slot.file { closed(file) } }
    }

    private func closeAll(where shouldClose: (UInt32, Slot) -> Bool) {
        let closed: [OpenFile] = state.withLock { state in
            var closed: [OpenFile] = []
            for index in state.slots.indices {
                guard let file = state.slots[index].file, shouldClose(UInt32(index), state.slots[index]) else { continue }
                closed.append(file)
                state.slots[index] = Slot()
                if index < state.lowestFree { state.lowestFree = index }
            }
            return closed
        }
        for file in closed { self.closed(file) }
    }

    /// Open descriptor numbers, ascending.
    public var openNumbers: [Int32] {
        state.withLock { state in
            var numbers: [Int32] = []
            for index in state.slots.indices where state.slots[index].file != nil { numbers.append(Int32(index)) }
            return numbers
        }
    }
}
