import ABI
import Files
import Processes
import Scheduling
import Support

/// /proc/PID/fd and /proc/PID/fdinfo.
final class ProcDescriptors: ProcFolder {
    enum Contents { case links, details }

    private let process: Process
    private let contents: Contents

    init(_ proc: ProcFileSystem, _ process: Process, number: UInt64, shows contents: Contents) {
        self.process = process
        self.contents = contents
        let credentials = process.credentials
        super.init(
            proc, number: number, permissions: contents == .links ? 0o500 : 0o555, uid: credentials.euid, gid: credentials.egid)
    }

    /// Descriptors' numbers start here, apart from those of the process's other files.
    private var base: UInt64 { ProcRoot.number(of: process.pid) + (contents == .links ? 0x20000 : 0x40000) }

    override func entries() throws(Errno) -> [ProcEntry] {
        guard let context = FileContext.of(process) else { throw .noEntry }
        var list: [ProcEntry] = []
        for number in context.descriptors.openNumbers {
            list.append(
                ProcEntry(KernelString(number).utf8, base + UInt64(number), contents == .links ? .symbolicLink : .regular))
        }
        return list
    }

    override func lookup(_ name: [UInt8]) throws(Errno) -> Inode? {
        guard let number = MountOptions.number(name, radix: 10), number <= Int(Int32.max), let context = FileContext.of(process)
        else { return nil }
        let file: OpenFile
        do throws(Errno) { file = try context.descriptors.file(Int32(number)) } catch { return nil }
        return contents == .links ? link(file, base + UInt64(number)) : details(file, base + UInt64(number))
    }

    override func make(_ entry: ProcEntry) throws(Errno) -> Inode? { try lookup(entry.name) }

    private func link(_ file: OpenFile, _ number: UInt64) -> Inode {
        let proc = proc
        var mode: UInt32 = 0o100
        if file.flags.isReadable { mode |= 0o400 }
        if file.flags.isWritable { mode |= 0o200 }
        let credentials = process.credentials
        return ProcLink(
            proc, number: number, permissions: mode, uid: credentials.euid, gid: credentials.egid,
            target: { () throws(Errno) in
                if let path = file.path { return path }
                return PathNode.detached(name: file.anonymousName.utf8, inode: AnonymousInode(proc, file, number: number))
            }
        ) { () throws(Errno) in
            file.path?.absolutePath(root: FileContext.current.root) ?? file.anonymousName.utf8
        }
    }

    private func details(_ file: OpenFile, _ number: UInt64) -> Inode {
        ProcText(proc, number: number) { () throws(Errno) in
            var position: Int64 = 0
            do throws(Errno) { position = try file.seek(0, whence: 1) } catch {}
            var text: KernelString = "pos:\t\(position)\nflags:\t"
            text.append(octal: file.flags.rawValue)
            text += "\nmnt_id:\t\(file.path?.mount.identifier ?? 0)\nino:\t\(try file.attributes().inode)\n"
            return text.utf8
        }
    }
}

/// Stands for an open file that has no inode, such as a pipe, so that /proc/self/fd/N can be looked at and opened.
final class AnonymousInode: Inode {
    private let file: OpenFile

    init(_ proc: ProcFileSystem, _ file: OpenFile, number: UInt64) {
        self.file = file
        var kind = FileKind.regular
        var permissions: UInt32 = 0o600
        do throws(Errno) {
            let attributes = try file.attributes()
            kind = FileKind(mode: attributes.mode) ?? .regular
            permissions = attributes.mode & FileMode.permissionMask
        } catch {}
        super.init(
            fileSystem: proc, number: number, kind: kind, metadata: InodeMetadata(permissions: permissions, uid: 0, gid: 0))
    }

    override func attributes() throws(Errno) -> FileAttributes { try file.attributes() }
    override func open(flags: OpenFlags, path: PathNode?) throws(Errno) -> OpenFile {
        if kind == .socket { throw .noDeviceOrAddress }
        return try file.reopen(flags: flags)
    }
    /// Opening for writing truncates as a matter of form.
    override func setAttributes(_ change: AttributeChange) throws(Errno) {
        guard change.size != nil, change.permissions == nil, change.uid == nil, change.gid == nil else { throw .notPermitted }
    }
}
