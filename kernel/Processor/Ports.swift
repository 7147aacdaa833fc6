/// The I/O port space.
public enum Port {
    @inline(__always) public static func in8(_ port: UInt16) -> UInt8 { asmIn8(port) }
    @inline(__always) public static func in16(_ port: UInt16) -> UInt16 { asmIn16(port) }
    @inline(__always) public static func in32(_ port: UInt16) -> UInt32 { asmIn32(port) }
    @inline(__always) public static func out8(_ port: UInt16, _ value: UInt8) { asmOut8(port, value) }
    @inline(__always) public static func out16(_ port: UInt16, _ value: UInt16) { asmOut16(port, value) }
    @inline(__always) public static func out32(_ port: UInt16, _ value: UInt32) { asmOut32(port, value) }
}

/// Device memory: each call is exactly one access of its width.
/// - Safety: the pointer must come from a device mapping and be aligned to the width.
public enum MMIO {
    @inline(__always) public static func read8(_ address: UnsafeRawPointer) -> UInt8 { asmRead8(address) }
    @inline(__always) public static func read16(_ address: UnsafeRawPointer) -> UInt16 { asmRead16(address) }
    @inline(__always) public static func read32(_ address: UnsafeRawPointer) -> UInt32 { asmRead32(address) }
    @inline(__always) public static func read64(_ address: UnsafeRawPointer) -> UInt64 { asmRead64(address) }
    @inline(__always) public static func write8(_ address: UnsafeMutableRawPointer, _ value: UInt8) { asmWrite8(address, value) }
    @inline(__always) public static func write16(_ address: UnsafeMutableRawPointer, _ value: UInt16) {
        asmWrite16(address, value)
    }
    @inline(__always) public static func write32(_ address: UnsafeMutableRawPointer, _ value: UInt32) {
        asmWrite32(address, value)
    }
    @inline(__always) public static func write64(_ address: UnsafeMutableRawPointer, _ value: UInt64) {
        asmWrite64(address, value)
    }
    /// Orders all earlier loads and stores before all later ones (`mfence`).
    @inline(__always) public static func fence() { asmMemoryFence() }
}
