import ABI
import Processes
import Processor
import Support

/// The futex call (`include/uapi/linux/futex.h`).
public enum FutexCalls {
    public static func register(_ table: inout SyscallTable) { table.set(.futex, futex) }

    private enum Operation {
        static let wait: Int32 = 0
        static let wake: Int32 = 1
        static let requeue: Int32 = 3
        static let compareRequeue: Int32 = 4
        static let wakeOperation: Int32 = 5
        static let waitBits: Int32 = 9
        static let wakeBits: Int32 = 10
        static let privateFlag: Int32 = 128
        static let realtimeFlag: Int32 = 256
    }

    private static func futex(_ a: SyscallArguments) throws(Errno) -> Int {
        let operation = a.int32(1)
        let isPrivate = operation & Operation.privateFlag != 0
        let isRealtime = operation & Operation.realtimeFlag != 0
        let address = a.address(0)
        switch operation & 127 {
        case Operation.wait:
            try wait(a, bits: .max, isAbsolute: false, isRealtime: isRealtime, isPrivate: isPrivate)
            return 0
        case Operation.waitBits:
            try wait(a, bits: a.uint32(5), isAbsolute: true, isRealtime: isRealtime, isPrivate: isPrivate)
            return 0
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
        default:
            throw .notImplemented
        }
    }

    private static func wait(
        _ a: SyscallArguments, bits: UInt32, isAbsolute: Bool, isRealtime: Bool, isPrivate: Bool
    ) throws(Errno) {
        var deadline: UInt64?
        if !a.address(3).isNull {
            guard let time = try copyIn(TimeSpec.self, from: a.address(3)).duration else { throw .invalidArgument }
            let now = Clock.monotonic
            if isAbsolute, isRealtime {
                let offset = Clock.realtime &- now
                deadline = time > offset ? time - offset : 0
            } else {
                deadline = isAbsolute ? time : min(now &+ time, UInt64(Int64.max))
            }
        }
        do throws(Errno) {
            try Futex.wait(at: a.address(0), expected: a.uint32(2), bits: bits, isPrivate: isPrivate, deadline: deadline)
        } catch {
            // A relative time-out would start anew: Linux ends the wait with EINTR when a handler runs.
            throw error == .restart && deadline != nil ? .restartUnlessHandled : error
        }
    }
}

extension Int32 {
    fileprivate var asInt: Int { Int(self) }
}
