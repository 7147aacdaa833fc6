import ABI
import Files
import Processes
import Support

/// All ptys by number, and the file system that shows them (devpts).
public enum PseudoTerminals {
    static var slaveMajor: UInt32 { 136 }
    /// As `kernel.pty.max`.
    static var limit: Int { 4096 }
    private static let terminals = SpinLock<[PseudoTerminal?]>([])

    /// Makes a pty with the lowest free number.
    static func create() throws(Errno) -> PseudoTerminal {
        let owner = UserThread.currentIfUser?.process.credentials ?? Credentials()
        // Made outside the lock: it allocates its queues.
        let index: Int? = terminals.withLock { list in
            if let free = list.firstIndex(where: { $0 == nil }) { return free }
            return list.count < limit ? list.count : nil
        }
        guard var index else { throw .noSpace }
        while true {
            let terminal = PseudoTerminal(index: index, owner: owner)
            let taken: Bool = terminals.withLock { list in
                while list.count <= index { list.append(nil) }
                if list[index] != nil { return false }
                list[index] = terminal
                return true
            }
            if taken { return terminal }
            index += 1
            if index >= limit { throw .noSpace }
        }
    }

    static func remove(_ terminal: PseudoTerminal) {
        let old: PseudoTerminal? = terminals.withLock { list in
            let old = list[terminal.index]
            list[terminal.index] = nil
            return old
        }
        _ = old
    }

    static func terminal(_ index: Int) -> PseudoTerminal? {
        terminals.withLock { index >= 0 && index < $0.count ? $0[index] : nil }
    }

    /// The numbers in use from `start` on.
    static func indices(from start: Int) -> [Int] {
        terminals.withLock { list in
            var result: [Int] = []
            for index in list.indices where index >= start && list[index] != nil { result.append(index) }
            return result
        }
    }

    /// The one instance of devpts; every mount shows it.
    nonisolated(unsafe) static let fileSystem = PTSFileSystem()  // immutable reference; has locks of its own

    static func inode(of terminal: PseudoTerminal) -> Inode { PTSInode(fileSystem, terminal) }
}

/// devpts: a folder of the slaves, with a ptmx of its own.
final class PTSFileSystem: FileSystem {
    /// Who owns the nodes, and their permissions: options of mount(2), of which the last mount's count.
    struct Settings: Sendable {
        var uid: UInt32?
        var gid: UInt32?
        var mode: UInt32 = 0o600
        var ptmxMode: UInt32 = 0
    }
    let settings = SpinLock(Settings())

    init() { super.init(typeName: "devpts") }
    override func rootInode() throws(Errno) -> Inode { PTSFolder(self) }
    // Ptys come and go by themselves.
    override var cachesNames: Bool { false }
    override func statistics() -> FileSystemStatistics {
        var statistics = FileSystemStatistics()
        statistics.type = 0x1cd1
        return statistics
    }
    override var mountOptions: [UInt8] {
        let settings = settings.withLock { $0 }
        var text = ""
        if let uid = settings.uid { text += ",uid=" + String(uid) }
        if let gid = settings.gid { text += ",gid=" + String(gid) }
        text += ",mode=" + Self.octal(settings.mode) + ",ptmxmode=" + Self.octal(settings.ptmxMode)
        return Array(text.utf8)
    }

    /// Three octal digits.
    private static func octal(_ mode: UInt32) -> String {
        let digits = String(mode, radix: 8)
        return String(repeating: "0", count: max(0, 3 - digits.utf8.count)) + digits
    }
}

/// Lets mount(2) find devpts.
final class PTSFileSystemType: FileSystemType {
    init() { super.init(name: "devpts", needsDevice: false) }
    override func mount(device: BlockDevice?, options: [UInt8], readOnly: Bool) throws(Errno) -> FileSystem {
        var settings = PTSFileSystem.Settings()
        var list = MountOptions(options)
        while let option = list.next() {
            switch option.name {
            case "uid": settings.uid = UInt32(truncatingIfNeeded: try option.number())
            case "gid": settings.gid = UInt32(truncatingIfNeeded: try option.number())
            case "mode": settings.mode = UInt32(truncatingIfNeeded: try option.number(radix: 8)) & FileMode.permissionMask
            case "ptmxmode": settings.ptmxMode = UInt32(truncatingIfNeeded: try option.number(radix: 8)) & 0o777
            case "newinstance": break
            default: throw .invalidArgument
            }
        }
        PseudoTerminals.fileSystem.settings.withLock { $0 = settings }
        return PseudoTerminals.fileSystem
    }
}

/// The folder itself.
final class PTSFolder: Inode {
    private static let ptmxNumber: UInt64 = 2

    init(_ fileSystem: FileSystem) {
        super.init(
            fileSystem: fileSystem, number: 1, kind: .directory,
            metadata: InodeMetadata(permissions: 0o755, uid: 0, gid: 0, linkCount: 2))
    }

    override func lookup(_ name: [UInt8]) throws(Errno) -> Inode? {
        if name == Array("ptmx".utf8) {
            return DeviceInode(
                fileSystem, number: Self.ptmxNumber, DeviceNumber(major: 5, minor: 2),
                permissions: PseudoTerminals.fileSystem.settings.withLock { $0.ptmxMode })
        }
        guard let index = Self.number(name), let terminal = PseudoTerminals.terminal(index) else { return nil }
        return PTSInode(PseudoTerminals.fileSystem, terminal)
    }

    /// A decimal number without leading zeros.
    private static func number(_ name: [UInt8]) -> Int? {
        guard !name.isEmpty, name.count <= 4, name[0] != 0x30 || name.count == 1 else { return nil }
        var value = 0
        for digit in name {
            guard digit >= 0x30, digit <= 0x39 else { return nil }
            value = value * 10 + Int(digit - 0x30)
        }
        return value
    }

    override func readEntries(from cursor: UInt64, _ emit: (DirectoryEntry) -> Bool) throws(Errno) {
        if cursor == 0 {
            guard show("ptmx", Self.ptmxNumber, next: 1, emit) else { return }
        }
        for index in PseudoTerminals.indices(from: Int(clamping: max(cursor, 1)) - 1) {
            guard show(String(index), UInt64(index) + 3, next: UInt64(index) + 2, emit) else { return }
        }
    }

    private func show(_ name: String, _ number: UInt64, next: UInt64, _ emit: (DirectoryEntry) -> Bool) -> Bool {
        Array(name.utf8).withUnsafeBytes { bytes in
            emit(DirectoryEntry(name: bytes, inode: number, kind: .characterDevice, next: next))
        }
    }
}

/// A node that names a registered character device.
final class DeviceInode: Inode {
    init(_ fileSystem: FileSystem, number: UInt64, _ device: DeviceNumber, permissions: UInt32) {
        super.init(
            fileSystem: fileSystem, number: number, kind: .characterDevice, special: device,
            metadata: InodeMetadata(permissions: permissions, uid: 0, gid: 0))
    }
}

/// The node of a slave.
final class PTSInode: Inode {
    private let terminal: PseudoTerminal

    init(_ fileSystem: PTSFileSystem, _ terminal: PseudoTerminal) {
        self.terminal = terminal
        let settings = fileSystem.settings.withLock { $0 }
        super.init(
            fileSystem: fileSystem, number: UInt64(terminal.index) + 3, kind: .characterDevice, special: terminal.number,
            metadata: InodeMetadata(
                permissions: settings.mode, uid: settings.uid ?? terminal.uid,
                gid: settings.gid ?? terminal.gid, time: terminal.creationTime))
    }

    override func open(flags: OpenFlags, path: PathNode?) throws(Errno) -> OpenFile {
        try terminal.openSlave(flags: flags, inode: self, path: path)
    }
}
