import ABI
import Processes
import Processor
import Scheduling
import Support

/// Making threads and processes: fork, vfork, clone and clone3.
enum CloneCalls {
    static func register(_ table: inout SyscallTable) {
        table.set(.fork) { (_) throws(Errno) in try clone(.init(flags: [], exitSignal: 17)) }
        table.set(.vfork) { (_) throws(Errno) in try clone(.init(flags: [.sharedMemory, .vfork], exitSignal: 17)) }
        table.set(.clone, cloneCall)
        table.set(.clone3, clone3)
    }

    private static func clone(_ request: Clone.Request) throws(Errno) -> Int {
        Int(try Clone.clone(request, UserThread.current.trapFrame.pointee))
    }

    private static func cloneCall(_ a: SyscallArguments) throws(Errno) -> Int {
        var request = Clone.Request(flags: CloneFlags(rawValue: a.raw(0) & 0xffff_ff00), exitSignal: Int32(a.raw(0) & 0xff))
        guard request.exitSignal <= 64 else { throw .invalidArgument }
        request.stack = a.raw(1)
        request.parentIDAddress = a.address(2)
        request.childIDAddress = a.address(3)
        request.threadPointer = a.raw(4)
        if request.flags.contains(.descriptor) {
            // The word has one use at a time.
            if request.flags.contains(.setParentID) { throw .invalidArgument }
            request.makeDescriptor = ProcessFileCalls.maker(storing: a.address(2))
        }
        return try clone(request)
    }

    /// `struct clone_args`, which has grown twice (`include/uapi/linux/sched.h`).
    private enum Arguments {
        static let smallest = 64, largest = 4096
        static let flags = 0, processDescriptor = 1, childID = 2, parentID = 3, exitSignal = 4, stack = 5, stackSize = 6
        static let threadPointer = 7, wantedIDs = 8, wantedIDCount = 9, controlGroup = 10, count = 11
        static let intoControlGroup: UInt64 = 0x2_0000_0000
        static let maximumWantedIDs: UInt64 = 32
    }

    private static func clone3(_ a: SyscallArguments) throws(Errno) -> Int {
        let words = try copyInArguments(a)
        try check(words)
        var request = Clone.Request(
            flags: CloneFlags(rawValue: words[Arguments.flags]), exitSignal: Int32(words[Arguments.exitSignal]))
        if words[Arguments.stack] != 0 { request.stack = words[Arguments.stack] &+ words[Arguments.stackSize] }
        request.childIDAddress = UserAddress(words[Arguments.childID])
        request.parentIDAddress = UserAddress(words[Arguments.parentID])
        request.threadPointer = words[Arguments.threadPointer]
        request.wantedID = try wantedID(words)
        if request.flags.contains(.descriptor) {
            let place = UserAddress(words[Arguments.processDescriptor])
            if request.flags.contains(.setParentID), place == request.parentIDAddress { throw .invalidArgument }
            request.makeDescriptor = ProcessFileCalls.maker(storing: place)
        }
        return try clone(request)
    }

    /// The known words, with 0 for those that the program does not know of.
    /// - Throws: `argumentListTooLong` when it knows, and uses, more than there are.
    private static func copyInArguments(_ a: SyscallArguments) throws(Errno) -> InlineArray<11, UInt64> {
        var words = InlineArray<11, UInt64>(repeating: 0)
        let size = a.raw(1)
        guard size <= Arguments.largest else { throw .argumentListTooLong }
        guard size >= Arguments.smallest else { throw .invalidArgument }
        let bytes = try copyInBytes(from: a.address(0), count: Int(size))
        for byte in bytes.dropFirst(Arguments.count * 8) where byte != 0 { throw .argumentListTooLong }
        for index in 0..<min(bytes.count, Arguments.count * 8) {
            words[index >> 3] |= UInt64(bytes[index]) << UInt64(index & 7 * 8)
        }
        return words
    }

    private static func check(_ words: borrowing InlineArray<11, UInt64>) throws(Errno) {
        let flags = CloneFlags(rawValue: words[Arguments.flags])
        let hasIDs = words[Arguments.wantedIDs] != 0
        guard words[Arguments.wantedIDCount] <= Arguments.maximumWantedIDs, hasIDs == (words[Arguments.wantedIDCount] != 0) else {
            throw .invalidArgument
        }
        guard words[Arguments.exitSignal] <= 64 else { throw .invalidArgument }
        // The exit signal has a word of its own here.
        guard flags.rawValue & 0x7f == 0, !flags.contains(.detached), flags.rawValue & Arguments.intoControlGroup == 0 else {
            throw .invalidArgument
        }
        if flags.isSuperset(of: [.sharedHandlers, .clearedHandlers]) { throw .invalidArgument }
        if !flags.isDisjoint(with: [.thread, .parent]), words[Arguments.exitSignal] != 0 { throw .invalidArgument }
        guard (words[Arguments.stack] == 0) == (words[Arguments.stackSize] == 0) else { throw .invalidArgument }
        if words[Arguments.stack] != 0 {
            guard words[Arguments.stackSize] <= UInt64(Int64.max),
                UserAddress(words[Arguments.stack]).isUserRange(Int(words[Arguments.stackSize]))
            else { throw .invalidArgument }
        }
    }

    /// The number that the program wants for the new thread: one, because there is one space of numbers.
    private static func wantedID(_ words: borrowing InlineArray<11, UInt64>) throws(Errno) -> Int32? {
        guard words[Arguments.wantedIDCount] != 0 else { return nil }
        let first = try copyIn(Int32.self, from: UserAddress(words[Arguments.wantedIDs]))
        guard words[Arguments.wantedIDCount] == 1, ProcessTable.isPossible(first) else { throw .invalidArgument }
        guard Process.current.credentials.isPrivileged else { throw .notPermitted }
        return first
    }
}
