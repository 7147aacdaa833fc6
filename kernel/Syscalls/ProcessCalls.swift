import ABI
import Events
import Files
import Processes
import Processor
import Scheduling
import Support
import Synchronization
import VirtualMemory

/// Making, ending and waiting for processes; groups and sessions.
public enum ProcessCalls {
    public static func register(_ table: inout SyscallTable) {
        CloneCalls.register(&table)
        ProcessFileCalls.register(&table)
        table.set(.exit) { (a) throws(Errno) in
            Exit.requestExit(code: a.int32(0))
            return 0
        }
        table.set(.exitGroup) { (a) throws(Errno) in
            Exit.requestGroupExit(status: (a.int32(0) & 0xff) << 8)
            return 0
        }
        table.set(.wait4, wait4)
        table.set(.waitid, waitid)
        table.set(.getpid) { (_) throws(Errno) in Int(Process.current.pid) }
        table.set(.gettid) { (_) throws(Errno) in Int(currentThread.id) }
        table.set(.getppid) { (_) throws(Errno) in Int(Process.current.parentID) }
        table.set(.getpgrp) { (_) throws(Errno) in Int(Process.current.groupID) }
        table.set(.getpgid) { (a) throws(Errno) in Int(try target(a.int32(0)).groupID) }
        table.set(.getsid) { (a) throws(Errno) in Int(try target(a.int32(0)).session.id) }
        table.set(.setsid) { (_) throws(Errno) in Int(try ProcessTable.startSession(Process.current)) }
        table.set(.setpgid) { (a) throws(Errno) in
            guard a.int32(0) >= 0, a.int32(1) >= 0 else { throw .invalidArgument }
            try ProcessTable.setGroup(of: a.int32(0), to: a.int32(1), caller: Process.current)
            return 0
        }
        table.set(.setTidAddress) { (a) throws(Errno) in
            UserThread.current.clearChildAddress = a.address(0)
            return Int(currentThread.id)
        }
        // Not there: C libraries ask for it at every start and do without.
        table.set(.rseq) { (_) throws(Errno) in throw .notImplemented }
        table.set(.archPrctl, archPrctl)
        table.set(.prctl, prctl)
    }

    /// A process by pid; 0 is the caller.
    static func target(_ pid: Int32) throws(Errno) -> Process {
        if pid == 0 { return Process.current }
        guard let process = ProcessTable.process(pid) else { throw .noProcess }
        return process
    }

    private static func selection(_ pid: Int32) throws(Errno) -> Wait.Selection {
        if pid == Int32.min { throw .noProcess }
        if pid == -1 { return .any }
        if pid == 0 { return .group(Process.current.groupID) }
        return pid > 0 ? .pid(pid) : .group(-pid)
    }

    private static func wait4(_ a: SyscallArguments) throws(Errno) -> Int {
        let flags = a.uint32(2)
        // WNOHANG, WUNTRACED, WCONTINUED, __WNOTHREAD, __WALL, __WCLONE.
        guard flags & ~0xe000_000b == 0 else { throw .invalidArgument }
        var options = Wait.Options(rawValue: flags & 0xc000_0000).union(.exited)
        if flags & 1 != 0 { options.insert(.noHang) }
        if flags & 2 != 0 { options.insert(.stopped) }
        if flags & 8 != 0 { options.insert(.continued) }
        guard let change = try Wait.wait(try selection(a.int32(0)), options) else { return 0 }
        if !a.address(1).isNull { try copyOut(change.status, to: a.address(1)) }
        if !a.address(3).isNull {
            try copyOut(
                ResourceUsage(userNanoseconds: change.userNanoseconds, systemNanoseconds: change.systemNanoseconds),
                to: a.address(3))
        }
        return Int(change.pid)
    }

    private static func waitid(_ a: SyscallArguments) throws(Errno) -> Int {
        let flags = a.uint32(3)
        guard flags & ~0xe100_000f == 0, flags & 0xe != 0 else { throw .invalidArgument }
        let chosen: Wait.Selection
        var options = Wait.Options(rawValue: flags)
        var doesNotBlock = false
        switch a.int32(0) {
        case 0: chosen = .any
        case 1:
            guard a.int32(1) > 0 else { throw .invalidArgument }
            chosen = .pid(a.int32(1))
        case 2:
            guard a.int32(1) >= 0 else { throw .invalidArgument }
            chosen = .group(a.int32(1) == 0 ? Process.current.groupID : a.int32(1))
        case 3:
            guard a.int32(1) >= 0 else { throw .invalidArgument }
            let file = try ProcessFileCalls.file(a.fd(1))
            chosen = .process(file.process)
            doesNotBlock = file.isNonBlocking && !options.contains(.noHang)
            if doesNotBlock { options.insert(.noHang) }
        default: throw .invalidArgument
        }
        let change = try Wait.wait(chosen, options)
        if change == nil, doesNotBlock { throw .wouldBlock }
        if !a.address(2).isNull {
            var bytes = [UInt8](repeating: 0, count: 128)
            if let change {
                var info = SignalInfo(.child, code: childCode(change.status))
                info.pid = change.pid
                info.uid = change.uid
                info.status = childStatus(change.status)
                bytes = info.encoded
            }
            try copyOutBytes(bytes, to: a.address(2))
        }
        if let change, !a.address(4).isNull {
            let usage = ResourceUsage(userNanoseconds: change.userNanoseconds, systemNanoseconds: change.systemNanoseconds)
            try copyOut(usage, to: a.address(4))
        }
        return 0
    }

    /// CLD_EXITED, KILLED, STOPPED or CONTINUED.
    private static func childCode(_ status: Int32) -> Int32 {
        if status == 0xffff { return 6 }
        if status & 0xff == 0x7f { return 5 }
        return status & 0x7f == 0 ? 1 : 2
    }

    private static func childStatus(_ status: Int32) -> Int32 {
        if status == 0xffff { return 18 }
        if status & 0xff == 0x7f || status & 0x7f == 0 { return status >> 8 & 0xff }
        return status & 0x7f
    }

    private static func archPrctl(_ a: SyscallArguments) throws(Errno) -> Int {
        switch a.raw(0) {
        case 0x1001, 0x1002:  // ARCH_SET_GS, ARCH_SET_FS
            guard a.raw(1) < UserAddress.limit else { throw .notPermitted }
            if a.raw(0) == 0x1002 { CPU.fsBase = a.raw(1) } else { CPU.userGSBase = a.raw(1) }
            return 0
        case 0x1003:  // ARCH_GET_FS
            try copyOut(CPU.fsBase, to: a.address(1))
            return 0
        case 0x1004:
            try copyOut(CPU.userGSBase, to: a.address(1))
            return 0
        default: throw .invalidArgument
        }
    }

    private static func prctl(_ a: SyscallArguments) throws(Errno) -> Int {
        switch a.int32(0) {
        case 1:  // PR_SET_PDEATHSIG
            guard a.raw(1) <= 64 else { throw .invalidArgument }
            Process.current.parentDeathSignal.store(a.int32(1), ordering: .relaxed)
            return 0
        case 2:  // PR_GET_PDEATHSIG
            try copyOut(Process.current.parentDeathSignal.load(ordering: .relaxed), to: a.address(1))
            return 0
        case 15:  // PR_SET_NAME
            var name: [UInt8]
            do throws(Errno) { name = try copyInString(from: a.address(1), limit: 15) } catch {
                guard error == .nameTooLong else { throw error }
                name = try copyInBytes(from: a.address(1), count: 15)
            }
            Process.current.commandName.withLock { $0 = name }
            return 0
        case 16:  // PR_GET_NAME
            var name = Process.current.commandName.withLock { $0 }
            while name.count < 16 { name.append(0) }
            try copyOutBytes(name, to: a.address(1))
            return 0
        case 29:  // PR_SET_TIMERSLACK: how late a timer may be. None is late on purpose, so the number is only kept.
            let thread = UserThread.current
            thread.timerSlack = a.int(1) <= 0 ? thread.usualTimerSlack : a.raw(1)
            return 0
        case 30: return Int(truncatingIfNeeded: min(UserThread.current.timerSlack, UInt64(Int.max)))  // PR_GET_TIMERSLACK
        case 38:  // PR_SET_NO_NEW_PRIVS: there are no set-id programs, so it holds anyway
            guard a.raw(1) == 1, a.raw(2) == 0, a.raw(3) == 0, a.raw(4) == 0 else { throw .invalidArgument }
            return 0
        case 39: return 1
        case 41:  // PR_SET_THP_DISABLE
            guard a.raw(2) == 0, a.raw(3) == 0, a.raw(4) == 0 else { throw .invalidArgument }
            UserThread.current.addressSpace?.permitsLargePages = a.raw(1) == 0
            return 0
        case 42:  // PR_GET_THP_DISABLE
            guard a.raw(1) == 0, a.raw(2) == 0, a.raw(3) == 0, a.raw(4) == 0 else { throw .invalidArgument }
            return UserThread.current.addressSpace?.permitsLargePages == false ? 1 : 0
        default: throw .invalidArgument
        }
    }
}
