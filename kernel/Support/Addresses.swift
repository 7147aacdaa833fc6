/// The size of the smallest page, in bytes.
public let pageSize = 4096
public let pageShift = 12

/// Where the kernel image is linked, less its physical address. The boot code moves it: see `kernelImageBase`.
///
/// Programs have the addresses below 64 TiB, the kernel those from 64 to 128 TiB: direct map, stacks and devices, image. It
/// does not use the negative addresses that kernels usually have, because Embedded Swift (6.3) assumes that the top byte of a
/// pointer is zero: `swift_retain` passes over objects at negative addresses, enums keep their tags in those bits, and
/// so does `String`. The kernel's pages are inaccessible to programs all the same: they lack the user bit.
public let kernelLinkBase: UInt64 = 0x0000_7f80_0000_0000
/// Where the kernel image lies, less its physical address: 18 random bits above `kernelLinkBase` (`asm/boot.asm`). Written once, at boot.
nonisolated(unsafe) public var kernelImageBase = kernelLinkBase
/// How far the image was moved.
public var kernelImageOffset: UInt64 { kernelImageBase &- kernelLinkBase }
/// How many entries of the top-level page table belong to programs.
public let userTopLevelEntries = 128

/// Where the kernel maps all physical memory, as one linear window ("direct map"): the boot code adds 13 random bits.
/// The host tests point it at a block of ordinary memory.
nonisolated(unsafe) public var directMapBase: UInt = 0x0000_4000_0000_0000

/// A physical address: what page tables and devices use. It cannot be dereferenced.
@frozen
public struct PhysicalAddress: Equatable, Comparable, Sendable {
    public var rawValue: UInt64
    @inlinable public init(_ rawValue: UInt64) { self.rawValue = rawValue }
    @inlinable public static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }
    @inlinable public static func + (a: Self, offset: UInt64) -> Self { Self(a.rawValue &+ offset) }

    /// The frame number: the address in units of pages.
    @inlinable public var frameNumber: UInt64 { rawValue >> UInt64(pageShift) }
    @inlinable public init(frameNumber: UInt64) { rawValue = frameNumber << UInt64(pageShift) }

    /// The address at which the direct map shows this memory.
    /// - Safety: valid for RAM only; device memory must be mapped first.
    @inlinable public var directMapped: UnsafeMutableRawPointer {
        UnsafeMutableRawPointer(bitPattern: directMapBase &+ UInt(rawValue))!
    }

    /// The physical address of memory inside the direct map (heap memory and frames, not kernel text or stacks).
    @inlinable public init(directMapped pointer: UnsafeRawPointer) {
        rawValue = UInt64(UInt(bitPattern: pointer) &- directMapBase)
    }
}

/// An address in the user half of an address space. Holding one says nothing about its validity: it is an
/// allegation, and only `copyIn`, `copyOut` and `UserBuffer` use it.
@frozen
public struct UserAddress: Equatable, Comparable, Sendable {
    public var rawValue: UInt64

    /// One past the highest user address; see `kernelLinkBase` for the division of the address space.
    @inlinable public static var limit: UInt64 { 0x0000_3fff_ffff_f000 }

    @inlinable public init(_ rawValue: UInt64) { self.rawValue = rawValue }
    @inlinable public static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }
    @inlinable public static func + (a: Self, offset: Int) -> Self { Self(a.rawValue &+ UInt64(bitPattern: Int64(offset))) }
    @inlinable public var isNull: Bool { rawValue == 0 }

    /// Whether `count` bytes from here lie in the user half without wrapping.
    @inlinable public func isUserRange(_ count: Int) -> Bool {
        count >= 0 && rawValue <= Self.limit && UInt64(count) <= Self.limit &- rawValue
    }
}

/// Rounds up to a whole number of pages; wraps around near the top of the number range.
@inlinable public func pageRoundUp(_ value: UInt64) -> UInt64 { (value &+ 4095) & ~4095 }
/// Rounds down to a whole number of pages.
@inlinable public func pageRoundDown(_ value: UInt64) -> UInt64 { value & ~4095 }
