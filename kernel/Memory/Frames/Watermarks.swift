import Support
import Synchronization

/// How much of a zone should stay free, in frames.
///
/// Below `low` memory is given back in the background until `high` is reached. Below `min` whoever wants a frame for a program or a file
/// has to give one back first: the rest is the kernel's own, whose heap cannot fail. What counts is the sum over all zones; a zone's own
/// marks say only which zone is asked first, so that the memory for old devices is not used up by those who can have any.
public struct Watermarks: Sendable {
    public internal(set) var min = 0
    public internal(set) var low = 0
    public internal(set) var high = 0

    /// The minimum of the whole machine: a 256th, but 1 MiB at least: threads, page tables and buffers of one more system call.
    private static let share = 256
    private static let least = 256

    /// All zones together. Written at boot only.
    nonisolated(unsafe) public private(set) static var total = Watermarks()

    /// Distributes the minimum over the zones by their sizes.
    static func set() {
        let all = FrameAllocator.totalFrames
        let wanted = Swift.min(Swift.max(all / share, least), all / 4)
        total = Watermarks()
        for zone in 0..<MemoryNodes.zoneCount {
            FrameAllocator.locked(zone) { zone in
                let min = all == 0 ? 0 : wanted * zone.managedCount / all
                zone.marks = Watermarks(min: min, low: min * 2, high: min * 3)
                total.min += zone.marks.min
                total.low += zone.marks.low
                total.high += zone.marks.high
            }
        }
        FrameAllocator.updatePressure()
    }
}

/// A zone as /proc/zoneinfo shows it. Frames in the lists of processors do not count as free.
public struct ZoneReport {
    public let node: Int
    public let name: StaticString
    public let free: Int, managed: Int, spanned: Int
    public let marks: Watermarks
    public let firstFrame: UInt64
}

extension FrameAllocator {
    /// Looks again how much is free.
    public static func updatePressure() {
        let free = freeInZones
        isLow = free < Watermarks.total.low
        isCritical = free < Watermarks.total.min
    }

    /// Whether at least half of the kernel's own part is there.
    public static var hasHalfOfReserve: Bool { freeInZones > Watermarks.total.min / 2 }

    /// Free frames that are in no processor's list.
    static var freeInZones: Int {
        var sum = 0
        for zone in 0..<MemoryNodes.zoneCount { sum += freeCounts[zone].load(ordering: .relaxed) }
        return sum
    }

    /// How many frames are missing until reclaiming may stop; 0 when there are enough.
    public static var missingFrames: Int { max(0, Watermarks.total.high - freeInZones) }

    /// How often a lock of a zone was taken, which all processors share: what the lists of the processors avoid.
    public static var sharedLockCount: UInt64 {
        var sum: UInt64 = 0
        for zone in 0..<MemoryNodes.zoneCount { sum &+= zones[zone].withLock { $0.lockCount } }
        return sum
    }

    /// The zones of all nodes, by node, lowest first.
    public static var zoneReports: [ZoneReport] {
        let names: [StaticString] = ["DMA", "DMA32", "Normal"]
        return (0..<MemoryNodes.zoneCount).map { index in
            zones[index].withLock { zone in
                ZoneReport(
                    node: index / MemoryNodes.zonesInNode, name: names[index % MemoryNodes.zonesInNode], free: zone.freeCount,
                    managed: zone.managedCount,
                    spanned: Int(zone.spanned.upperBound - zone.spanned.lowerBound), marks: zone.marks,
                    firstFrame: UInt64(zone.spanned.lowerBound))
            }
        }
    }
}
