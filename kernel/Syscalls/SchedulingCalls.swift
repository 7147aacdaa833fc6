import ABI
import Processes
import Processor
import Scheduling
import Support

/// How threads are scheduled: on which processors, by which policy. Nice values are in `PriorityCalls`.
///
/// Of Linux's policies only SCHED_DEADLINE is not there.
public enum SchedulingCalls {
    /// Linux's numbers that are no policies of this kernel.
    private enum Policy {
        static let deadline: Int32 = 6
        /// The policy that the thread has already (sched_setparam).
        static let keep: Int32 = -1
        static let resetOnFork: Int32 = 0x4000_0000
    }

    public static func register(_ table: inout SyscallTable) {
        table.set(.schedYield) { (_) throws(Errno) in
            Scheduler.yield()
            return 0
        }
        table.set(.getcpu, getProcessor)
        table.set(.schedSetaffinity, setAffinity)
        table.set(.schedGetaffinity, getAffinity)
        table.set(.schedSetscheduler) { (a) throws(Errno) in
            guard a.int32(1) >= 0 else { throw .invalidArgument }
            return try setPolicy(a.int32(0), a.int32(1), a.address(2))
        }
        table.set(.schedSetparam) { (a) throws(Errno) in try setPolicy(a.int32(0), Policy.keep, a.address(1)) }
        table.set(.schedGetscheduler) { (a) throws(Errno) in
            let parameters = try target(a.int32(0)).scheduling
            return Int(parameters.policy.rawValue) | (parameters.resetsOnFork ? Int(Policy.resetOnFork) : 0)
        }
        table.set(.schedGetparam) { (a) throws(Errno) in
            if a.address(1).isNull { throw .invalidArgument }
            try copyOut(Int32(try target(a.int32(0)).scheduling.realTimePriority), to: a.address(1))
            return 0
        }
        table.set(.schedSetattr, setAttributes)
        table.set(.schedGetattr, getAttributes)
        table.set(.schedGetPriorityMax) { (a) throws(Errno) in try priorityBound(a.int32(0), realTime: 99) }
        table.set(.schedGetPriorityMin) { (a) throws(Errno) in try priorityBound(a.int32(0), realTime: 1) }
        table.set(.schedRRGetInterval) { (a) throws(Errno) in
            let parameters = try target(a.int32(0)).scheduling
            let slice: UInt64 =
                switch parameters.policy {
                case .fifo: 0
                case .roundRobin: SchedulingParameters.turnNanoseconds
                default: parameters.sliceNanoseconds
                }
            try copyOut(Int64(slice / 1_000_000_000), to: a.address(1))
            try copyOut(Int64(slice % 1_000_000_000), to: a.address(1) + 8)
            return 0
        }
    }

    /// A thread by id; 0 is the caller.
    private static func target(_ id: Int32) throws(Errno) -> UserThread {
        guard id >= 0 else { throw .invalidArgument }
        if id == 0 { return UserThread.current }
        guard let thread = ProcessTable.thread(id) else { throw .noProcess }
        return thread
    }

    private static func isOwn(_ thread: UserThread) -> Bool {
        let caller = Process.current.credentials, owner = thread.process.credentials
        return caller.isPrivileged || caller.euid == owner.euid || caller.euid == owner.uid
    }

    private static func getProcessor(_ a: SyscallArguments) throws(Errno) -> Int {
        // Copying may sleep, and the thread then go on elsewhere: the number is read once.
        let processor = UInt32(currentThread.processor)
        if !a.address(0).isNull { try copyOut(processor, to: a.address(0)) }
        if !a.address(1).isNull { try copyOut(Processors[Int(processor)].pointee.node, to: a.address(1)) }
        return 0
    }

    // MARK: Affinity

    /// The mask is as long as the program says; what it does not say is not allowed.
    private static func setAffinity(_ a: SyscallArguments) throws(Errno) -> Int {
        let bytes = try copyInBytes(from: a.address(2), count: Int(min(a.uint32(1), 8)))
        var mask: UInt64 = 0
        for (index, byte) in bytes.enumerated() { mask |= UInt64(byte) << UInt64(index * 8) }
        guard a.int32(0) >= 0 else { throw .noProcess }
        let thread = try target(a.int32(0))
        guard isOwn(thread) else { throw .notPermitted }
        mask &= Processors.mask
        guard mask != 0 else { throw .invalidArgument }
        Scheduler.setAllowedProcessors(of: thread, to: mask)
        return 0
    }

    private static func getAffinity(_ a: SyscallArguments) throws(Errno) -> Int {
        guard Int(a.uint32(1)) * 8 >= Processors.count, a.uint32(1) & 7 == 0 else { throw .invalidArgument }
        guard a.int32(0) >= 0 else { throw .noProcess }
        try copyOut(try target(a.int32(0)).allowedProcessors & Processors.mask, to: a.address(2))
        return 8
    }

    // MARK: Policy

    private static func setPolicy(_ id: Int32, _ policy: Int32, _ parameters: UserAddress) throws(Errno) -> Int {
        if parameters.isNull || id < 0 { throw .invalidArgument }
        var wanted = Wanted(policy: policy)
        wanted.priority = try copyIn(UInt32.self, from: parameters)
        if policy != Policy.keep {
            wanted.policy = policy & ~Policy.resetOnFork
            wanted.resetsOnFork = policy & Policy.resetOnFork != 0
        }
        try set(try target(id), wanted)
        return 0
    }

    /// What a program asks for. What is nil stays.
    private struct Wanted {
        var policy: Int32
        var priority: UInt32 = 0
        var nice: Int8?
        var slice: UInt64?
        var resetsOnFork: Bool?
        /// Policy and parameters stay: only the mark for children changes.
        var keepsParameters = false
    }

    /// Linux's checks in Linux's order: first whether it makes sense, then whether it is allowed.
    private static func set(_ thread: UserThread, _ wanted: Wanted) throws(Errno) {
        var new = thread.scheduling
        let old = new
        let policy = wanted.policy == Policy.keep ? Int32(old.policy.rawValue) : wanted.policy
        guard policy >= 0, policy <= UInt8.max, let known = SchedulingPolicy(rawValue: UInt8(policy)) else {
            throw .invalidArgument
        }
        let priority = wanted.keepsParameters ? UInt32(old.realTimePriority) : wanted.priority
        guard known.isRealTime ? priority >= 1 && priority <= 99 : priority == 0 else {
            throw .invalidArgument
        }
        if !wanted.keepsParameters {
            new.policy = known
            new.realTimePriority = UInt8(priority)
        }
        // An idle or real-time thread keeps its nice value, which counts when it becomes ordinary again.
        if known != .idle, !known.isRealTime, let nice = wanted.nice { new.nice = nice }
        if let slice = wanted.slice { new.sliceNanoseconds = slice }
        if wanted.policy != Policy.keep { new.resetsOnFork = wanted.resetsOnFork ?? false }
        if !Process.current.credentials.isPrivileged {
            if known.isRealTime {
                let limit = thread.process.limits[.realTimePriority].soft
                if known != old.policy, limit == 0 { throw .notPermitted }
                if new.realTimePriority > old.realTimePriority, UInt64(new.realTimePriority) > limit { throw .notPermitted }
            }
            let mayHave = { (nice: Int8) in UInt64(20 - Int(nice)) <= thread.process.limits[.nice].soft }
            if known != .idle, new.nice < old.nice, !mayHave(new.nice) { throw .notPermitted }
            if old.policy == .idle, known != .idle, !mayHave(old.nice) { throw .notPermitted }
            if !isOwn(thread) || old.resetsOnFork && !new.resetsOnFork { throw .notPermitted }
        }
        thread.scheduling = new
    }

    private static func priorityBound(_ policy: Int32, realTime: Int) throws(Errno) -> Int {
        if policy == Policy.deadline { return 0 }
        guard policy >= 0, policy <= UInt8.max, let known = SchedulingPolicy(rawValue: UInt8(policy)) else {
            throw .invalidArgument
        }
        return known.isRealTime ? realTime : 0
    }

    // MARK: sched_setattr and sched_getattr

    /// `struct sched_attr` (`include/uapi/linux/sched/types.h`): its first version, and ours.
    private static let firstAttributeSize = 48, attributeSize = 56

    private static func setAttributes(_ a: SyscallArguments) throws(Errno) -> Int {
        guard !a.address(1).isNull, a.int32(0) >= 0, a.uint32(2) == 0 else { throw .invalidArgument }
        let bytes = try copyInAttributes(a.address(1))
        let (policyWord, flags, nice, priority, runtime) = bytes.withUnsafeBytes {
            (
                $0.load(fromByteOffset: 4, as: Int32.self), $0.load(fromByteOffset: 8, as: UInt64.self),
                $0.load(fromByteOffset: 16, as: Int32.self), $0.load(fromByteOffset: 20, as: UInt32.self),
                $0.load(fromByteOffset: 24, as: UInt64.self)
            )
        }
        guard policyWord >= 0 else { throw .invalidArgument }
        let thread = try target(a.int32(0))
        // RESET_ON_FORK, RECLAIM, DL_OVERRUN, KEEP_POLICY, KEEP_PARAMS, UTIL_CLAMP_MIN and _MAX.
        guard flags & ~0x7f == 0 else { throw .invalidArgument }
        if flags & 0x60 != 0 { throw .notSupported }
        let keepsPolicy = flags & 8 != 0, keepsParameters = flags & 0x10 != 0
        var wanted = Wanted(policy: keepsPolicy ? Policy.keep : policyWord)
        wanted.resetsOnFork = flags & 1 != 0
        wanted.keepsParameters = keepsParameters
        if !keepsParameters {
            wanted.priority = priority
            wanted.nice = Int8(min(max(nice, -20), 19))
            wanted.slice = runtime == 0 ? SchedulingParameters.usualSliceNanoseconds : runtime
        }
        try set(thread, wanted)
        return 0
    }

    /// Copies the structure in, of whatever version: a longer one may have only zeros at its end.
    private static func copyInAttributes(_ address: UserAddress) throws(Errno) -> [UInt8] {
        var size = Int(try copyIn(UInt32.self, from: address))
        if size == 0 { size = firstAttributeSize }
        var isTooBig = size < firstAttributeSize || size > 4096
        var bytes: [UInt8] = []
        if !isTooBig {
            bytes = try copyInBytes(from: address, count: size)
            for index in attributeSize..<max(size, attributeSize) { if bytes[index] != 0 { isTooBig = true } }
        }
        if isTooBig {
            try? copyOut(UInt32(attributeSize), to: address)
            throw .argumentListTooLong
        }
        while bytes.count < attributeSize { bytes.append(0) }
        return bytes
    }

    private static func getAttributes(_ a: SyscallArguments) throws(Errno) -> Int {
        let size = Int(a.uint32(2))
        guard !a.address(1).isNull, a.int32(0) >= 0, size >= firstAttributeSize, size <= 4096, a.uint32(3) == 0 else {
            throw .invalidArgument
        }
        let parameters = try target(a.int32(0)).scheduling
        var bytes = [UInt8](repeating: 0, count: attributeSize)
        let count = min(size, attributeSize)
        bytes.withUnsafeMutableBytes {
            $0.storeBytes(of: UInt32(count), toByteOffset: 0, as: UInt32.self)
            $0.storeBytes(of: UInt32(parameters.policy.rawValue), toByteOffset: 4, as: UInt32.self)
            $0.storeBytes(of: parameters.resetsOnFork ? 1 : 0, toByteOffset: 8, as: UInt64.self)
            if parameters.policy.isRealTime {
                $0.storeBytes(of: UInt32(parameters.realTimePriority), toByteOffset: 20, as: UInt32.self)
            } else {
                $0.storeBytes(of: Int32(parameters.nice), toByteOffset: 16, as: Int32.self)
                $0.storeBytes(of: parameters.sliceNanoseconds, toByteOffset: 24, as: UInt64.self)
            }
        }
        try copyOutBytes(Array(bytes.prefix(count)), to: a.address(1))
        return 0
    }
}
