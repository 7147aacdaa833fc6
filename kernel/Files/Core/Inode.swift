import ABI
import Support
import Synchronization
import VirtualMemory

/// The changeable attributes that every inode has in memory.
public struct InodeMetadata: Sendable {
    /// Permission bits, without the type.
    public var permissions: UInt32
    public var uid: UInt32
    public var gid: UInt32
    public var linkCount: UInt32 = 1
    public var accessTime: TimeSpec
    public var modificationTime: TimeSpec
    public var changeTime: TimeSpec
    public var birthTime: TimeSpec

    public init(permissions: UInt32, uid: UInt32, gid: UInt32, linkCount: UInt32 = 1, time: TimeSpec = FileClock.now) {
        self.permissions = permissions
        self.uid = uid
        self.gid = gid
        self.linkCount = linkCount
        accessTime = time
        modificationTime = time
        changeTime = time
        birthTime = time
    }
}

/// What a new inode is to be.
public struct NewNode: Sendable {
    public var kind: FileKind
    public var permissions: UInt32
    public var uid: UInt32
    public var gid: UInt32
    /// For device nodes: the device.
    public var special: DeviceNumber

    public init(
        kind: FileKind, permissions: UInt32, uid: UInt32 = 0, gid: UInt32 = 0,
        special: DeviceNumber = DeviceNumber(rawValue: 0)
    ) {
        self.kind = kind
        self.permissions = permissions
        self.uid = uid
        self.gid = gid
        self.special = special
    }
}

/// One entry of a folder, as `Inode.readEntries` shows it.
public struct DirectoryEntry {
    /// The bytes of the name, valid during the call.
    public let name: UnsafeRawBufferPointer
    public let inode: UInt64
    public let kind: FileKind?
    /// Where reading goes on after this entry.
    public let next: UInt64

    public init(name: UnsafeRawBufferPointer, inode: UInt64, kind: FileKind?, next: UInt64) {
        self.name = name
        self.inode = inode
        self.kind = kind
        self.next = next
    }
}

/// Where a symbolic link leads.
public enum LinkTarget {
    case path([UInt8])
    /// Straight to a node, whatever its name says (/proc/self/fd/3).
    case node(PathNode)
}

/// A file, folder, link or special node of a file system, apart from its names.
///
/// Subclasses override what their kind supports; the defaults answer with the error that Linux gives. Functions that
/// change a folder are called under the file system's namespace lock, after names, kinds and permissions were checked.
open class Inode {
    public let fileSystem: FileSystem
    public let number: UInt64
    public let kind: FileKind
    /// For device nodes: the device.
    public let special: DeviceNumber
    public let metadata: SpinLock<InodeMetadata>
    /// What another module keeps with the node: the pipe of a FIFO, the socket bound to a name.
    public let attachment = SpinLock<AnyObject?>(nil)
    /// Serialises writes, appends and truncation.
    let writeLock = CompactLock()
    let locks = FileLockSlot()
    let programUse = ProgramUse()

    public init(
        fileSystem: FileSystem, number: UInt64, kind: FileKind, special: DeviceNumber = DeviceNumber(rawValue: 0),
        metadata: InodeMetadata
    ) {
        self.fileSystem = fileSystem
        self.number = number
        self.kind = kind
        self.special = special
        self.metadata = SpinLock(metadata)
    }

    // MARK: Folders

    /// The inode with this name; nil when there is none.
    open func lookup(_ name: [UInt8]) throws(Errno) -> Inode? { throw .notDirectory }
    /// Creates a file, folder or special node.
    open func create(_ name: [UInt8], _ node: NewNode) throws(Errno) -> Inode { throw .notPermitted }
    /// Creates a symbolic link.
    open func symlink(_ name: [UInt8], target: [UInt8], _ node: NewNode) throws(Errno) -> Inode { throw .notPermitted }
    /// Gives an inode of the same file system another name.
    open func link(_ name: [UInt8], to inode: Inode) throws(Errno) { throw .notPermitted }
    /// Removes a name that is not a folder's.
    open func unlink(_ name: [UInt8], _ inode: Inode) throws(Errno) { throw .notPermitted }
    /// Removes an empty folder.
    /// - Throws: `directoryNotEmpty`.
    open func removeDirectory(_ name: [UInt8], _ inode: Inode) throws(Errno) { throw .notPermitted }
    /// Moves `inode` from `name` here to `newName` in `target`, over `replaced` if that exists (an empty folder, if it is one).
    open func rename(
        _ name: [UInt8], _ inode: Inode, to target: Inode, as newName: [UInt8],
        replacing replaced: Inode?
    ) throws(Errno) { throw .notPermitted }
    /// Exchanges two names (RENAME_EXCHANGE).
    open func exchange(
        _ name: [UInt8], _ inode: Inode, with target: Inode, _ otherName: [UInt8],
        _ other: Inode
    ) throws(Errno) { throw .invalidArgument }
    /// Shows the entries from `cursor` on, without `.` and `..`, until `emit` returns false. A cursor is 0 or a `next` of an entry.
    open func readEntries(from cursor: UInt64, _ emit: (DirectoryEntry) -> Bool) throws(Errno) { throw .notDirectory }

    // MARK: Links and contents

    /// The text of a symbolic link.
    open func readLink() throws(Errno) -> [UInt8] { throw .invalidArgument }
    /// Where a symbolic link leads.
    open func followLink() throws(Errno) -> LinkTarget { .path(try readLink()) }
    /// The pages of a regular file.
    open func contents() throws(Errno) -> PageCache { throw .invalidArgument }
    /// The length in bytes.
    open var byteCount: UInt64 { 0 }
    /// Allocated space in units of 512 bytes.
    open var blockCount: UInt64 { (byteCount + 511) / 512 }
    /// Makes room for a write before it happens, so that it cannot fail half-way for want of space.
    open func prepareWrite(at offset: UInt64, count: UInt64) throws(Errno) {}
    /// Called after a write with where it ended, to give back room that it did not use.
    open func finishWrite(end: UInt64) throws(Errno) {}
    /// Changes the length. Called under the write lock.
    open func resize(to length: UInt64) throws(Errno) { throw .invalidArgument }
    /// Reserves or punches space (fallocate). Called under the write lock.
    open func allocate(offset: UInt64, length: UInt64, mode: UInt32) throws(Errno) { throw .notSupported }
    /// Told when the contents are mapped, with the path for /proc/PID/maps.
    open func mapped(_ path: PathNode) {}
    /// The most bytes that a file may have.
    open var maximumByteCount: UInt64 { UInt64(Int64.max) }
    /// Called after `metadata` was changed, so that the change is written some time.
    open func metadataChanged() {}
    /// Writes the file's dirty pages and attributes to the device.
    open func synchronize() throws(Errno) {}

    // MARK: Opening

    /// Makes an open file description. Permissions were checked.
    open func open(flags: OpenFlags, path: PathNode?) throws(Errno) -> OpenFile {
        switch kind {
        case .regular: return RegularFile(flags: flags, inode: self, path: path, contents: try contents())
        case .directory: return DirectoryFile(flags: flags, inode: self, path: path)
        case .characterDevice: return try DeviceRegistry.open(self, flags: flags, path: path)
        case .blockDevice: return try BlockRegistry.open(self, flags: flags, path: path)
        case .fifo:
            guard let opener = SpecialFiles.fifoOpener else { throw .noDeviceOrAddress }
            return try opener.open(flags: flags, inode: self, path: path)
        case .socket: throw .noDeviceOrAddress
        case .symbolicLink: throw .tooManySymbolicLinks
        }
    }

    // MARK: Attributes

    open func attributes() throws(Errno) -> FileAttributes { baseAttributes }

    /// The attributes as the metadata and `byteCount` tell them.
    public final var baseAttributes: FileAttributes {
        var attributes = FileAttributes()
        attributes.device = fileSystem.device.rawValue
        attributes.inode = number
        attributes.specialDevice = special.rawValue
        attributes.size = byteCount
        attributes.blockCount = blockCount
        metadata.withLock { data in
            attributes.mode = kind.modeBits | data.permissions
            attributes.linkCount = data.linkCount
            attributes.uid = data.uid
            attributes.gid = data.gid
            attributes.accessTime = data.accessTime
            attributes.modificationTime = data.modificationTime
            attributes.changeTime = data.changeTime
            attributes.birthTime = data.birthTime
        }
        return attributes
    }

    /// Applies a change whose permission was checked. The length is changed first: it is what can fail.
    open func setAttributes(_ change: AttributeChange) throws(Errno) {
        if let size = change.size {
            try writeLock.withLock { () throws(Errno) in try resize(to: size) }
        }
        let now = FileClock.now
        metadata.withLock { data in
            if let permissions = change.permissions { data.permissions = permissions & FileMode.permissionMask }
            if let uid = change.uid { data.uid = uid }
            if let gid = change.gid { data.gid = gid }
            if change.size != nil { data.modificationTime = now }
            if let time = change.accessTime { data.accessTime = time }
            if let time = change.modificationTime { data.modificationTime = time }
            data.changeTime = now
        }
        metadataChanged()
    }

    /// Whether somebody may do something with the file.
    public final func mayAccess(_ wanted: AccessRights, _ identity: borrowing FileIdentity) -> Bool {
        if identity.isPrivileged, kind == .directory || !wanted.contains(.execute) { return true }
        let (mode, uid, gid) = metadata.withLock { ($0.permissions, $0.uid, $0.gid) }
        return identity.mayAccess(wanted, mode: mode, uid: uid, gid: gid, kind: kind)
    }

    /// Stamps a change of contents, and drops set-user-ID as a write by an ordinary user must.
    public final func contentsChanged() {
        let now = FileClock.now
        metadata.withLock { data in
            data.modificationTime = now
            data.changeTime = now
        }
        metadataChanged()
    }

    /// Stamps a read, by the relatime rule: only when the file changed since the last stamp.
    @inline(__always)
    public final func contentsRead() {
        let isStale = metadata.withLock { data in
            !(data.modificationTime < data.accessTime) || !(data.changeTime < data.accessTime)
        }
        if isStale { stampAccess() }
    }

    @inline(never)
    private func stampAccess() {
        if fileSystem.isReadOnly.load(ordering: .relaxed) { return }
        let now = FileClock.now
        metadata.withLock { $0.accessTime = now }
        metadataChanged()
    }
}

/// Where other modules say how nodes are opened that they implement.
public enum SpecialFiles {
    /// Opens FIFOs; set once by the module of pipes while the kernel starts.
    nonisolated(unsafe) public static var fifoOpener: DeviceOpener?
}
