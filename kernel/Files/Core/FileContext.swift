import ABI
import Processes
import Support
import Synchronization

/// What a process knows of files: its descriptors, its root and working folder, and its umask.
public final class FileContext: ProcessAttachment {
    public let descriptors: DescriptorTable
    struct Places {
        var root: PathNode
        var workingFolder: PathNode
    }
    private let places: SpinLock<Places>
    private let umaskBits: Atomic<UInt32>
    /// Processes that share it.
    private let users = Atomic<Int>(1)

    /// - Parameter root: the root folder, also the first working folder.
    public convenience init(root: PathNode) {
        self.init(descriptors: DescriptorTable(), places: Places(root: root, workingFolder: root), umask: 0o022)
    }

    private init(descriptors: DescriptorTable, places: Places, umask: UInt32) {
        self.descriptors = descriptors
        self.places = SpinLock(places)
        umaskBits = Atomic(umask)
        super.init()
    }

    /// The context of the running process.
    /// - Precondition: called in a system call of a user thread.
    @inline(__always)
    public static var current: FileContext {
        // SAFETY: every user process gets a `FileContext` as its `files` when it is created, and nothing else.
        unsafeDowncast(Process.current.ownFiles.unsafelyUnwrapped.takeUnretainedValue(), to: FileContext.self)
    }

    /// The file behind a descriptor of the running process, by the shortest way: most system calls begin with this.
    /// - Precondition: called in a system call of a user thread.
    @inline(__always)
    public static func file(_ descriptor: Int32) throws(Errno) -> OpenFile {
        // SAFETY: as in `current`; the process holds its context while one of its threads is in a system call.
        let found = Process.current.ownFiles.unsafelyUnwrapped._withUnsafeGuaranteedRef {
            unsafeDowncast($0, to: FileContext.self).descriptors.lookUp(descriptor)
        }
        guard let found else { throw .badDescriptor }
        return found
    }

    /// The context of some process; nil after it exited.
    public static func of(_ process: Process) -> FileContext? {
        guard let files = process.files else { return nil }
        return unsafeDowncast(files, to: FileContext.self)
    }

    public override func copyForFork() -> ProcessAttachment {
        FileContext(descriptors: descriptors.copy(), places: places.withLock { $0 }, umask: umask)
    }

    public override func share() { users.wrappingAdd(1, ordering: .relaxed) }

    /// The last one closes the descriptors.
    public override func release() {
        if users.wrappingSubtract(1, ordering: .acquiringAndReleasing).newValue == 0 { descriptors.closeAll() }
    }

    public override func forExec() -> ProcessAttachment { users.load(ordering: .acquiring) > 1 ? copyForFork() : self }

    public var umask: UInt32 {
        get { umaskBits.load(ordering: .relaxed) }
        set { umaskBits.store(newValue & 0o777, ordering: .relaxed) }
    }

    public var root: PathNode { places.withLock { $0.root } }
    public var workingFolder: PathNode { places.withLock { $0.workingFolder } }

    public func setWorkingFolder(_ node: PathNode) { replace { $0.workingFolder = node } }
    public func setRoot(_ node: PathNode) { replace { $0.root = node } }

    private func replace(_ change: (inout Places) -> Void) {
        let old = places.withLock { places in
            let old = places
            change(&places)
            return old
        }
        // The old folder is released here, outside the lock.
        _ = old
    }

    /// Where a path of the running process starts.
    /// - Parameter folder: a descriptor, or `AtFlags.workingFolder`; looked at only for relative paths.
    public func origin(_ folder: Int32, isAbsolute: Bool, identity: FileIdentity) throws(Errno) -> PathOrigin {
        if folder == AtFlags.workingFolder || isAbsolute {
            let places = places.withLock { $0 }
            return PathOrigin(root: places.root, base: places.workingFolder, identity: identity)
        }
        let file = try descriptors.file(folder)
        guard let path = file.path, let inode = path.inode, inode.kind == .directory else { throw .notDirectory }
        return PathOrigin(root: root, base: path, identity: identity)
    }

    /// The identity that the running process's file operations have.
    public static var identity: FileIdentity {
        let credentials = Process.current.credentials
        return FileIdentity(uid: credentials.euid, gid: credentials.egid, groups: credentials.groups)
    }

    /// The identity that access(2) asks about: the real one.
    public static var realIdentity: FileIdentity {
        let credentials = Process.current.credentials
        return FileIdentity(uid: credentials.uid, gid: credentials.gid, groups: credentials.groups)
    }
}
