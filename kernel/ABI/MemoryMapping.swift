// Numbers of the memory calls (`include/uapi/asm-generic/mman-common.h`, `include/uapi/linux/mman.h`).

/// Flags of mmap.
public struct MappingFlags: OptionSet, Sendable {
    public let rawValue: UInt64
    @inlinable public init(rawValue: UInt64) { self.rawValue = rawValue }
    /// The bits that hold the type: shared, private, shared with validated flags.
    public static var typeMask: UInt64 { 0xf }
    public static var typeShared: UInt64 { 1 }
    public static var typePrivate: UInt64 { 2 }
    public static var typeSharedValidate: UInt64 { 3 }
    public static var fixed: MappingFlags { MappingFlags(rawValue: 0x10) }
    public static var anonymous: MappingFlags { MappingFlags(rawValue: 0x20) }
    public static var below2GiB: MappingFlags { MappingFlags(rawValue: 0x40) }
    public static var growsDown: MappingFlags { MappingFlags(rawValue: 0x100) }
    public static var denyWrite: MappingFlags { MappingFlags(rawValue: 0x800) }
    public static var executable: MappingFlags { MappingFlags(rawValue: 0x1000) }
    public static var locked: MappingFlags { MappingFlags(rawValue: 0x2000) }
    public static var noReserve: MappingFlags { MappingFlags(rawValue: 0x4000) }
    public static var populate: MappingFlags { MappingFlags(rawValue: 0x8000) }
    public static var nonBlocking: MappingFlags { MappingFlags(rawValue: 0x10000) }
    public static var stack: MappingFlags { MappingFlags(rawValue: 0x20000) }
    public static var hugePages: MappingFlags { MappingFlags(rawValue: 0x40000) }
    public static var synchronous: MappingFlags { MappingFlags(rawValue: 0x80000) }
    public static var fixedNoReplace: MappingFlags { MappingFlags(rawValue: 0x100000) }
    /// What MAP_SHARED_VALIDATE accepts.
    public static var validated: MappingFlags {
        [
            .fixed, .anonymous, .below2GiB, .growsDown, .denyWrite, .executable, .locked, .noReserve, .populate, .nonBlocking,
            .stack,
            .hugePages, .fixedNoReplace,
        ]
    }
}

/// Advice of madvise.
public enum AdviceNumber {
    public static var normal: Int32 { 0 }
    public static var random: Int32 { 1 }
    public static var sequential: Int32 { 2 }
    public static var willNeed: Int32 { 3 }
    public static var dontNeed: Int32 { 4 }
    public static var free: Int32 { 8 }
    public static var remove: Int32 { 9 }
    public static var dontFork: Int32 { 10 }
    public static var doFork: Int32 { 11 }
    public static var hugePage: Int32 { 14 }
    public static var noHugePage: Int32 { 15 }
    public static var dontDump: Int32 { 16 }
    public static var doDump: Int32 { 17 }
    public static var wipeOnFork: Int32 { 18 }
    public static var keepOnFork: Int32 { 19 }
    public static var cold: Int32 { 20 }
    public static var pageOut: Int32 { 21 }
    public static var populateRead: Int32 { 22 }
    public static var populateWrite: Int32 { 23 }
}
