import ABI
import Files
import Processes
import Scheduling
import Support

/// The root of /proc: the kernel's files, and a folder for each process.
final class ProcRoot: ProcFolder {
    /// Processes' folders are numbered from here, in steps of `processStride`.
    static let processBase: UInt64 = 1 << 20
    static let processStride: UInt64 = 1 << 20

    private static let files: [(StaticString, FileKind)] = [
        ("self", .symbolicLink), ("thread-self", .symbolicLink), ("mounts", .symbolicLink),
        ("cmdline", .regular), ("cpuinfo", .regular), ("devices", .regular), ("filesystems", .regular), ("loadavg", .regular),
        ("meminfo", .regular), ("partitions", .regular), ("stat", .regular), ("swaps", .regular), ("uptime", .regular),
        ("version", .regular), ("sys", .directory), ("martlet", .directory), ("slabinfo", .regular),
        ("interrupts", .regular), ("irq", .directory), ("vmstat", .regular), ("zoneinfo", .regular),
    ]

    init(_ proc: ProcFileSystem) { super.init(proc, number: 1) }

    static func number(of process: Int32) -> UInt64 { processBase + UInt64(process) * processStride }

    override func entries() throws(Errno) -> [ProcEntry] {
        var list: [ProcEntry] = []
        for (index, file) in Self.files.enumerated() { list.append(ProcEntry(file.0, UInt64(index) + 2, file.1)) }
        for process in ProcessTable.all {
            list.append(ProcEntry(KernelString(process.pid).utf8, Self.number(of: process.pid), .directory))
        }
        return list
    }

    /// Processes are found without listing all of them.
    override func lookup(_ name: [UInt8]) throws(Errno) -> Inode? {
        if let pid = MountOptions.number(name, radix: 10), name.first != UInt8(ascii: "0") {
            guard pid <= Int(Int32.max) else { return nil }
            // A thread's number works too, although it is not listed.
            guard let process = ProcessTable.process(Int32(pid)) ?? ProcessTable.thread(Int32(pid))?.process else { return nil }
            return ProcProcess(proc, process, thread: nil)
        }
        for (index, file) in Self.files.enumerated() where file.0.equals(name) {
            return try make(ProcEntry(file.0, UInt64(index) + 2, file.1))
        }
        return nil
    }

    override func make(_ entry: ProcEntry) throws(Errno) -> Inode? {
        let proc = proc
        switch entry.number - 2 {
        case 0: return ProcLink(proc, number: entry.number) { () throws(Errno) in KernelString(Process.current.pid).utf8 }
        case 1:
            return ProcLink(proc, number: entry.number) { () throws(Errno) in
                let text: KernelString = "\(Process.current.pid)/task/\(UserThread.current.id)"
                return text.utf8
            }
        case 2: return ProcLink(proc, number: entry.number) { () throws(Errno) in StaticString("self/mounts").bytes }
        case 3: return text(entry) { () throws(Errno) in proc.environment.commandLine + [UInt8(ascii: "\n")] }
        case 4: return text(entry) { () throws(Errno) in ProcessorTexts.information() }
        case 5: return text(entry) { () throws(Errno) in KernelTexts.devices() }
        case 6: return text(entry) { () throws(Errno) in KernelTexts.fileSystems() }
        case 7: return text(entry) { () throws(Errno) in KernelTexts.loadAverage() }
        case 8: return text(entry) { () throws(Errno) in MemoryTexts.summary() }
        case 9: return text(entry) { () throws(Errno) in KernelTexts.partitions() }
        case 10: return text(entry) { () throws(Errno) in ProcessorTexts.statistics() }
        case 11:
            return text(entry) { () throws(Errno) in
                StaticString("Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n").bytes
            }
        case 12: return text(entry) { () throws(Errno) in ProcessorTexts.uptime() }
        case 13: return text(entry) { () throws(Errno) in KernelTexts.version(proc.environment) }
        case 14: return ProcSettings(proc, number: entry.number)
        case 15: return ProcCounterFolder(proc, number: entry.number)
        case 16: return text(entry) { () throws(Errno) in MemoryTexts.slabs() }
        case 17: return text(entry) { () throws(Errno) in ProcessorTexts.interrupts() }
        case 18: return ProcInterrupts(proc, number: entry.number)
        case 19: return text(entry) { () throws(Errno) in MemoryTexts.counters() }
        case 20: return text(entry) { () throws(Errno) in MemoryTexts.zones() }
        default: return nil
        }
    }

    private func text(_ entry: ProcEntry, _ make: @escaping () throws(Errno) -> [UInt8]) -> ProcText {
        ProcText(proc, number: entry.number, make)
    }
}
