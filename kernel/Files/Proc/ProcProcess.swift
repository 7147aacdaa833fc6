import ABI
import Files
import Processes
import Scheduling
import Support
import Synchronization

/// /proc/PID, and /proc/PID/task/TID.
final class ProcProcess: ProcFolder {
    private let process: Process
    /// Set in the folder of one thread.
    private let thread: UserThread?

    private static let names: [(StaticString, FileKind, UInt32)] = [
        ("cmdline", .regular, 0o444), ("comm", .regular, 0o644), ("cwd", .symbolicLink, 0o777), ("environ", .regular, 0o400),
        ("exe", .symbolicLink, 0o777), ("fd", .directory, 0o500), ("fdinfo", .directory, 0o555), ("limits", .regular, 0o444),
        ("maps", .regular, 0o444), ("mountinfo", .regular, 0o444), ("mounts", .regular, 0o444), ("oom_score", .regular, 0o444),
        ("oom_score_adj", .regular, 0o644), ("root", .symbolicLink, 0o777), ("stat", .regular, 0o444), ("statm", .regular, 0o444),
        ("status", .regular, 0o444), ("task", .directory, 0o555), ("auxv", .regular, 0o400),
    ]

    init(_ proc: ProcFileSystem, _ process: Process, thread: UserThread?) {
        self.process = process
        self.thread = thread
        let base = ProcRoot.number(of: process.pid)
        let credentials = process.credentials
        super.init(
            proc, number: thread == nil ? base : base + 0x80000 + UInt64(thread!.id), uid: credentials.euid, gid: credentials.egid
        )
    }

    override func entries() throws(Errno) -> [ProcEntry] {
        var list: [ProcEntry] = []
        for (index, name) in Self.names.enumerated() {
            if thread != nil, name.0.equals(Array("task".utf8)) { continue }
            list.append(ProcEntry(name.0, number + UInt64(index) + 1, name.1))
        }
        return list
    }

    override func lookup(_ name: [UInt8]) throws(Errno) -> Inode? {
        for (index, known) in Self.names.enumerated() where known.0.equals(name) {
            return try make(ProcEntry(known.0, number + UInt64(index) + 1, known.1))
        }
        return nil
    }

    override func make(_ entry: ProcEntry) throws(Errno) -> Inode? {
        let process = process, thread = thread
        let index = Int(entry.number - number) - 1
        let mode = Self.names[index].2
        switch index {
        case 0: return text(entry, mode) { () throws(Errno) in ProcessTexts.memory(process, of: { $0.arguments }) }
        case 1:
            return text(
                entry, mode,
                accept: { (name) throws(Errno) in
                    process.commandName.withLock { $0 = Array(name.prefix(15)) }
                }
            ) { () throws(Errno) in process.commandName.withLock { $0 } + [UInt8(ascii: "\n")] }
        case 2: return link(entry) { (context) throws(Errno) in context.workingFolder }
        case 3: return text(entry, mode) { () throws(Errno) in ProcessTexts.memory(process, of: { $0.environment }) }
        case 4:
            return ProcLink(proc, number: entry.number, uid: owner.uid, gid: owner.gid) { () throws(Errno) in
                let path = process.executablePath.withLock { $0 }
                if path.isEmpty { throw .noEntry }
                return path
            }
        case 5: return ProcDescriptors(proc, process, number: entry.number, shows: .links)
        case 6: return ProcDescriptors(proc, process, number: entry.number, shows: .details)
        case 7: return text(entry, mode) { () throws(Errno) in ProcessTexts.limits(process) }
        case 8: return text(entry, mode) { () throws(Errno) in ProcessTexts.maps(process) }
        case 9: return text(entry, mode) { () throws(Errno) in KernelTexts.mountInformation(root: FileContext.of(process)?.root) }
        case 10: return text(entry, mode) { () throws(Errno) in KernelTexts.mounts(root: FileContext.of(process)?.root) }
        case 11:
            return text(entry, mode) { () throws(Errno) in
                (KernelString(OutOfMemory.score(of: process).score / 1000) + "\n").utf8
            }
        case 12:
            return text(entry, mode, accept: { (bytes) throws(Errno) in try Self.setAdjustment(bytes, of: process) }) {
                () throws(Errno) in
                (KernelString(Int(process.memoryKillAdjustment.load(ordering: .relaxed))) + "\n").utf8
            }
        case 13: return link(entry) { (context) throws(Errno) in context.root }
        case 14: return text(entry, mode) { () throws(Errno) in ProcessTexts.stat(process, thread) }
        case 15: return text(entry, mode) { () throws(Errno) in ProcessTexts.statm(process) }
        case 16: return text(entry, mode) { () throws(Errno) in ProcessTexts.status(process, thread) }
        case 17: return ProcTasks(proc, process, number: entry.number)
        case 18: return text(entry, mode) { () throws(Errno) in ProcessTexts.memory(process, of: { $0.auxiliaryVector }) }
        default: return nil
        }
    }

    /// Writing oom_score_adj: a decimal number from −1000 to 1000; only the superuser may lower it.
    private static func setAdjustment(_ text: [UInt8], of process: Process) throws(Errno) {
        var digits = text[...]
        while let last = digits.last, last == 10 || last == 32 { digits.removeLast() }
        let isNegative = digits.first == UInt8(ascii: "-")
        if isNegative { digits.removeFirst() }
        guard !digits.isEmpty, digits.count <= 4 else { throw .invalidArgument }
        var value: Int32 = 0
        for digit in digits {
            guard digit >= UInt8(ascii: "0"), digit <= UInt8(ascii: "9") else { throw .invalidArgument }
            value = value * 10 + Int32(digit - UInt8(ascii: "0"))
        }
        if isNegative { value = -value }
        guard value >= -1000, value <= 1000 else { throw .invalidArgument }
        let isLower = value < process.memoryKillAdjustment.load(ordering: .relaxed)
        if isLower, !Process.current.credentials.isPrivileged { throw .accessDenied }
        process.memoryKillAdjustment.store(value, ordering: .relaxed)
    }

    private var owner: (uid: UInt32, gid: UInt32) { metadata.withLock { ($0.uid, $0.gid) } }

    private func text(
        _ entry: ProcEntry, _ mode: UInt32, accept: (([UInt8]) throws(Errno) -> Void)? = nil,
        _ make: @escaping () throws(Errno) -> [UInt8]
    ) -> ProcText {
        ProcText(proc, number: entry.number, permissions: mode, uid: owner.uid, gid: owner.gid, of: process, accept: accept, make)
    }

    /// A link to one of the process's folders.
    private func link(_ entry: ProcEntry, _ node: @escaping (FileContext) throws(Errno) -> PathNode) -> ProcLink {
        let process = process
        let target = { () throws(Errno) -> PathNode in
            guard let context = FileContext.of(process) else { throw .noEntry }
            return try node(context)
        }
        return ProcLink(proc, number: entry.number, uid: owner.uid, gid: owner.gid, target: target) { () throws(Errno) in
            try target().absolutePath(root: FileContext.current.root)
        }
    }
}

/// /proc/PID/task.
final class ProcTasks: ProcFolder {
    private let process: Process

    init(_ proc: ProcFileSystem, _ process: Process, number: UInt64) {
        self.process = process
        super.init(proc, number: number)
    }

    override func entries() throws(Errno) -> [ProcEntry] {
        var list: [ProcEntry] = []
        let base = ProcRoot.number(of: process.pid) + 0x80000
        for thread in process.threads {
            list.append(ProcEntry(KernelString(thread.id).utf8, base + UInt64(thread.id), .directory))
        }
        list.sort { $0.number < $1.number }
        return list
    }

    override func make(_ entry: ProcEntry) throws(Errno) -> Inode? {
        for thread in process.threads where KernelString(thread.id).utf8 == entry.name {
            return ProcProcess(proc, process, thread: thread)
        }
        return nil
    }
}
