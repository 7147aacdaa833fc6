import ABI
import Files
import Support
import VirtualMemory

/// Files without a name: what memfd_create makes.
public enum MemoryFiles {
    /// Where they live; it is mounted nowhere and has no limit of its own.
    nonisolated(unsafe) private static let fileSystem = TmpFileSystem(pageLimit: .max / 2, inodeLimit: .max / 2)

    /// Creates an empty file.
    /// - Parameter name: what /proc/self/fd shows after `/memfd:`.
    public static func create(name: [UInt8], allowsSealing: Bool, executable: Bool, uid: UInt32, gid: UInt32) throws(Errno)
        -> OpenFile
    {
        try fileSystem.quota.takeInode()
        var metadata = InodeMetadata(permissions: executable ? 0o777 : 0o666, uid: uid, gid: gid)
        metadata.linkCount = 0
        let inode = MemoryInode(fileSystem, metadata, seals: allowsSealing ? 0 : Seals.seal)
        let path = PathNode.detached(name: shownName(name), inode: inode)
        return try inode.open(flags: [.readWrite, .largeFile], path: path)
    }

    private static func shownName(_ name: [UInt8]) -> [UInt8] {
        let prefix: StaticString = "memfd:"
        let length = prefix.utf8CodeUnitCount
        return [UInt8](unsafeUninitializedCapacity: length + name.count) { bytes, count in
            count = length + name.count
            for index in 0..<length { bytes[index] = prefix.utf8Start[index] }
            for index in 0..<name.count { bytes[length + index] = name[index] }
        }
    }
}

/// A file whose properties can be sealed.
final class MemoryInode: TmpFile {
    private let sealBits: SpinLock<UInt32>

    init(_ fileSystem: TmpFileSystem, _ metadata: InodeMetadata, seals: UInt32) {
        sealBits = SpinLock(seals)
        super.init(fileSystem, metadata)
    }

    var seals: UInt32 { sealBits.withLock { $0 } }

    override func open(flags: OpenFlags, path: PathNode?) throws(Errno) -> OpenFile {
        MemoryFile(flags: flags, inode: self, path: path, contents: try contents())
    }

    override func resize(to length: UInt64) throws(Errno) {
        try checkResize(to: length)
        try super.resize(to: length)
    }

    func checkResize(to length: UInt64) throws(Errno) {
        let seals = seals
        if length < byteCount, seals & Seals.shrink != 0 { throw .notPermitted }
        if length > byteCount, seals & Seals.grow != 0 { throw .notPermitted }
    }

    func addSeals(_ added: UInt32, isMappedWritable: Bool) throws(Errno) {
        guard added & ~Seals.all == 0 else { throw .invalidArgument }
        try sealBits.withLock { (seals: inout UInt32) throws(Errno) in
            if seals & Seals.seal != 0 { throw .notPermitted }
            if added & Seals.write != 0, seals & Seals.write == 0, isMappedWritable { throw .busy }
            seals |= added
        }
    }
}

/// An open memfd.
final class MemoryFile: RegularFile {
    private var memory: MemoryInode { unsafeDowncast(node, to: MemoryInode.self) }

    override func permittedWrite(at offset: UInt64, count: Int) throws(Errno) -> Int {
        let seals = memory.seals
        if seals & (Seals.write | Seals.futureWrite) != 0 { throw .notPermitted }
        let size = memory.byteCount
        if seals & Seals.grow == 0 || offset &+ UInt64(count) <= size { return count }
        // Linux writes page by page, and refuses the first page that would end beyond the file.
        let end = pageRoundDown(size)
        guard offset < end else { throw .notPermitted }
        return Int(end - offset)
    }

    override func checkResize(to length: UInt64) throws(Errno) { try memory.checkResize(to: length) }

    override func addSeals(_ seals: UInt32) throws(Errno) {
        guard flags.isWritable else { throw .notPermitted }
        try memory.addSeals(seals, isMappedWritable: contents.hasSharedWritableMappings)
    }

    override func seals() throws(Errno) -> UInt32 { memory.seals }

    override func memoryObject(offset: UInt64, length: UInt64, shared: Bool, writable: Bool) throws(Errno) -> MemoryObject {
        if shared, writable, memory.seals & (Seals.write | Seals.futureWrite) != 0 { throw .notPermitted }
        return try super.memoryObject(offset: offset, length: length, shared: shared, writable: writable)
    }
}
