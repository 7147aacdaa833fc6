import Support

/// The attribute bits of a page-table entry (Intel SDM volume 3, section 4.5).
public struct PageFlags: OptionSet, Sendable {
    public let rawValue: UInt64
    @inlinable public init(rawValue: UInt64) { self.rawValue = rawValue }

    @inlinable public static var present: PageFlags { PageFlags(rawValue: 1 << 0) }
    @inlinable public static var writable: PageFlags { PageFlags(rawValue: 1 << 1) }
    @inlinable public static var user: PageFlags { PageFlags(rawValue: 1 << 2) }
    @inlinable public static var writeThrough: PageFlags { PageFlags(rawValue: 1 << 3) }
    @inlinable public static var cacheDisabled: PageFlags { PageFlags(rawValue: 1 << 4) }
    @inlinable public static var accessed: PageFlags { PageFlags(rawValue: 1 << 5) }
    @inlinable public static var dirty: PageFlags { PageFlags(rawValue: 1 << 6) }
    /// In a directory: a 2 MiB or 1 GiB page instead of a table.
    @inlinable public static var large: PageFlags { PageFlags(rawValue: 1 << 7) }
    @inlinable public static var global: PageFlags { PageFlags(rawValue: 1 << 8) }
    /// Ignored by the processor: the entry holds no reference to its frame (zero page, device memory).
    @inlinable public static var unowned: PageFlags { PageFlags(rawValue: 1 << 9) }
    /// Ignored by the processor: the frame belongs to the process alone or is shared copy-on-write, not to a file.
    @inlinable public static var anonymous: PageFlags { PageFlags(rawValue: 1 << 10) }
    @inlinable public static var noExecute: PageFlags { PageFlags(rawValue: 1 << 63) }
}

/// How the processor caches a mapping.
public enum Caching: Sendable {
    case writeBack, writeCombining, uncached

    /// What IA32_PAT must hold for `flags` to mean what they say: entry 1 is write-combining instead of write-through.
    public static let pageAttributeTable: UInt64 = 0x0007_0406_0007_0106

    @inlinable public var flags: PageFlags {
        switch self {
        case .writeBack: []
        case .writeCombining: [.writeThrough]
        case .uncached: [.cacheDisabled, .writeThrough]
        }
    }
}

/// One entry of a page table, of any level.
@frozen
public struct PageTableEntry: Equatable, Sendable {
    public var rawValue: UInt64
    @inlinable public init(rawValue: UInt64) { self.rawValue = rawValue }
    @inlinable public init(_ frame: PhysicalAddress, _ flags: PageFlags) { rawValue = frame.rawValue | flags.rawValue }

    @inlinable public static var empty: PageTableEntry { PageTableEntry(rawValue: 0) }
    @inlinable static var addressMask: UInt64 { 0x000f_ffff_ffff_f000 }

    @inlinable public var isPresent: Bool { rawValue & 1 != 0 }
    @inlinable public var frame: PhysicalAddress { PhysicalAddress(rawValue & Self.addressMask) }
    @inlinable public var flags: PageFlags { PageFlags(rawValue: rawValue & ~Self.addressMask) }
    @inlinable public func has(_ flag: PageFlags) -> Bool { rawValue & flag.rawValue == flag.rawValue }
    @inlinable public var isWritable: Bool { rawValue & PageFlags.writable.rawValue != 0 }
    @inlinable public var isLarge: Bool { rawValue & PageFlags.large.rawValue != 0 }

    /// The same entry with other bits.
    @inlinable public func adding(_ flags: PageFlags) -> PageTableEntry { PageTableEntry(rawValue: rawValue | flags.rawValue) }
    @inlinable public func removing(_ flags: PageFlags) -> PageTableEntry { PageTableEntry(rawValue: rawValue & ~flags.rawValue) }
}
