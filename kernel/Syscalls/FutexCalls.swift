import ABI
import Processes
import Processor
import Support

/// The futex call (`include/uapi/linux/futex.h`), and the list of robust mutexes.
public enum FutexCalls {
    public static func register(_ table: inout SyscallTable) {
        table.set(.futex, futex)
        table.set(.setRobustList) { (a) throws(Errno) in
            guard a.raw(1) == robustHeadByteCount else { throw .invalidArgument }
            UserThread.current.robustList = a.raw(0)
            return 0
        }
        table.set(.getRobustList, getRobustList)
    }

    private static let robustHeadByteCount: UInt64 = 24

    private enum Operation {
        static let wait: Int32 = 0
        static let wake: Int32 = 1
        static let requeue: Int32 = 3
        static let compareRequeue: Int32 = 4
        static let wakeOperation: Int32 = 5
        static let lock: Int32 = 6
        static let unlock: Int32 = 7
        static let tryLock: Int32 = 8
        static let waitBits: Int32 = 9
        static let wakeBits: Int32 = 10
        static let waitRequeueLock: Int32 = 11
        static let compareRequeueLock: Int32 = 12
        static let lockByEitherClock: Int32 = 13
        static let privateFlag: Int32 = 128
        static let realtimeFlag: Int32 = 256
    }

    private static func futex(_ a: SyscallArguments) throws(Errno) -> Int {
        let operation = a.int32(1) & ~(Operation.privateFlag | Operation.realtimeFlag)
        let isPrivate = a.int32(1) & Operation.privateFlag != 0
        let address = a.address(0)
        switch operation {
        case Operation.wait, Operation.waitBits, Operation.lock, Operation.lockByEitherClock, Operation.waitRequeueLock:
            return try wait(a, operation, isPrivate)
        case _ where a.int32(1) & Operation.realtimeFlag != 0:
            throw .notImplemented
        case Operation.wake:
            return try Futex.wake(at: address, count: max(a.int32(2), 1).asInt, isPrivate: isPrivate)
        case Operation.wakeBits:
            return try Futex.wake(at: address, count: max(a.int32(2), 1).asInt, bits: a.uint32(5), isPrivate: isPrivate)
        case Operation.wakeOperation:
            return try Futex.wake(
                at: address, count: max(a.int32(2), 1).asInt, changing: a.address(4), count: max(a.int32(3), 1).asInt,
                .init(code: a.uint32(5)), isPrivate: isPrivate)
        case Operation.requeue:
            return try Futex.requeue(
                from: address, to: a.address(4), wake: a.int32(2).asInt, move: a.int32(3).asInt, expected: nil,
                isPrivate: isPrivate)
        case Operation.compareRequeue:
            return try Futex.requeue(
                from: address, to: a.address(4), wake: a.int32(2).asInt, move: a.int32(3).asInt, expected: a.uint32(5),
                isPrivate: isPrivate)
        case Operation.unlock:
            try Futex.unlock(at: address, isPrivate: isPrivate)
            return 0
        case Operation.tryLock:
            try Futex.lock(at: address, isPrivate: isPrivate, deadline: nil, isTrying: true)
            return 0
        case Operation.compareRequeueLock:
            return try Futex.requeue(
                from: address, toLock: a.address(4), wake: a.int32(2).asInt, move: a.int32(3).asInt, expected: a.uint32(5),
                isPrivate: isPrivate)
        default:
            throw .notImplemented
        }
    }

    /// The operations that wait, which have a time-out: relative for the oldest, absolute for the others.
    private static func wait(_ a: SyscallArguments, _ operation: Int32, _ isPrivate: Bool) throws(Errno) -> Int {
        var isRealtime = a.int32(1) & Operation.realtimeFlag != 0
        var time: UInt64?
        if !a.address(3).isNull {
            time = try copyIn(TimeSpec.self, from: a.address(3)).duration
            if time == nil { throw .invalidArgument }
        }
        if isRealtime, operation == Operation.wait || operation == Operation.lock { throw .notImplemented }
        if operation == Operation.lock { isRealtime = true }
        var end: UInt64?
        if let time { end = deadline(time, isAbsolute: operation != Operation.wait, isRealtime: isRealtime) }
        switch operation {
        case Operation.lock, Operation.lockByEitherClock:
            try Futex.lock(at: a.address(0), isPrivate: isPrivate, deadline: end, isTrying: false)
        case Operation.waitRequeueLock:
            try Futex.wait(
                at: a.address(0), expected: a.uint32(2), thenLock: a.address(4), isPrivate: isPrivate, deadline: end)
        default:
            let bits = operation == Operation.wait ? .max : a.uint32(5)
            do throws(Errno) {
                try Futex.wait(at: a.address(0), expected: a.uint32(2), bits: bits, isPrivate: isPrivate, deadline: end)
            } catch {
                // A relative time-out would start anew: Linux ends the wait with EINTR when a handler runs.
                throw error == .restart && end != nil ? .restartUnlessHandled : error
            }
        }
        return 0
    }

    /// In monotonic nanoseconds.
    private static func deadline(_ time: UInt64, isAbsolute: Bool, isRealtime: Bool) -> UInt64 {
        let now = Clock.monotonic
        guard isAbsolute else { return min(now &+ time, UInt64(Int64.max)) }
        guard isRealtime else { return time }
        let offset = Clock.realtimeOffset
        return time > offset ? time - offset : 0
    }

    private static func getRobustList(_ a: SyscallArguments) throws(Errno) -> Int {
        let caller = UserThread.current
        guard let thread = a.int32(0) == 0 ? caller : ProcessTable.thread(a.int32(0)) else { throw .noProcess }
        if thread.process !== caller.process, !Process.current.credentials.isPrivileged { throw .notPermitted }
        try copyOut(robustHeadByteCount, to: a.address(2))
        try copyOut(thread.robustList, to: a.address(1))
        return 0
    }
}

extension Int32 {
    fileprivate var asInt: Int { Int(self) }
}
