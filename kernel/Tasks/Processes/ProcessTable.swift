import ABI
import Processor
import Scheduling
import Support
import Synchronization
import VirtualMemory

/// All processes and threads by number, and the tree they form.
public enum ProcessTable {
    /// Numbers below this are given out again only after all others were used.
    static let maximumID: Int32 = 32768

    struct Tree: ~Copyable {
        /// Threads by id modulo the table's size; the leader's id is the pid.
        var processes: [[Process]] = Array(repeating: [], count: 256)
        var threads: [[UserThread]] = Array(repeating: [], count: 256)
        var nextID: Int32 = 1
        var processCount = 0
        var threadCount = 0
        /// How often each number is in use: by a thread, a process, as its group and as its session.
        var uses = IDUses()
        /// Processes that are stopped, so that one that exits need not look for them.
        var stoppedCount = 0
        unowned(unsafe) var initProcess: Process?
    }
    /// The lock of everything that relates processes to each other.
    static let tree = ReadWriteSpinLock(Tree())

    // MARK: Look-up

    public static func process(_ pid: Int32) -> Process? { ProcessIndex.find(pid) }
    public static func thread(_ id: Int32) -> UserThread? { tree.withReadLock { $0.thread(id) } }

    /// Every process, zombies included, by ascending pid.
    public static var all: [Process] {
        var list: [Process] = tree.withReadLock { tree in
            var list: [Process] = []
            list.reserveCapacity(tree.processCount)
            for bucket in tree.processes { list.append(contentsOf: bucket) }
            return list
        }
        list.sort { $0.pid < $1.pid }
        return list
    }

    public static var counts: (processes: Int, threads: Int) { tree.withReadLock { ($0.processCount, $0.threadCount) } }

    /// Whether any process is in this group.
    public static func groupExists(_ group: Int32, in session: Session? = nil) -> Bool {
        tree.withReadLock { tree in
            tree.contains { $0.links.group == group && (session == nil || $0.links.session === session) }
        }
    }

    /// A group is orphaned when no member has a parent in another group of the same session: nobody could continue it, so
    /// terminal stops do not apply (POSIX, 3.264).
    public static func isOrphanedGroup(_ group: Int32) -> Bool {
        tree.withReadLock { tree in
            !tree.contains { process in
                guard process.links.group == group, process.links.exitStatus == nil, let parent = process.links.parent
                else { return false }
                return parent.links.group != group && parent.links.session === process.links.session
            }
        }
    }

    // MARK: Groups and sessions

    /// `setsid`: a new session and group with the process as leader.
    public static func startSession(_ process: Process) throws(Errno) -> Int32 {
        let session = Session(id: process.pid)
        let threads: [UserThread]? = tree.withLock { tree in
            if tree.contains(where: { $0.links.group == process.pid }) { return nil }
            tree.uses.add(process, -1)
            process.links.session = session
            process.links.group = process.pid
            tree.uses.add(process, 1)
            return process.links.threads
        }
        guard let threads else { throw .notPermitted }
        for thread in threads { Scheduler.setGroup(of: thread, to: session.schedulingGroup) }
        return process.pid
    }

    /// `setpgid`.
    public static func setGroup(of pid: Int32, to group: Int32, caller: Process) throws(Errno) {
        let failure: Errno? = tree.withLock { tree in
            guard let target = pid == 0 ? caller : tree.process(pid) else { return .noProcess }
            let group = group == 0 ? target.pid : group
            if target !== caller {
                guard target.links.parent === caller else { return .noProcess }
                guard target.links.session === caller.links.session else { return .notPermitted }
                if target.links.hasExecuted { return .accessDenied }
            }
            if target.links.session!.id == target.pid { return .notPermitted }
            if group != target.pid {
                let isMember = tree.contains { $0.links.group == group && $0.links.session === target.links.session }
                if !isMember { return .notPermitted }
            }
            tree.uses.add(target, -1)
            target.links.group = group
            tree.uses.add(target, 1)
            return nil
        }
        if let failure { throw failure }
    }

    // MARK: Creation and removal

    /// Finds a number that is not in use, and counts it as in use until the thread that gets it is entered; if there is to be none after all,
    /// `giveBack` takes that back.
    /// - Parameter wanted: the only one that will do; nil for any.
    /// - Throws: `exists` when that one is in use.
    static func allocateID(_ wanted: Int32? = nil) throws(Errno) -> Int32 {
        if let wanted {
            guard isPossible(wanted) else { throw .invalidArgument }
            let isFree = tree.withLock { tree in
                guard tree.uses.isFree(wanted) else { return false }
                tree.uses.add(wanted, 1)
                return true
            }
            if !isFree { throw .exists }
            return wanted
        }
        let id: Int32? = tree.withLock { tree in
            for _ in 0..<maximumID {
                let id = tree.nextID
                tree.nextID = id + 1 < maximumID ? id + 1 : 300
                if tree.uses.isFree(id) {
                    tree.uses.add(id, 1)
                    return id
                }
            }
            return nil
        }
        guard let id else { throw .wouldBlock }
        return id
    }

    /// Whether a thread can have that number.
    public static func isPossible(_ id: Int32) -> Bool { id > 0 && id < maximumID }

    static func giveBack(_ id: Int32) { tree.withLock { $0.uses.add(id, -1) } }

    /// Enters a process with its first thread, in one step: whoever finds the one finds the other. It joins its parent's group and
    /// session as they are now.
    /// - Parameter isSibling: whether its maker's parent is its parent too, which it tells of its end as its maker does.
    static func insert(
        _ thread: UserThread, ofChild process: Process, of maker: Process, exitSignal: Int32, isSibling: Bool
    ) {
        tree.withLock { tree in
            process.links.group = maker.links.group
            process.links.session = maker.links.session
            process.links.exitSignal = isSibling ? maker.links.exitSignal : exitSignal
            let parent = isSibling ? maker.links.parent ?? maker : maker
            process.setParent(parent)
            parent.links.children.append(process)
            tree.add(process)
            tree.add(thread)
        }
    }

    /// Enters the first process, which leads a session of its own.
    static func insertFirst(_ thread: UserThread, of process: Process) {
        let session = Session(id: process.pid)
        tree.withLock { tree in
            process.links.group = process.pid
            process.links.session = session
            tree.add(process)
            tree.add(thread)
            tree.initProcess = process
        }
        Scheduler.setGroup(of: thread, to: session.schedulingGroup)
    }

    /// Enters one more thread of a process.
    /// - Returns: false when it has to end at once: its process ends, or gets another program.
    static func insert(_ thread: UserThread) -> Bool {
        tree.withLock { tree in
            tree.add(thread)
            return thread.process.links.groupExitStatus == nil && !thread.process.links.isReplacingProgram
        }
    }
}

extension ProcessTable.Tree {
    func process(_ pid: Int32) -> Process? {
        guard pid > 0 else { return nil }
        for process in processes[Int(pid) & 255] where process.pid == pid { return process }
        return nil
    }

    func thread(_ id: Int32) -> UserThread? {
        guard id > 0 else { return nil }
        for thread in threads[Int(id) & 255] where thread.id == id { return thread }
        return nil
    }

    func contains(where condition: (Process) -> Bool) -> Bool {
        for bucket in processes {
            for process in bucket where condition(process) { return true }
        }
        return false
    }

    mutating func add(_ process: Process) {
        processes[Int(process.pid) & 255].append(process)
        ProcessIndex.add(process)
        uses.add(process, 1)
        processCount += 1
    }

    mutating func add(_ thread: UserThread) {
        thread.process.links.threads.append(thread)
        thread.process.links.remainingThreads += 1
        threads[Int(thread.id) & 255].append(thread)
        // Its number is counted as in use since it was allocated.
        threadCount += 1
    }

    /// Takes a dead process out of the tree; the reference is returned so that it is dropped outside the lock.
    mutating func remove(_ process: Process) -> Process {
        if let parent = process.links.parent { parent.links.children.removeAll { $0 === process } }
        process.setParent(nil)
        processes[Int(process.pid) & 255].removeAll { $0 === process }
        ProcessIndex.remove(process)
        DeferredRelease.release(process)
        uses.add(process, -1)
        if process.isStopped.load(ordering: .relaxed) { stoppedCount -= 1 }
        processCount -= 1
        return process
    }

    mutating func remove(_ thread: UserThread) {
        thread.process.links.threads.removeAll { $0 === thread }
        threads[Int(thread.id) & 255].removeAll { $0 === thread }
        uses.add(thread.id, -1)
        threadCount -= 1
    }
}
