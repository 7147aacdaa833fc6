import Frames

/// What a mapping permits; the bits are those of `PROT_*` (`include/uapi/asm-generic/mman-common.h`).
public struct Protection: OptionSet, Sendable {
    public let rawValue: UInt8
    @inlinable public init(rawValue: UInt8) { self.rawValue = rawValue }
    @inlinable public static var read: Protection { Protection(rawValue: 1) }
    @inlinable public static var write: Protection { Protection(rawValue: 2) }
    @inlinable public static var execute: Protection { Protection(rawValue: 4) }
    @inlinable public static var all: Protection { [.read, .write, .execute] }
}

/// Properties of an area.
public struct AreaFlags: OptionSet, Sendable {
    public let rawValue: UInt16
    @inlinable public init(rawValue: UInt16) { self.rawValue = rawValue }

    /// Writes are seen by others and reach the object.
    @inlinable public static var shared: AreaFlags { AreaFlags(rawValue: 1 << 0) }
    /// A fault just below it extends it (stacks).
    @inlinable public static var growsDown: AreaFlags { AreaFlags(rawValue: 1 << 1) }
    /// Made by `brk`.
    @inlinable public static var heap: AreaFlags { AreaFlags(rawValue: 1 << 2) }
    /// The main thread's stack.
    @inlinable public static var stack: AreaFlags { AreaFlags(rawValue: 1 << 3) }
    /// Counted as locked (mlock).
    @inlinable public static var locked: AreaFlags { AreaFlags(rawValue: 1 << 4) }
    /// A forked child does not get it (MADV_DONTFORK).
    @inlinable public static var notForked: AreaFlags { AreaFlags(rawValue: 1 << 5) }
    /// A forked child gets it empty (MADV_WIPEONFORK).
    @inlinable public static var wipedOnFork: AreaFlags { AreaFlags(rawValue: 1 << 6) }
    /// Page tables may hold pages of it that cannot be had from the object again.
    @inlinable public static var hasPrivatePages: AreaFlags { AreaFlags(rawValue: 1 << 7) }

    /// Nobody promised that there is memory for it (MAP_NORESERVE).
    @inlinable public static var notPromised: AreaFlags { AreaFlags(rawValue: 1 << 8) }

    /// Large pages are welcome (MADV_HUGEPAGE). It is said for others to see: they are used anyway.
    @inlinable public static var largeWanted: AreaFlags { AreaFlags(rawValue: 1 << 9) }
    /// No large pages (MADV_NOHUGEPAGE).
    @inlinable public static var largeForbidden: AreaFlags { AreaFlags(rawValue: 1 << 10) }

    /// What two neighbours must agree on to become one area.
    static var identity: AreaFlags {
        [.shared, .growsDown, .heap, .stack, .locked, .notForked, .wipedOnFork, .notPromised, .largeWanted, .largeForbidden]
    }
}

/// What a faulting instruction wanted.
public struct FaultAccess: Sendable {
    public var isWrite: Bool
    public var isExecute: Bool

    public init(isWrite: Bool, isExecute: Bool) {
        self.isWrite = isWrite
        self.isExecute = isExecute
    }

    /// From the error code of a page fault (Intel SDM volume 3, section 4.7).
    public init(errorCode: UInt64) {
        isWrite = errorCode & 2 != 0
        isExecute = errorCode & 16 != 0
    }

    public static var read: FaultAccess { FaultAccess(isWrite: false, isExecute: false) }
    public static var write: FaultAccess { FaultAccess(isWrite: true, isExecute: false) }
}

/// Why a fault cannot be resolved.
public enum FaultError: Error, Sendable {
    /// Nothing is mapped there: SIGSEGV with SEGV_MAPERR.
    case notMapped
    /// The mapping does not permit it: SIGSEGV with SEGV_ACCERR.
    case accessDenied
    /// Past the end of the mapped file: SIGBUS with BUS_ADRERR.
    case busError
    /// No memory left.
    case outOfMemory
    /// The file's device failed: SIGBUS.
    case ioError
}
