import ABI
import Processor
import Scheduling
import Support
import Synchronization
import VirtualMemory

/// The flags of clone (`include/uapi/linux/sched.h`).
public struct CloneFlags: OptionSet, Sendable {
    public let rawValue: UInt64
    public init(rawValue: UInt64) { self.rawValue = rawValue }
    public static var sharedMemory: CloneFlags { CloneFlags(rawValue: 0x100) }
    public static var sharedContext: CloneFlags { CloneFlags(rawValue: 0x200) }
    public static var sharedFiles: CloneFlags { CloneFlags(rawValue: 0x400) }
    public static var sharedHandlers: CloneFlags { CloneFlags(rawValue: 0x800) }
    /// The maker gets a descriptor that stands for the child.
    public static var descriptor: CloneFlags { CloneFlags(rawValue: 0x1000) }
    public static var vfork: CloneFlags { CloneFlags(rawValue: 0x4000) }
    public static var parent: CloneFlags { CloneFlags(rawValue: 0x8000) }
    public static var thread: CloneFlags { CloneFlags(rawValue: 0x1_0000) }
    public static var semaphoreUndo: CloneFlags { CloneFlags(rawValue: 0x4_0000) }
    public static var setTLS: CloneFlags { CloneFlags(rawValue: 0x8_0000) }
    public static var setParentID: CloneFlags { CloneFlags(rawValue: 0x10_0000) }
    public static var clearChildID: CloneFlags { CloneFlags(rawValue: 0x20_0000) }
    public static var detached: CloneFlags { CloneFlags(rawValue: 0x40_0000) }
    public static var setChildID: CloneFlags { CloneFlags(rawValue: 0x100_0000) }
    /// clone3 only: the child starts with the default actions of all signals that its maker handles.
    public static var clearedHandlers: CloneFlags { CloneFlags(rawValue: 0x1_0000_0000) }

    /// All that this kernel implements.
    static var supported: CloneFlags {
        [
            .sharedMemory, .sharedContext, .sharedFiles, .sharedHandlers, .vfork, .parent, .thread, .semaphoreUndo, .setTLS,
            .setParentID, .clearChildID, .detached, .setChildID, .clearedHandlers, .descriptor,
        ]
    }
}

/// Making threads and processes.
public enum Clone {
    public struct Request {
        public var flags: CloneFlags
        public var exitSignal: Int32
        /// 0 keeps the parent's stack pointer.
        public var stack: UInt64 = 0
        public var parentIDAddress = UserAddress(0)
        public var childIDAddress = UserAddress(0)
        public var threadPointer: UInt64 = 0
        /// The number that the new thread is to have; nil for any.
        public var wantedID: Int32?
        /// Makes the descriptor of `CloneFlags.descriptor`, for a child that is not in the tree yet.
        public var makeDescriptor: ((Process) throws(Errno) -> Void)?
        public init(flags: CloneFlags, exitSignal: Int32) {
            self.flags = flags
            self.exitSignal = exitSignal
        }
    }

    /// Does clone, fork and vfork.
    /// - Parameter frame: the caller's registers: the child starts with a copy.
    /// - Returns: the new thread's id, in the parent.
    public static func clone(_ request: Request, _ frame: TrapFrame) throws(Errno) -> Int32 {
        let flags = request.flags
        guard flags.subtracting(.supported).isEmpty else { throw .invalidArgument }
        if flags.contains(.thread), !flags.contains(.sharedHandlers) { throw .invalidArgument }
        if flags.contains(.sharedHandlers), !flags.contains(.sharedMemory) { throw .invalidArgument }
        if flags.contains(.descriptor), !flags.isDisjoint(with: [.thread, .detached]) { throw .invalidArgument }
        // The first process is the end of the tree.
        if flags.contains(.parent), UserThread.current.process.pid == 1 { throw .invalidArgument }
        // Handlers are shared by the threads of a process only: nothing in use shares them otherwise.
        if flags.contains(.sharedHandlers), !flags.contains(.thread) { throw .invalidArgument }

        // Stacks, tables and objects of threads are the kernel's own memory: a program that makes ever more must not use that up.
        guard Reclaim.isOpen else { throw .outOfMemory }

        var childFrame = frame
        childFrame.rax = 0
        if request.stack != 0 { childFrame.rsp = request.stack }
        let caller = UserThread.current
        let id = try ProcessTable.allocateID(request.wantedID)
        let thread: UserThread
        do throws(Errno) {
            thread =
                flags.contains(.thread)
                ? try makeThread(caller, id, childFrame) : try makeProcess(caller, id, request, childFrame)
        } catch {
            ProcessTable.giveBack(id)
            throw error
        }

        if flags.contains(.setTLS) { thread.userFSBase = request.threadPointer }
        if flags.contains(.clearChildID) { thread.clearChildAddress = request.childIDAddress }
        let completion = flags.contains(.vfork) ? Completion() : nil
        thread.vforkCompletion = completion
        if flags.contains(.setParentID) { try? copyOut(id, to: request.parentIDAddress) }
        if flags.contains(.setChildID) { writeChildID(id, request.childIDAddress, thread, shared: flags.contains(.sharedMemory)) }
        Scheduler.launch(thread)
        completion?.wait()
        return id
    }

    /// The child's copy of the memory is reached through its address space.
    private static func writeChildID(_ id: Int32, _ address: UserAddress, _ thread: UserThread, shared: Bool) {
        if shared {
            try? copyOut(id, to: address)
        } else if let space = thread.addressSpace {
            withUnsafeBytes(of: id) { bytes in try? space.write(bytes, at: address.rawValue) }
        }
    }

    private static func makeThread(_ caller: UserThread, _ id: Int32, _ frame: TrapFrame) throws(Errno) -> UserThread {
        let process = caller.process
        guard let space = caller.addressSpace,
            let thread = UserThread(id: id, process: process, addressSpace: space, frame: frame)
        else { throw .outOfMemory }
        inherit(thread, from: caller)
        // An end of the process, or of its other threads, that began meanwhile must not miss the new one.
        if !ProcessTable.insert(thread) {
            thread.mustExit.store(true, ordering: .releasing)
            thread.markInterrupted()
        }
        return thread
    }

    private static func makeProcess(
        _ caller: UserThread, _ id: Int32, _ request: Request, _ frame: TrapFrame
    ) throws(Errno) -> UserThread {
        let parent = caller.process
        let limit = parent.limits[.processCount].soft
        if UInt64(ProcessTable.counts.processes) >= min(limit, 4096) { throw .wouldBlock }
        guard let space = caller.addressSpace else { throw .outOfMemory }
        let childSpace = request.flags.contains(.sharedMemory) ? space : try space.fork()
        // The child has a hold of its own on what it shares from here on.
        let sharesFiles = request.flags.contains(.sharedFiles)
        if sharesFiles { parent.files?.share() }
        let files = sharesFiles ? parent.files : parent.files?.copyForFork()
        let child = Process(
            pid: id, addressSpace: childSpace, files: files, credentials: parent.credentials,
            name: parent.commandName.withLock { $0 }, signals: parent.signals.copyForFork())
        if request.flags.contains(.clearedHandlers) { child.signals.resetForExec() }
        child.limits = parent.limits
        child.memoryKillAdjustment.store(parent.memoryKillAdjustment.load(ordering: .relaxed), ordering: .relaxed)
        let arguments = parent.argumentRange.withLock { $0 }
        child.argumentRange.withLock { $0 = arguments }
        let path = parent.executablePath.withLock { $0 }
        child.executablePath.withLock { $0 = path }
        let made = UserThread(id: child.pid, process: child, addressSpace: childSpace, frame: frame)
        var failure: Errno? = made == nil ? .outOfMemory : nil
        if made != nil, let makeDescriptor = request.makeDescriptor {
            do throws(Errno) { try makeDescriptor(child) } catch { failure = error }
        }
        guard failure == nil, let thread = made else {
            files?.release()
            throw failure ?? .outOfMemory
        }
        inherit(thread, from: caller)
        if !request.flags.contains(.sharedMemory) { thread.alternateStack = caller.alternateStack }
        ProcessTable.insert(
            thread, ofChild: child, of: parent, exitSignal: request.exitSignal, isSibling: request.flags.contains(.parent))
        if child.limits[.cpu].soft != ResourceLimits.infinity { child.processorLimitChanged() }
        return thread
    }

    /// What every new thread takes from its maker: FPU registers, thread pointer, signal mask, and how it is scheduled.
    private static func inherit(_ thread: UserThread, from caller: UserThread) {
        thread.extendedState?.copyRegisters()
        thread.userFSBase = CPU.fsBase
        thread.userGSBase = CPU.userGSBase
        thread.signalMask = caller.signalMask
        thread.timerSlack = caller.timerSlack
        thread.usualTimerSlack = caller.timerSlack
        Scheduler.inherit(thread, from: caller)
    }

    /// Makes the first process: session, group and parent of everything. Its thread does not run yet.
    public static func makeInit(addressSpace: AddressSpace, files: ProcessAttachment, frame: TrapFrame) throws(Errno)
        -> UserThread
    {
        let process = Process(
            pid: try ProcessTable.allocateID(), addressSpace: addressSpace, files: files, credentials: Credentials(),
            name: Array("init".utf8), signals: SignalState())
        guard let thread = UserThread(id: process.pid, process: process, addressSpace: addressSpace, frame: frame) else {
            throw .outOfMemory
        }
        ProcessTable.insertFirst(thread, of: process)
        return thread
    }

    /// Exec: gives the calling thread, alone in its process from now on, a new address space and fresh state.
    public static func replaceImage(
        with space: AddressSpace, frame: UnsafeMutablePointer<TrapFrame>, entry: UInt64, stack: UInt64, name: [UInt8]
    ) throws(Errno) {
        let thread = UserThread.current
        let process = thread.process
        try Exit.endOtherThreads(process)
        // What the old program's locks say is lost with its memory, but for those that it shares.
        RobustList.release(thread)
        Futex.leaveLocksForExec(thread)
        process.signals.resetForExec()
        process.existingTimers?.removeForExec()
        thread.alternateStack = AlternateStack()
        thread.clearChildAddress = UserAddress(0)
        thread.robustList = 0
        process.commandName.withLock { $0 = name }
        ProcessTable.tree.withLock { _ in
            process.links.hasExecuted = true
            process.links.exitSignal = Signal.child.rawValue
        }
        if let files = process.files {
            let own = files.forExec()
            if own !== files {
                process.files = own
                files.release()
            }
        }

        let old = thread.addressSpace
        if let old, !old.permitsLargePages { space.permitsLargePages = false }
        let flags = machineInterruptSave()
        thread.addressSpace = space
        process.addressSpace = space
        CPU.loadPageTable(space.pageTableRoot.rawValue)
        thread.extendedState?.reset()
        thread.extendedState?.restore()
        CPU.fsBase = 0
        CPU.userGSBase = 0
        machineInterruptRestore(flags)
        frame.pointee = TrapFrame.user(entry: entry, stack: stack)
        thread.vforkCompletion?.complete()
        thread.vforkCompletion = nil
        // The old address space goes here if nobody shares it.
        _ = old
    }
}
