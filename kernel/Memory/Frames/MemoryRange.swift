import Support

/// A piece of the physical address space as the firmware or the boot loader describes it.
public struct MemoryRange: Equatable, Sendable {
    /// What the memory may be used for. Whatever is unknown is `reserved`.
    public enum Kind: UInt8, Sendable {
        case usable, reserved, acpiReclaimable, acpiNonVolatile, defective
    }

    public var start: UInt64
    public var byteCount: UInt64
    public var kind: Kind

    public init(start: UInt64, byteCount: UInt64, kind: Kind) {
        self.start = start
        self.byteCount = byteCount
        self.kind = kind
    }

    /// One past the last byte; `UInt64.max` when the firmware's numbers overflow.
    var end: UInt64 {
        let (end, overflow) = start.addingReportingOverflow(byteCount)
        return overflow ? .max : end
    }
}

/// A run of whole frames.
struct FrameRange: Equatable {
    var first: UInt64
    var end: UInt64
    var count: UInt64 { end - first }
}

/// Turns the firmware's memory map, which may overlap, be unsorted or lie, into runs of frames that are safe to use.
enum MemoryMapRules {
    /// Memory below this is left to firmware and to starting other processors.
    static let lowestUsable: UInt64 = 0x10_0000
    /// What the direct map can show: the 32 TiB between its start and the kernel's stacks.
    static let highestUsable: UInt64 = 1 << 45

    /// Frames that are wholly usable and touch nothing reserved, ascending and merged.
    /// - Parameters:
    ///   - map: the firmware's ranges. Where two overlap, the one that is not usable wins.
    ///   - reserved: ranges in use (kernel image, modules, boot information).
    static func usableFrames(map: [MemoryRange], reserved: [MemoryRange]) -> [FrameRange] {
        var free: [FrameRange] = []
        for range in map where range.kind == .usable && range.start < highestUsable {
            let first = (max(range.start, lowestUsable) &+ 4095) >> 12
            let end = min(range.end, highestUsable) >> 12
            if first < end { free.append(FrameRange(first: first, end: end)) }
        }
        free.sort { $0.first < $1.first }
        var merged: [FrameRange] = []
        for range in free {
            if let last = merged.last, range.first <= last.end {
                merged[merged.count - 1].end = max(last.end, range.end)
            } else {
                merged.append(range)
            }
        }
        for range in map where range.kind != .usable { subtract(range, from: &merged) }
        for range in reserved { subtract(range, from: &merged) }
        return merged
    }

    /// Takes every frame that `hole` touches out of `ranges`.
    private static func subtract(_ hole: MemoryRange, from ranges: inout [FrameRange]) {
        if hole.byteCount == 0 { return }
        let first = hole.start >> 12
        let end = hole.end > UInt64.max - 4095 ? hole.end >> 12 : (hole.end + 4095) >> 12
        var result: [FrameRange] = []
        for range in ranges {
            if end <= range.first || first >= range.end {
                result.append(range)
                continue
            }
            if range.first < first { result.append(FrameRange(first: range.first, end: first)) }
            if end < range.end { result.append(FrameRange(first: end, end: range.end)) }
        }
        ranges = result
    }
}
