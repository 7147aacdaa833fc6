import ABI
import Files
import Support

/// The records of a folder. Under the metadata lock, unless only `record` is used.
struct FolderBlocks {
    let folder: Ext2Folder

    init(_ folder: Ext2Folder) { self.folder = folder }

    private var fileSystem: Ext2FileSystem { folder.ext2 }
    private var blockSize: Int { fileSystem.geometry.blockSize }
    private var blockCount: UInt64 { folder.ownByteCount / UInt64(blockSize) }

    /// The header of a record, checked.
    struct Record {
        let offset: Int
        let inode: UInt32
        let length: Int
        let nameCount: Int
        let kind: FileKind?

        /// The bytes that the name needs; what the record has beyond them can hold another one.
        var usedLength: Int { inode == 0 ? 0 : RecordField.length(nameCount: nameCount) }

        func isDots(_ bytes: UnsafeMutableRawPointer) -> Bool {
            let name = bytes + offset + RecordField.name
            let dot = UInt8(ascii: ".")
            if nameCount == 1 { return name.load(as: UInt8.self) == dot }
            return nameCount == 2 && name.load(as: UInt8.self) == dot && name.load(fromByteOffset: 1, as: UInt8.self) == dot
        }

        func hasName(_ name: [UInt8], _ bytes: UnsafeMutableRawPointer) -> Bool {
            guard inode != 0, nameCount == name.count else { return false }
            return name.withUnsafeBytes { wanted in
                let own = UnsafeRawBufferPointer(start: bytes + offset + RecordField.name, count: nameCount)
                for index in 0..<nameCount where own[index] != wanted[index] { return false }
                return true
            }
        }
    }

    /// Reads and checks the record at an offset of a block.
    func record(_ bytes: UnsafeMutableRawPointer, _ offset: Int) throws(Errno) -> Record {
        guard offset + RecordField.name <= blockSize else { throw damaged() }
        let inode = bytes.u32(offset + RecordField.inode)
        let length = Int(bytes.u16(offset + RecordField.length))
        let hasKinds = fileSystem.geometry.hasFileTypes
        let nameCount =
            hasKinds
            ? Int(bytes.load(fromByteOffset: offset + RecordField.nameCount, as: UInt8.self))
            : Int(bytes.u16(offset + RecordField.nameCount))
        guard length >= RecordField.name + 4, length & 3 == 0, length <= blockSize - offset, nameCount <= RecordField.nameLimit,
            inode <= fileSystem.geometry.inodeCount,
            inode == 0 || (nameCount > 0 && RecordField.length(nameCount: nameCount) <= length)
        else { throw damaged() }
        let type = hasKinds ? bytes.load(fromByteOffset: offset + RecordField.kind, as: UInt8.self) : 0
        return Record(offset: offset, inode: inode, length: length, nameCount: nameCount, kind: Self.kind(type))
    }

    private func damaged() -> Errno { fileSystem.corrupt("folder \(folder.number) has an impossible record") }

    /// The types that records have: 1 regular, 2 folder, 3 character, 4 block, 5 FIFO, 6 socket, 7 link.
    static func kind(_ type: UInt8) -> FileKind? {
        switch type {
        case 1: return .regular
        case 2: return .directory
        case 3: return .characterDevice
        case 4: return .blockDevice
        case 5: return .fifo
        case 6: return .socket
        case 7: return .symbolicLink
        default: return nil
        }
    }

    static func type(_ kind: FileKind) -> UInt8 {
        switch kind {
        case .regular: return 1
        case .directory: return 2
        case .characterDevice: return 3
        case .blockDevice: return 4
        case .fifo: return 5
        case .socket: return 6
        case .symbolicLink: return 7
        }
    }

    /// A block of the folder. Folders have no holes.
    func block(_ index: UInt64) throws(Errno) -> CachedBlock {
        let number = try folder.node.map(index)
        guard number != 0 else { throw fileSystem.corrupt("folder \(folder.number) has a hole") }
        return try fileSystem.cache.block(number)
    }

    /// Shows every record until `body` returns false.
    /// - Parameter body: gets the block, the record and the one before it in the block.
    private func forEach(_ body: (CachedBlock, Record, Record?) throws(Errno) -> Bool) throws(Errno) {
        for index in 0..<blockCount {
            let block = try block(index)
            var offset = 0
            var previous: Record?
            while offset < blockSize {
                let record = try record(block.bytes, offset)
                guard try body(block, record, previous) else { return }
                previous = record
                offset += record.length
            }
        }
    }

    /// The record with this name.
    func find(_ name: [UInt8]) throws(Errno) -> Record? {
        var found: Record?
        try forEach { (block, record, _) throws(Errno) in
            guard record.hasName(name, block.bytes) else { return true }
            found = record
            return false
        }
        return found
    }

    /// Whether only `.` and `..` are in it.
    var isEmpty: Bool {
        get throws(Errno) {
            var isEmpty = true
            try forEach { (block, record, _) throws(Errno) in
                isEmpty = record.inode == 0 || record.isDots(block.bytes)
                return isEmpty
            }
            return isEmpty
        }
    }

    // MARK: Changing

    /// Adds a name that is not there: into the slack of some record, or into a new block.
    func add(_ name: [UInt8], _ inode: UInt32, _ kind: FileKind) throws(Errno) {
        guard name.count <= RecordField.nameLimit else { throw .nameTooLong }
        let wanted = RecordField.length(nameCount: name.count)
        var isDone = false
        try forEach { (block, record, _) throws(Errno) in
            let used = record.usedLength
            guard record.length - used >= wanted else { return true }
            if used > 0 { block.bytes.set16(record.offset + RecordField.length, UInt16(used)) }
            write(block.bytes, record.offset + used, length: record.length - used, name: name, inode: inode, kind: kind)
            try fileSystem.markDirty(block)
            isDone = true
            return false
        }
        if isDone { return }
        let block = try appendBlock()
        write(block.bytes, 0, length: blockSize, name: name, inode: inode, kind: kind)
    }

    /// Removes a name: its record becomes part of the one before, or empty if it is the first of its block.
    func remove(_ name: [UInt8]) throws(Errno) {
        try change(name) { block, record, previous in
            if let previous {
                block.bytes.set16(previous.offset + RecordField.length, UInt16(previous.length + record.length))
            } else {
                block.bytes.set32(record.offset + RecordField.inode, 0)
            }
        }
    }

    /// Makes a name refer to another inode.
    func replace(_ name: [UInt8], _ inode: UInt32, _ kind: FileKind) throws(Errno) {
        let hasKinds = fileSystem.geometry.hasFileTypes
        try change(name) { block, record, _ in
            block.bytes.set32(record.offset + RecordField.inode, inode)
            if hasKinds {
                block.bytes.storeBytes(of: Self.type(kind), toByteOffset: record.offset + RecordField.kind, as: UInt8.self)
            }
        }
    }

    private func change(_ name: [UInt8], _ apply: (CachedBlock, Record, Record?) -> Void) throws(Errno) {
        var isDone = false
        try forEach { (block, record, previous) throws(Errno) in
            guard record.hasName(name, block.bytes) else { return true }
            apply(block, record, previous)
            try fileSystem.markDirty(block)
            isDone = true
            return false
        }
        if !isDone { throw fileSystem.corrupt("folder \(folder.number) lost a name") }
    }

    /// Writes a whole record.
    func write(_ bytes: UnsafeMutableRawPointer, _ offset: Int, length: Int, name: [UInt8], inode: UInt32, kind: FileKind) {
        bytes.set32(offset + RecordField.inode, inode)
        bytes.set16(offset + RecordField.length, UInt16(length))
        let type = fileSystem.geometry.hasFileTypes ? Self.type(kind) : 0
        bytes.set16(offset + RecordField.nameCount, UInt16(name.count) | UInt16(type) << 8)
        name.withUnsafeBytes { (bytes + offset + RecordField.name).copyMemory(from: $0.baseAddress!, byteCount: name.count) }
    }

    /// Adds an empty block at the end.
    func appendBlock() throws(Errno) -> CachedBlock {
        let (number, isNew) = try folder.node.mapAllocating(blockCount)
        guard isNew else { throw fileSystem.corrupt("folder \(folder.number) has a block past its end") }
        let block = try fileSystem.cache.newBlock(number)
        folder.ownByteCount += UInt64(blockSize)
        folder.metadataChanged()
        return block
    }
}
