import ABI
import Frames
import Processor
import Scheduling
import Support
import Synchronization
import VirtualMemory

/// The end of threads and processes.
///
/// A thread ends in two steps: something marks it (`requestGroupExit`, `requestExit`), and on its way back to user mode, when nothing
/// that it did in the kernel is on its stack any more, it finds the mark and goes. So whatever its calls held has been given back.
public enum Exit {
    /// Marks all threads of the running process: they end as soon as they leave the kernel.
    /// - Parameter status: the word that wait4 reports: exit code << 8, or a signal's number. The first one counts.
    public static func requestGroupExit(status: Int32) {
        let process = Process.current
        let threads: [UserThread] = ProcessTable.tree.withLock { _ in
            if process.links.groupExitStatus == nil { process.links.groupExitStatus = status }
            return process.links.threads
        }
        for thread in threads { end(thread) }
    }

    /// Marks the running thread only.
    /// - Parameter code: the exit code, if it is the last thread of its process and no group exit is under way.
    public static func requestExit(code: Int32) {
        let thread = UserThread.current
        thread.exitCode = code & 0xff
        end(thread)
    }

    private static func end(_ thread: UserThread) {
        thread.mustExit.store(true, ordering: .sequentiallyConsistent)
        Scheduler.interrupt(thread)
        Scheduler.resume(thread)
        thread.process.childChange.wake()
    }

    /// Ends all threads of the process but the caller, and waits until they are gone (exec).
    /// - Throws: `wouldBlock` when the process is ending, or another thread replaces the program.
    static func endOtherThreads(_ process: Process) throws(Errno) {
        let caller = UserThread.current
        let others: [UserThread]? = ProcessTable.tree.withLock { _ in
            if process.links.groupExitStatus != nil || process.links.isReplacingProgram { return nil }
            process.links.isReplacingProgram = true
            return process.links.threads.filter { $0 !== caller }
        }
        guard let others else { throw .wouldBlock }
        for thread in others { end(thread) }
        process.childChange.waitUninterruptibly {
            caller.mustExit.load(ordering: .acquiring) || ProcessTable.tree.withLock { _ in process.links.threads.count == 1 }
        }
        ProcessTable.tree.withLock { _ in process.links.isReplacingProgram = false }
        if caller.mustExit.load(ordering: .acquiring) { throw .wouldBlock }
    }

    /// Ends the running thread; with the last one, its process.
    ///
    /// Nothing on the stack above may own anything: it is never unwound. Only the return to user mode calls this.
    static func leave() -> Never {
        finish()
        Scheduler.exitCurrent()
    }

    /// All of the end but the last switch. Returns, so that all that it holds is given back.
    @inline(never)
    private static func finish() {
        let thread = UserThread.current
        let process = thread.process
        if thread.clearChildAddress.rawValue != 0 {
            // Errors do not matter: the memory may be gone.
            do throws(Errno) {
                try copyOut(Int32(0), to: thread.clearChildAddress)
                _ = try Futex.wake(at: thread.clearChildAddress, count: 1, isPrivate: false)
            } catch {}
        }
        RobustList.release(thread)
        Futex.leaveLocks(thread)
        thread.vforkCompletion?.complete()
        thread.vforkCompletion = nil

        let isLast = ProcessTable.tree.withLock { _ in
            process.links.remainingThreads -= 1
            if process.links.remainingThreads > 0 { return false }
            if process.links.groupExitStatus == nil { process.links.groupExitStatus = thread.exitCode << 8 }
            return true
        }
        if isLast { releaseResources(process) }
        leaveAddressSpace(thread)
        retire(thread, process)
    }

    /// Gives back what the process holds, while its last thread can still sleep.
    private static func releaseResources(_ process: Process) {
        if process.pid == 1 {
            let status = ProcessTable.tree.withLock { _ in process.links.groupExitStatus ?? 0 }
            panic("init has exited (status \(hex(status)))")
        }
        process.realTimer.disarmAndWait()
        process.realTimer.process = nil
        process.existingTimers?.removeAll()
        process.files?.release()
        process.files = nil
        let session = process.session
        if session.id == process.pid { session.terminal?.sessionLeaderExited(session) }
        process.addressSpace = nil
    }

    /// Switches to the kernel's own page table, so that the address space can go.
    private static func leaveAddressSpace(_ thread: UserThread) {
        let space = thread.addressSpace
        let flags = machineInterruptSave()
        thread.addressSpace = nil
        CPU.loadPageTable(KernelMap.root.rawValue)
        machineInterruptRestore(flags)
        // The last thread's reference: dropping it frees pages and tables.
        _ = space
    }

    /// Takes the thread out of the tables; the last one turns the process into a zombie and tells the parent.
    private static func retire(_ thread: UserThread, _ process: Process) {
        process.exitedThreadNanoseconds.wrappingAdd(thread.usedNanoseconds, ordering: .relaxed)
        process.exitedThreadSystemNanoseconds.wrappingAdd(thread.systemNanoseconds, ordering: .relaxed)
        var orphans: [Process] = []
        var bereaved: [Process] = []
        var status: Int32?
        var signal: Signal?
        // As soon as the tree is unlocked the parent may take the zombie away on another processor, so that it is known by then
        // whom to tell, and whether.
        var parent: Process?
        var unwanted: Process?
        ProcessTable.tree.withLock { tree in
            tree.remove(thread)
            guard process.links.threads.isEmpty else { return }
            status = process.links.groupExitStatus ?? 0
            process.links.exitStatus = status
            parent = process.links.parent
            signal = Signal(process.links.exitSignal)
            if Wait.isUnwanted(process, by: parent) { unwanted = tree.remove(process) }
            let heir = tree.initProcess
            for child in process.links.children {
                child.setParent(heir)
                child.links.exitSignal = Signal.child.rawValue
                heir?.links.children.append(child)
                if child.links.exitStatus != nil { orphans.append(child) }
                if child.parentDeathSignal.load(ordering: .relaxed) != 0 { bereaved.append(child) }
            }
            process.links.children = []
        }
        process.childChange.wake()
        if let parent, let status, let signal, unwanted == nil { announce(process, status, signal, to: parent) }
        for orphan in orphans { ProcessTable.notifyParent(of: orphan, code: 1, status: 0) }
        for child in bereaved {
            if let signal = Signal(child.parentDeathSignal.load(ordering: .relaxed)) {
                ProcessTable.send(SignalInfo(signal, code: 0), to: child)
            }
        }
        guard let status else { return }
        hangUpOrphans(of: process)
        parent?.childChange.wake()
        // The references that the tree had are dropped outside its lock.
        _ = unwanted
    }

    /// Tells the parent of a process that has ended, by SIGCHLD or what clone asked for.
    private static func announce(_ process: Process, _ status: Int32, _ signal: Signal, to parent: Process) {
        let isKilled = status & 0x7f != 0
        ProcessTable.notify(
            parent, of: process, code: isKilled ? 2 : 1, status: isKilled ? status & 0x7f : status >> 8 & 0xff, signal)
    }

    /// A stopped group that loses its last link to a living session member gets SIGHUP and SIGCONT (POSIX, _exit).
    private static func hangUpOrphans(of process: Process) {
        let stoppedGroup: Int32? = ProcessTable.tree.withLock { tree in
            let group = process.links.group
            if tree.stoppedCount == 0 { return nil }
            return tree.contains { $0.isStopped.load(ordering: .relaxed) && $0.links.group == group && $0 !== process }
                ? group : nil
        }
        guard let group = stoppedGroup, ProcessTable.isOrphanedGroup(group) else { return }
        ProcessTable.send(.hangUp, toGroup: group)
        ProcessTable.send(.continued, toGroup: group)
    }
}
