import ABI
import Processes
import Scheduling
import Support
import Synchronization

/// Nice values: getpriority and setpriority.
public enum PriorityCalls {
    public static func register(_ table: inout SyscallTable) {
        table.set(.getpriority) { (a) throws(Errno) in
            // 1 to 40, so that no answer looks like an error: the C library turns it round.
            var highest: Int?
            for thread in try targets(a.int32(0), a.int32(1)) { highest = max(highest ?? 0, 20 - niceValue(thread)) }
            guard let highest else { throw .noProcess }
            return highest
        }
        table.set(.setpriority) { (a) throws(Errno) in
            let wanted = min(max(Int(a.int32(2)), -20), 19)
            let threads = try targets(a.int32(0), a.int32(1))
            if threads.isEmpty { throw .noProcess }
            // Every target that can be changed is; the last one that cannot gives the error.
            var failure: Errno?
            for thread in threads {
                do throws(Errno) { try set(thread, wanted) } catch { failure = error }
            }
            if let failure { throw failure }
            return 0
        }
    }

    private static func niceValue(_ thread: UserThread) -> Int { Int(thread.nice) }

    /// The threads that are meant: one (PRIO_PROCESS), those of a group (PRIO_PGRP) or of a user (PRIO_USER).
    private static func targets(_ kind: Int32, _ who: Int32) throws(Errno) -> [UserThread] {
        let caller = Process.current
        switch kind {
        case 0:
            if who == 0 { return [UserThread.current] }
            return ProcessTable.thread(who).map { [$0] } ?? []
        case 1:
            let group = who == 0 ? caller.groupID : who
            return ProcessTable.all.flatMap { $0.groupID == group ? $0.threads : [] }
        case 2:
            let user = who == 0 ? caller.credentials.uid : UInt32(bitPattern: who)
            return ProcessTable.all.flatMap { $0.credentials.uid == user ? $0.threads : [] }
        default: throw .invalidArgument
        }
    }

    /// - Throws: `notPermitted` for the threads of others; `accessDenied` for a value below what RLIMIT_NICE allows.
    private static func set(_ thread: UserThread, _ value: Int) throws(Errno) {
        let caller = Process.current.credentials
        let target = thread.process.credentials
        guard caller.isPrivileged || target.uid == caller.euid || target.euid == caller.euid else { throw .notPermitted }
        if value < niceValue(thread), !caller.isPrivileged, UInt64(20 - value) > thread.process.limits[.nice].soft {
            throw .accessDenied
        }
        thread.nice = Int8(value)
    }
}
