/// A request number of `ioctl(2)`: direction, size of the argument, type letter and number packed in 32 bits
/// (`include/uapi/asm-generic/ioctl.h`).
public struct IoctlRequest: Equatable, Sendable {
    public let rawValue: UInt32
    @inlinable public init(rawValue: UInt32) { self.rawValue = rawValue }

    /// `_IOC`: bit 0 of `direction` says that the program writes to the kernel, bit 1 that it reads from it.
    @inlinable public init(direction: UInt32, type: UInt8, number: UInt8, size: Int) {
        rawValue = direction << 30 | UInt32(truncatingIfNeeded: size & 0x3FFF) << 16 | UInt32(type) << 8 | UInt32(number)
    }

    /// `_IO`: no argument.
    @inlinable public static func plain(_ type: UInt8, _ number: UInt8) -> IoctlRequest {
        IoctlRequest(direction: 0, type: type, number: number, size: 0)
    }
    /// `_IOW`: the kernel reads a `T`.
    @inlinable public static func write<T>(_ type: UInt8, _ number: UInt8, _: T.Type) -> IoctlRequest {
        IoctlRequest(direction: 1, type: type, number: number, size: MemoryLayout<T>.size)
    }
    /// `_IOR`: the kernel fills in a `T`.
    @inlinable public static func read<T>(_ type: UInt8, _ number: UInt8, _: T.Type) -> IoctlRequest {
        IoctlRequest(direction: 2, type: type, number: number, size: MemoryLayout<T>.size)
    }
    /// `_IOWR`: the kernel reads a `T` and changes it.
    @inlinable public static func exchange<T>(_ type: UInt8, _ number: UInt8, _: T.Type) -> IoctlRequest {
        IoctlRequest(direction: 3, type: type, number: number, size: MemoryLayout<T>.size)
    }
    /// `_IOC(_IOC_READ, …)` with a length that the caller chooses.
    @inlinable public static func read(_ type: UInt8, _ number: UInt8, byteCount: Int) -> IoctlRequest {
        IoctlRequest(direction: 2, type: type, number: number, size: byteCount)
    }

    @inlinable public var number: UInt8 { UInt8(truncatingIfNeeded: rawValue) }
    @inlinable public var type: UInt8 { UInt8(truncatingIfNeeded: rawValue >> 8) }
    @inlinable public var byteCount: Int { Int(rawValue >> 16 & 0x3FFF) }
    @inlinable public var programWrites: Bool { rawValue >> 30 & 1 != 0 }
    @inlinable public var programReads: Bool { rawValue >> 31 & 1 != 0 }
}
