import ABI
import Files
import Processes
import Processor
import Scheduling
import Support

/// The texts of the files in /proc that are about the processors and what they do.
enum ProcessorTexts {
    /// The time since boot, and how long processors were idle, all in all.
    static func uptime() -> [UInt8] {
        var usage = ProcessorUsage()
        for processor in 0..<Processors.count { usage += Scheduler.usage(of: processor) }
        var text = KernelString()
        text.append(hundredths: machineMonotonicNanoseconds() / KernelTexts.nanosecondsPerTick)
        text += " "
        text.append(hundredths: usage.idle / KernelTexts.nanosecondsPerTick)
        text += "\n"
        return text.utf8
    }

    /// /proc/stat: what each processor did, and counts of the whole system.
    static func statistics() -> [UInt8] {
        var sum = ProcessorUsage()
        var lines = KernelString()
        for processor in 0..<Processors.count {
            let usage = Scheduler.usage(of: processor)
            sum += usage
            lines += "cpu\(processor)"
            append(usage, to: &lines)
        }
        var text: KernelString = "cpu "
        append(sum, to: &text)
        text += lines
        var interrupts: UInt64 = 0
        for vector in Interrupts.usedVectors { interrupts &+= count(of: vector) }
        text += "intr \(interrupts)"
        for vector in Interrupts.usedVectors { text += " \(count(of: vector))" }
        let bootSeconds = FileClock.now.seconds - Int64(machineMonotonicNanoseconds() / 1_000_000_000)
        var blocked = 0
        for process in ProcessTable.all {
            for thread in process.threads { if thread.state == .sleepingUninterruptibly { blocked += 1 } }
        }
        text += "\nctxt \(sum.switches)\nbtime \(bootSeconds)\nprocesses \(LoadAverage.lastProcessID)\n"
        text += "procs_running \(max(1, Scheduler.runnableCount))\nprocs_blocked \(blocked)\n"
        return text.utf8
    }

    /// user, nice, system, idle; the six columns after them have no counterpart here.
    private static func append(_ usage: ProcessorUsage, to text: inout KernelString) {
        let tick = KernelTexts.nanosecondsPerTick
        text += " \(usage.user / tick) 0 \(usage.system / tick) \(usage.idle / tick) 0 0 0 0 0 0\n"
    }

    private static func count(of vector: Int) -> UInt64 {
        var total: UInt64 = 0
        for processor in 0..<Processors.count { total &+= Processors.interruptCount(processor: processor, vector: vector) }
        return total
    }

    /// /proc/interrupts: a line each vector that has a handler, a column each processor.
    static func interrupts() -> [UInt8] {
        var text: KernelString = "     "
        for processor in 0..<Processors.count {
            let title: KernelString = "CPU\(processor)"
            text += KernelString(repeating: " ", count: max(1, 11 - title.count)) + title
        }
        text += "\n"
        for vector in Interrupts.usedVectors {
            if !Interrupts.isDevice(vector) { continue }
            text.append(padded: vector, to: 4)
            appendCounts(of: vector, to: &text)
            text += "   \(Interrupts.kind(of: vector))   \(Interrupts.name(of: vector))\n"
        }
        for (vector, label, name) in ownVectors {
            text += "\(label)"
            appendCounts(of: vector, to: &text)
            text += "   \(name)\n"
        }
        return text.utf8
    }

    /// The processor's own vectors, with the labels that Linux uses.
    private static let ownVectors: [(Int, StaticString, StaticString)] = [
        (2, " NMI", "Non-maskable interrupts"), (Int(Interrupts.timerVector), " LOC", "Local timer interrupts"),
        (Int(Interrupts.spuriousVector), " SPU", "Spurious interrupts"),
        (Int(Interrupts.rescheduleVector), " RES", "Rescheduling interrupts"),
        (Interrupts.functionCallVector, " CAL", "Function call interrupts"),
        (Interrupts.translationVector, " TLB", "TLB shootdowns"), (Interrupts.controllerErrorVector, " ERR", "APIC errors"),
    ]

    private static func appendCounts(of vector: Int, to text: inout KernelString) {
        text += ":"
        for processor in 0..<Processors.count {
            text.append(padded: Processors.interruptCount(processor: processor, vector: vector), to: 11)
        }
    }

    /// /proc/cpuinfo: a block each processor. They are all of the first one's kind.
    static func information() -> [UInt8] {
        let features = Features.current
        let (vendor, brand) = Features.names()
        let kilohertz = Clock.timestampFrequency / 1000
        let fraction = KernelString(kilohertz % 1000)
        let count = Processors.count
        let flags = flagNames(features)
        var text = KernelString()
        for processor in 0..<count {
            let identifier = Processors[processor].pointee.identifier
            text += "processor\t: \(processor)\nvendor_id\t: \(vendor)\ncpu family\t: \(features.family)\n"
            text += "model\t\t: \(features.model)\nmodel name\t: \(brand)\nstepping\t: \(features.stepping)\n"
            text += "cpu MHz\t\t: \(kilohertz / 1000)." + KernelString(repeating: "0", count: 3 - fraction.count) + fraction
            text += "\nphysical id\t: 0\nsiblings\t: \(count)\ncore id\t\t: \(processor)\ncpu cores\t: \(count)\n"
            text += "apicid\t\t: \(identifier)\ninitial apicid\t: \(identifier)\nflags\t\t:"
            text += flags
            text += "\naddress sizes\t: \(features.physicalAddressBits) bits physical, 48 bits virtual\n\n"
        }
        return text.utf8
    }

    private static func flagNames(_ features: Features) -> KernelString {
        let flags: [(Bool, StaticString)] = [
            (features.hasAPIC, " apic"), (features.hasPAT, " pat"), (features.hasNoExecute, " nx"),
            (features.hasGiBPages, " pdpe1gb"), (features.hasRDTSCP, " rdtscp"), (features.hasXSAVE, " xsave"),
            (features.hasXSAVEOPT, " xsaveopt"), (features.hasX2APIC, " x2apic"), (features.hasRDRAND, " rdrand"),
            (features.hasPCID, " pcid"), (features.hasFSGSBase, " fsgsbase"), (features.hasSMEP, " smep"),
            (features.hasSMAP, " smap"), (features.hasUMIP, " umip"), (features.hasTSCDeadline, " tsc_deadline_timer"),
            (features.hasInvariantTSC, " constant_tsc nonstop_tsc"),
        ]
        var text = KernelString()
        for (isThere, name) in flags { if isThere { text += "\(name)" } }
        return text
    }

    /// Processors as ranges, such as `0-3,6`.
    static func list(_ mask: UInt64) -> KernelString {
        var text = KernelString()
        var first = 0
        while first < 64 {
            if mask >> UInt64(first) & 1 == 0 {
                first += 1
                continue
            }
            var last = first
            while last < 63, mask >> UInt64(last + 1) & 1 != 0 { last += 1 }
            if text.count > 0 { text += "," }
            text += last == first ? "\(first)" : "\(first)-\(last)"
            first = last + 1
        }
        return text
    }
}
