import ABI
import Files
import Frames
import Processes
import Scheduling
import Support
import VirtualMemory

/// /proc/sys: the settings that programs look at.
final class ProcSettings: ProcFolder {
    /// One setting or folder of settings.
    private struct Item {
        let name: StaticString
        let children: [Item]
        let make: ((ProcFileSystem) -> [UInt8])?
        let accept: ((ProcFileSystem, [UInt8]) throws(Errno) -> Void)?

        init(_ name: StaticString, _ children: [Item]) {
            self.name = name
            self.children = children
            make = nil
            accept = nil
        }

        init(
            _ name: StaticString, accept: ((ProcFileSystem, [UInt8]) throws(Errno) -> Void)? = nil,
            _ make: @escaping (ProcFileSystem) -> [UInt8]
        ) {
            self.name = name
            children = []
            self.make = make
            self.accept = accept
        }
    }

    /// Made anew for each look: that is rare, and costs no memory in between.
    private static var tree: [Item] {
        [
            Item(
                "fs",
                [
                    Item("file-max") { _ in KernelString(FrameAllocator.totalFrames / 4).utf8 },
                    Item("nr_open") { _ in StaticString("1048576").bytes },
                    Item("pipe-max-size") { _ in StaticString("1048576").bytes },
                ]),
            Item(
                "kernel",
                [
                    Item("cap_last_cap") { _ in StaticString("40").bytes },
                    Item(
                        "hostname",
                        accept: { (proc, name) throws(Errno) in
                            guard name.count <= 64 else { throw .invalidArgument }
                            proc.environment.setHostName(name)
                        }
                    ) { proc in proc.environment.hostName() },
                    Item("ngroups_max") { _ in StaticString("65536").bytes },
                    Item("osrelease") { proc in proc.environment.release.bytes },
                    Item("ostype") { _ in StaticString("Linux").bytes },
                    Item("overflowuid") { _ in StaticString("65534").bytes },
                    Item("pid_max") { _ in StaticString("32768").bytes },
                    Item(
                        "random",
                        [
                            Item("boot_id") { _ in ProcSettings.bootIdentifier },
                            Item("entropy_avail") { _ in StaticString("256").bytes },
                            Item("poolsize") { _ in StaticString("256").bytes },
                            Item("uuid") { _ in ProcSettings.randomIdentifier() },
                        ]),
                    // Martlet's own, in nanoseconds since somebody last wrote to one of them.
                    Item(
                        "sched_hold_worst_ns", accept: { (_, _) throws(Errno) in Scheduler.forgetDelays() }
                    ) { _ in KernelString(Scheduler.longestHold).utf8 },
                    Item(
                        "timer_delay_worst_ns", accept: { (_, _) throws(Errno) in Scheduler.forgetDelays() }
                    ) { _ in KernelString(Scheduler.longestTimerDelay).utf8 },
                    Item("threads-max") { _ in KernelString(FrameAllocator.totalFrames / 8).utf8 },
                    Item("version") { proc in proc.environment.build.bytes },
                ]),
            Item(
                "vm",
                [
                    // 1 assembles large blocks of free memory; 2, for tests, also moves what can be moved for nothing.
                    Item(
                        "compact_memory",
                        accept: { (_, text) throws(Errno) in
                            Compaction.assembleAll(movesForNothing: try Self.number(text, atMost: 2) == 2)
                        }
                    ) { _ in [] },
                    Item("max_map_count") { _ in StaticString("65530").bytes },
                    Item(
                        "overcommit_memory",
                        accept: { (_, text) throws(Errno) in
                            guard let mode = Commitment.Mode(rawValue: UInt8(try Self.number(text, atMost: 2))) else {
                                throw .invalidArgument
                            }
                            Commitment.mode = mode
                        }
                    ) { _ in KernelString(Commitment.mode.rawValue).utf8 },
                    Item(
                        "overcommit_ratio",
                        accept: { (_, text) throws(Errno) in Commitment.ratio = try Self.number(text, atMost: 1_000_000) }
                    ) { _ in KernelString(Commitment.ratio).utf8 },
                    Item("swappiness") { _ in StaticString("60").bytes },
                ]),
        ]
    }

    private let items: [Item]

    init(_ proc: ProcFileSystem, number: UInt64) {
        items = Self.tree
        super.init(proc, number: number)
    }

    private init(_ proc: ProcFileSystem, _ items: [Item], number: UInt64) {
        self.items = items
        super.init(proc, number: number)
    }

    override func entries() throws(Errno) -> [ProcEntry] {
        var list: [ProcEntry] = []
        for (index, item) in items.enumerated() {
            // Sixteen children each are room enough, and keep the numbers apart.
            list.append(ProcEntry(item.name, number &* 16 &+ UInt64(index) &+ 1, item.make == nil ? .directory : .regular))
        }
        return list
    }

    override func make(_ entry: ProcEntry) throws(Errno) -> Inode? {
        let proc = proc
        for item in items where item.name.equals(entry.name) {
            guard let make = item.make else { return ProcSettings(proc, item.children, number: entry.number) }
            var accept: (([UInt8]) throws(Errno) -> Void)?
            if let take = item.accept { accept = { (input) throws(Errno) in try take(proc, input) } }
            return ProcText(proc, number: entry.number, permissions: accept == nil ? 0o444 : 0o644, accept: accept) {
                () throws(Errno) in
                make(proc) + [UInt8(ascii: "\n")]
            }
        }
        return nil
    }

    /// A decimal number as it is written to a setting.
    private static func number(_ text: [UInt8], atMost limit: Int) throws(Errno) -> Int {
        guard let number = MountOptions.number(text, radix: 10), Int(number) <= limit else { throw .invalidArgument }
        return Int(number)
    }

    private static let bootIdentifier = randomIdentifier()

    /// A random UUID (RFC 9562, version 4).
    private static func randomIdentifier() -> [UInt8] {
        let high = KernelRandom.next() & ~0xf000 | 0x4000
        let low = KernelRandom.next() & ~(3 << 62) | 2 << 62
        var digits = KernelString()
        digits.append(hexadecimal: high, to: 16)
        digits.append(hexadecimal: low, to: 16)
        var text: [UInt8] = []
        for (index, digit) in digits.utf8.enumerated() {
            if index == 8 || index == 12 || index == 16 || index == 20 { text.append(UInt8(ascii: "-")) }
            text.append(digit)
        }
        return text
    }
}

/// Counters of the kernel's own, shown in /proc/martlet.
public enum KernelCounters {
    struct Counter {
        let name: StaticString
        let value: () -> UInt64
    }
    static let counters = SpinLock<[Counter]>([])

    /// Adds a file with one number.
    public static func register(_ name: StaticString, _ value: @escaping () -> UInt64) {
        counters.withLock { $0.append(Counter(name: name, value: value)) }
    }
}

/// /proc/martlet: one file a counter.
final class ProcCounterFolder: ProcFolder {
    /// Counters are numbered from here.
    private static let base: UInt64 = 0x8000

    private static var own: [KernelCounters.Counter] {
        [
            KernelCounters.Counter(name: "frames_total") { UInt64(FrameAllocator.totalFrames) },
            KernelCounters.Counter(name: "frame_shared_locks") { FrameAllocator.sharedLockCount },
            KernelCounters.Counter(name: "frames_free") { UInt64(FrameAllocator.freeFrames) },
            KernelCounters.Counter(name: "key_to_frame_ns") { KeyLatency.lastNanoseconds },
            KernelCounters.Counter(name: "keys_shown") { KeyLatency.count },
            KernelCounters.Counter(name: "names_cached") { UInt64(NameCache.count) },
            KernelCounters.Counter(name: "processes") { UInt64(ProcessTable.counts.processes) },
            KernelCounters.Counter(name: "threads") { UInt64(ProcessTable.counts.threads) },
        ]
    }

    private var all: [KernelCounters.Counter] { Self.own + KernelCounters.counters.withLock { $0 } }

    override func entries() throws(Errno) -> [ProcEntry] {
        var list: [ProcEntry] = []
        for (index, counter) in all.enumerated() { list.append(ProcEntry(counter.name, Self.base + UInt64(index) + 1, .regular)) }
        return list
    }

    override func make(_ entry: ProcEntry) throws(Errno) -> Inode? {
        for counter in all where counter.name.equals(entry.name) {
            return ProcText(proc, number: entry.number) { () throws(Errno) in
                KernelString(counter.value()).utf8 + [UInt8(ascii: "\n")]
            }
        }
        return nil
    }
}
