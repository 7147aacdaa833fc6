import ABI
import Processes
import Processor
import Scheduling
import Support

/// Signals: actions, masks, sending, waiting.
public enum SignalCalls {
    public static func register(_ table: inout SyscallTable) {
        table.set(.rtSigaction, sigaction)
        table.set(.rtSigprocmask, sigprocmask)
        table.set(.rtSigreturn, sigreturn)
        table.set(.rtSigpending) { (a) throws(Errno) in
            guard a.raw(1) <= 8 else { throw .invalidArgument }
            let thread = UserThread.current
            try copyOut(thread.pendingSet & thread.signalMask, to: a.address(0))
            return 0
        }
        table.set(.rtSigsuspend, sigsuspend)
        table.set(.rtSigtimedwait, sigtimedwait)
        table.set(.rtSigqueueinfo, sigqueueinfo)
        table.set(.sigaltstack, sigaltstack)
        table.set(.pause) { (_) throws(Errno) in
            do throws(Errno) { try WaitQueue().wait { false } } catch { throw .restartUnlessHandled }
            return 0
        }
        table.set(.kill, kill)
        table.set(.tkill) { (a) throws(Errno) in try signalThread(group: nil, id: a.int32(0), signal: a.int32(1)) }
        table.set(.tgkill) { (a) throws(Errno) in
            guard a.int32(0) > 0 else { throw .invalidArgument }
            return try signalThread(group: a.int32(0), id: a.int32(1), signal: a.int32(2))
        }
    }

    private static func sigaction(_ a: SyscallArguments) throws(Errno) -> Int {
        guard a.raw(3) == 8, let signal = Signal(a.int32(0)) else { throw .invalidArgument }
        let process = Process.current
        let old: SignalAction
        if a.address(1).isNull {
            old = process.signals.action(signal)
        } else {
            if signal.isUnstoppable { throw .invalidArgument }
            var action = try copyIn(SignalAction.self, from: a.address(1))
            action.mask &= ~Signal.unblockableBits
            old = process.signals.setAction(signal, action, threads: process.threads)
        }
        if !a.address(2).isNull { try copyOut(old, to: a.address(2)) }
        return 0
    }

    private static func sigprocmask(_ a: SyscallArguments) throws(Errno) -> Int {
        guard a.raw(3) == 8 else { throw .invalidArgument }
        let thread = UserThread.current
        let old = thread.signalMask
        if !a.address(1).isNull {
            let set = try copyIn(UInt64.self, from: a.address(1))
            switch a.int32(0) {
            case 0: thread.signalMask = old | set
            case 1: thread.signalMask = old & ~set
            case 2: thread.signalMask = set
            default: throw .invalidArgument
            }
        }
        if !a.address(2).isNull { try copyOut(old, to: a.address(2)) }
        return 0
    }

    private static func sigreturn(_ a: SyscallArguments) throws(Errno) -> Int {
        let frame = UserThread.current.trapFrame
        if !SignalHandlerCall.pop(frame) { UserThread.current.forceSignal(SignalInfo(.segmentationFault)) }
        // Tells the entry code that the registers, RAX too, are those of the interrupted program.
        frame.pointee.vector = .max
        return 0
    }

    private static func sigsuspend(_ a: SyscallArguments) throws(Errno) -> Int {
        guard a.raw(1) == 8 else { throw .invalidArgument }
        let mask = try copyIn(UInt64.self, from: a.address(0))
        UserThread.current.setTemporaryMask(mask)
        do throws(Errno) { try WaitQueue().wait { false } } catch { throw .restartUnlessHandled }
        return 0
    }

    private static func sigtimedwait(_ a: SyscallArguments) throws(Errno) -> Int {
        guard a.raw(3) == 8 else { throw .invalidArgument }
        let set = try copyIn(UInt64.self, from: a.address(0)) & ~Signal.unblockableBits
        var deadline: UInt64?
        if !a.address(2).isNull {
            guard let wait = try copyIn(TimeSpec.self, from: a.address(2)).duration else { throw .invalidArgument }
            deadline = machineMonotonicNanoseconds() &+ wait
        }
        let thread = UserThread.current
        var found: SignalInfo?
        do throws(Errno) {
            try thread.process.signals.arrival.wait(deadline: deadline) {
                found = thread.takeSignal(in: set)
                return found != nil
            }
        } catch { throw error == .timedOut ? .wouldBlock : .interrupted }
        guard let found else { throw .wouldBlock }
        if !a.address(1).isNull { try copyOutBytes(found.encoded, to: a.address(1)) }
        return Int(found.signal.rawValue)
    }

    private static func sigqueueinfo(_ a: SyscallArguments) throws(Errno) -> Int {
        let bytes = try copyInBytes(from: a.address(2), count: 128)
        guard let signal = Signal(a.int32(1)) else { throw .invalidArgument }
        let info = information(signal, bytes)
        let process = try ProcessCalls.target(a.int32(0))
        // Only the kernel may pretend to be the kernel.
        if info.code >= 0 || info.code == -6, process !== Process.current { throw .notPermitted }
        guard ProcessTable.maySignal(Process.current, process, signal.rawValue) else { throw .notPermitted }
        if !ProcessTable.send(info, to: process) { throw .wouldBlock }
        return 0
    }

    /// What a `siginfo_t` of a program says.
    private static func information(_ signal: Signal, _ bytes: [UInt8]) -> SignalInfo {
        bytes.withUnsafeBytes { raw in
            var info = SignalInfo(signal, code: raw.load(fromByteOffset: 8, as: Int32.self))
            info.pid = raw.load(fromByteOffset: 16, as: Int32.self)
            info.uid = raw.load(fromByteOffset: 20, as: UInt32.self)
            info.value = raw.load(fromByteOffset: 24, as: UInt64.self)
            return info
        }
    }

    /// Reads a `siginfo_t`.
    /// - Throws: `invalidArgument` when it is not one of the signal with that number.
    static func copyInInformation(from address: UserAddress, _ number: Int32) throws(Errno) -> SignalInfo {
        let bytes = try copyInBytes(from: address, count: 128)
        guard let signal = Signal(number), bytes.withUnsafeBytes({ $0.load(as: Int32.self) }) == number else {
            throw .invalidArgument
        }
        return information(signal, bytes)
    }

    private static func sigaltstack(_ a: SyscallArguments) throws(Errno) -> Int {
        let thread = UserThread.current
        let old = thread.alternateStack
        let stackPointer = thread.trapFrame.pointee.rsp
        let isActive = old.flags & 2 == 0 && stackPointer > old.base && stackPointer - old.base <= old.byteCount
        if !a.address(0).isNull {
            if isActive { throw .notPermitted }
            let new = try copyIn(AlternateStack.self, from: a.address(0))
            guard new.flags & ~3 == 0 else { throw .invalidArgument }
            if new.flags & 2 == 0, new.byteCount < 2048 { throw .outOfMemory }
            thread.alternateStack = new.flags & 2 != 0 ? AlternateStack() : new
        }
        if !a.address(1).isNull {
            var shown = old
            if isActive { shown.flags = 1 }
            try copyOut(shown, to: a.address(1))
        }
        return 0
    }

    static func userInfo(_ signal: Signal, code: Int32) -> SignalInfo {
        var info = SignalInfo(signal, code: code)
        info.pid = Process.current.pid
        info.uid = Process.current.credentials.uid
        return info
    }

    private static func kill(_ a: SyscallArguments) throws(Errno) -> Int {
        let pid = a.int32(0)
        let number = a.int32(1)
        guard number >= 0, number <= 64 else { throw .invalidArgument }
        let caller = Process.current
        if pid > 0 {
            let process = try ProcessCalls.target(pid)
            guard ProcessTable.maySignal(caller, process, number) else { throw .notPermitted }
            if let signal = Signal(number) { ProcessTable.send(userInfo(signal, code: 0), to: process) }
            return 0
        }
        if pid == Int32.min { throw .noProcess }
        let group = pid == 0 ? caller.groupID : -pid
        var hasMatch = false
        var hasSent = false
        for process in ProcessTable.all {
            if pid == -1 ? (process.pid == 1 || process === caller) : process.groupID != group { continue }
            hasMatch = true
            guard ProcessTable.maySignal(caller, process, number) else { continue }
            hasSent = true
            if let signal = Signal(number) { ProcessTable.send(userInfo(signal, code: 0), to: process) }
        }
        if !hasMatch { throw .noProcess }
        if !hasSent { throw .notPermitted }
        return 0
    }

    private static func signalThread(group: Int32?, id: Int32, signal number: Int32) throws(Errno) -> Int {
        guard id > 0, number >= 0, number <= 64 else { throw .invalidArgument }
        let caller = UserThread.current
        guard let thread = caller.id == id ? caller : ProcessTable.thread(id), group == nil || thread.process.pid == group else {
            throw .noProcess
        }
        guard thread === caller || ProcessTable.maySignal(caller.process, thread.process, number) else { throw .notPermitted }
        if let signal = Signal(number) { ProcessTable.send(userInfo(signal, code: -6), to: thread) }
        return 0
    }
}
