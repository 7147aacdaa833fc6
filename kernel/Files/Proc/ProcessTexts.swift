import ABI
import Files
import Processes
import Processor
import Scheduling
import Support
import Synchronization
import VirtualMemory

extension Process.ArgumentRange {
    /// Start and end of the arguments in the process's memory.
    var arguments: (start: UInt64, end: UInt64) { (argumentStart, argumentEnd) }
    var environment: (start: UInt64, end: UInt64) { (environmentStart, environmentEnd) }
    var auxiliaryVector: (start: UInt64, end: UInt64) { (auxiliaryStart, auxiliaryEnd) }
}

extension MemoryUsage {
    /// Its counts are in pages.
    static func bytes(_ pages: UInt64) -> UInt64 { pages &* UInt64(pageSize) }
}

/// The texts of the files in /proc/PID.
enum ProcessTexts {
    /// Arguments or environment, as they are in the process's memory now.
    static func memory(_ process: Process, of part: (Process.ArgumentRange) -> (start: UInt64, end: UInt64)) -> [UInt8] {
        let range = part(process.argumentRange.withLock { $0 })
        guard range.end > range.start, let space = process.addressSpace else { return [] }
        let count = Int(min(range.end - range.start, 128 * 1024))
        do throws(Errno) { return try space.read(count, at: range.start) } catch { return [] }
    }

    /// The fields of proc(5), in its order.
    static func stat(_ process: Process, _ thread: UserThread?) -> [UInt8] {
        let usage = process.addressSpace?.usage ?? MemoryUsage()
        let tick = KernelTexts.nanosecondsPerTick
        let time = process.processorTime
        var (total, system) = time
        if let thread {
            total = thread.usedNanoseconds
            system = min(total, thread.systemNanoseconds)
        }
        let children = process.childrenProcessorTime
        let terminal = process.session.terminal
        let threads = process.threads
        let signals = SignalSets(process, thread ?? threads.first)
        let range = process.argumentRange.withLock { $0 }
        let heap = process.addressSpace?.breakRange ?? (0, 0)
        let nice = Int((thread ?? threads.first)?.nice ?? 0)
        let scheduling = (thread ?? threads.first)?.scheduling
        let policy = scheduling?.policy ?? .normal
        let realTime = Int(scheduling?.realTimePriority ?? 0)
        let priority = policy.isRealTime ? -1 - realTime : 20 + nice
        let processor = (thread ?? threads.first)?.processor ?? 0
        var text = KernelString()
        text += "\(thread?.id ?? process.pid) (\(process.commandName.withLock { $0 })) "
        text.utf8.append(process.stateLetter)
        text += " \(process.parentID) \(process.groupID) \(process.session.id) "
        text += "\(terminal?.deviceNumber ?? 0) \(terminal?.foregroundGroup ?? -1) 4194304 0 0 0 0 "
        text +=
            "\((total - system) / tick) \(system / tick) \((children.total - children.system) / tick) \(children.system / tick) \(priority) \(nice) \(threads.count) 0 "
        text += "\(process.startTime / tick) \(MemoryUsage.bytes(usage.mapped)) \(usage.resident) 18446744073709551615 "
        text +=
            "0 0 0 0 0 \(signals.pending & 0x7fff_ffff) \(signals.blocked & 0x7fff_ffff) \(signals.ignored & 0x7fff_ffff) \(signals.caught & 0x7fff_ffff) "
        text +=
            "0 0 0 17 \(processor) \(realTime) \(policy.rawValue) 0 0 0 0 0 \(heap.0) \(range.argumentStart) \(range.argumentEnd) \(range.environmentStart) \(range.environmentEnd) 0\n"
        return text.utf8
    }

    static func statm(_ process: Process) -> [UInt8] {
        let usage = process.addressSpace?.usage ?? MemoryUsage()
        var text = KernelString()
        text += "\(usage.mapped) \(usage.resident) \(usage.residentFile &+ usage.residentShared) "
        text += "\(usage.text) 0 \(usage.data &+ usage.stack) 0\n"
        return text.utf8
    }

    static func status(_ process: Process, _ thread: UserThread?) -> [UInt8] {
        let credentials = process.credentials
        let threads = process.threads
        let letter = process.stateLetter
        var text = KernelString()
        text += "Name:\t\(process.commandName.withLock { $0 })\n"
        if let context = FileContext.of(process) {
            text += "Umask:\t"
            var digits = KernelString()
            digits.append(octal: context.umask)
            text += KernelString(repeating: "0", count: 4 - digits.count) + digits
            text += "\n"
        }
        text += "State:\t"
        text.utf8.append(letter)
        text +=
            " (\(stateName(letter)))\nTgid:\t\(process.pid)\nNgid:\t0\nPid:\t\(thread?.id ?? process.pid)\nPPid:\t\(process.parentID)\nTracerPid:\t0\n"
        text += "Uid:\t\(credentials.uid)\t\(credentials.euid)\t\(credentials.suid)\t\(credentials.euid)\n"
        text += "Gid:\t\(credentials.gid)\t\(credentials.egid)\t\(credentials.sgid)\t\(credentials.egid)\n"
        text += "FDSize:\t64\nGroups:\t"
        for group in credentials.groups { text += "\(group) " }
        text += "\n"
        if let usage = process.addressSpace?.usage { memory(usage, &text) }
        text += "Threads:\t\(threads.count)\nSigQ:\t0/4096\n"
        let signals = SignalSets(process, thread ?? threads.first)
        for (name, set) in [
            (StaticString("SigPnd"), signals.pending), ("ShdPnd", 0), ("SigBlk", signals.blocked), ("SigIgn", signals.ignored),
            ("SigCgt", signals.caught),
        ] {
            text += "\(name):\t"
            text.append(hexadecimal: set, to: 16)
            text += "\n"
        }
        let capabilities: UInt64 = credentials.euid == 0 ? 0x1ff_ffff_ffff : 0
        for (name, set) in [
            (StaticString("CapInh"), UInt64(0)), ("CapPrm", capabilities), ("CapEff", capabilities), ("CapBnd", 0x1ff_ffff_ffff),
            ("CapAmb", 0),
        ] {
            text += "\(name):\t"
            text.append(hexadecimal: set, to: 16)
            text += "\n"
        }
        let allowed = ((thread ?? threads.first)?.allowedProcessors ?? .max) & Processors.mask
        text +=
            "NoNewPrivs:\t0\nSeccomp:\t0\nCpus_allowed:\t\(KernelString(allowed, radix: 16))\nCpus_allowed_list:\t\(ProcessorTexts.list(allowed))\nvoluntary_ctxt_switches:\t0\nnonvoluntary_ctxt_switches:\t0\n"
        return text.utf8
    }

    private static func memory(_ usage: MemoryUsage, _ text: inout KernelString) {
        let lines: [(StaticString, UInt64)] = [
            ("VmPeak", usage.peakMapped), ("VmSize", usage.mapped), ("VmLck", usage.locked), ("VmPin", 0),
            ("VmHWM", usage.peakResident),
            ("VmRSS", usage.resident), ("RssAnon", usage.residentAnonymous), ("RssFile", usage.residentFile),
            ("RssShmem", usage.residentShared), ("VmData", usage.data), ("VmStk", usage.stack), ("VmExe", usage.text),
            ("VmLib", 0),
            ("VmPTE", 0), ("VmSwap", 0),
        ]
        for (name, pages) in lines {
            text += "\(name):\t"
            text.append(padded: MemoryUsage.bytes(pages) / 1024, to: 8)
            text += " kB\n"
        }
    }

    private static func stateName(_ letter: UInt8) -> StaticString {
        switch letter {
        case UInt8(ascii: "R"): return "running"
        case UInt8(ascii: "S"): return "sleeping"
        case UInt8(ascii: "D"): return "disk sleep"
        case UInt8(ascii: "T"): return "stopped"
        default: return "zombie"
        }
    }

    static func maps(_ process: Process) -> [UInt8] {
        guard let space = process.addressSpace else { return [] }
        var text = KernelString()
        for area in space.areas {
            let start = text.count
            text.append(hexadecimal: area.start, to: 8)
            text += "-"
            text.append(hexadecimal: area.end, to: 8)
            text += " "
            text.utf8.append(area.protection.contains(.read) ? UInt8(ascii: "r") : UInt8(ascii: "-"))
            text.utf8.append(area.protection.contains(.write) ? UInt8(ascii: "w") : UInt8(ascii: "-"))
            text.utf8.append(area.protection.contains(.execute) ? UInt8(ascii: "x") : UInt8(ascii: "-"))
            text.utf8.append(area.flags.contains(.shared) ? UInt8(ascii: "s") : UInt8(ascii: "p"))
            text += " "
            text.append(hexadecimal: area.offset, to: 8)
            let device = DeviceNumber(rawValue: area.object?.mappedDevice ?? 0)
            text += " "
            text.append(hexadecimal: device.major, to: 2)
            text += ":"
            text.append(hexadecimal: device.minor, to: 2)
            text += " \(area.object?.mappedInode ?? 0) "
            var name = area.object?.mappedName ?? []
            if name.isEmpty, area.flags.contains(.heap) { name = StaticString("[heap]").bytes }
            if name.isEmpty, area.flags.contains(.stack) { name = StaticString("[stack]").bytes }
            if !name.isEmpty {
                // Names stand in one column.
                while text.count - start < 73 { text.utf8.append(UInt8(ascii: " ")) }
                text += "\(name)"
            }
            text += "\n"
        }
        return text.utf8
    }

    static func limits(_ process: Process) -> [UInt8] {
        let limits = process.limits
        let lines: [(StaticString, ResourceLimits.Kind, StaticString)] = [
            ("Max cpu time", .cpu, "seconds"), ("Max file size", .fileSize, "bytes"), ("Max data size", .data, "bytes"),
            ("Max stack size", .stack, "bytes"), ("Max core file size", .core, "bytes"),
            ("Max resident set", .residentSet, "bytes"),
            ("Max processes", .processCount, "processes"), ("Max open files", .openFiles, "files"),
            ("Max locked memory", .lockedMemory, "bytes"), ("Max address space", .addressSpace, "bytes"),
            ("Max file locks", .locks, "locks"),
            ("Max pending signals", .pendingSignals, "signals"), ("Max msgqueue size", .messageQueues, "bytes"),
            ("Max nice priority", .nice, ""), ("Max realtime priority", .realTimePriority, ""),
            ("Max realtime timeout", .realTimeTime, "us"),
        ]
        var text: KernelString = "Limit                     Soft Limit           Hard Limit           Units     \n"
        for (name, kind, unit) in lines {
            text += column("\(name)", 26)
            text += column(value(limits[kind].soft), 21)
            text += column(value(limits[kind].hard), 21)
            text += column("\(unit)", 10)
            text += "\n"
        }
        return text.utf8
    }

    private static func value(_ limit: UInt64) -> KernelString {
        limit == ResourceLimits.infinity ? "unlimited" : KernelString(limit)
    }
    private static func column(_ text: KernelString, _ width: Int) -> KernelString {
        text + KernelString(repeating: " ", count: width - text.count)
    }
}

/// The signals of a process, as bit sets.
private struct SignalSets {
    var pending: UInt64 = 0, blocked: UInt64 = 0, ignored: UInt64 = 0, caught: UInt64 = 0

    init(_ process: Process, _ thread: UserThread?) {
        pending = thread?.pendingSet ?? 0
        blocked = thread?.signalMask ?? 0
        for number in Int32(1)...64 {
            guard let signal = Signal(number) else { continue }
            let handler = process.signals.action(signal).handler
            if handler == SignalAction.ignoreHandler { ignored |= signal.bit } else if handler != 0 { caught |= signal.bit }
        }
    }
}
