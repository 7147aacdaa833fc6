/// What of a saved state's layout is known to others than the processor (SDM volume 1, 13.4; Linux's `struct _fpx_sw_bytes`). Pure.
public enum XSaveImage {
    static let controlOffset = 24, headerEnd = 576
    /// Where the part begins that only XSAVE has.
    public static let headerOffset = 512
    /// In the part of the first 512 bytes that the processor leaves to software: two marks, and what is there.
    public static let softwareOffset = 464
    public static let firstMark: UInt32 = 0x4650_5853, lastMark: UInt32 = 0x4650_5845
    /// The mark behind the state.
    public static let markByteCount = 4

    /// Whether the processor would restore these bytes without a fault.
    /// - Parameters:
    ///   - mask: the components that are enabled; nil for a processor without XSAVE.
    ///   - controlMask: the bits that MXCSR may have.
    public static func isRestorable(_ bytes: UnsafeRawBufferPointer, mask: UInt64?, controlMask: UInt32) -> Bool {
        guard bytes.count >= headerOffset else { return false }
        guard bytes.loadUnaligned(fromByteOffset: controlOffset, as: UInt32.self) & ~controlMask == 0 else { return false }
        guard let mask else { return true }
        guard bytes.count >= headerEnd else { return false }
        guard bytes.loadUnaligned(fromByteOffset: headerOffset, as: UInt64.self) & ~mask == 0 else { return false }
        // The compacted format, and eight bytes that are reserved; of the rest the processor takes no notice.
        for offset in stride(from: headerOffset + 8, to: headerOffset + 24, by: 8) {
            if bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self) != 0 { return false }
        }
        return true
    }

    /// Writes the description of a state with all components.
    public static func describe(in bytes: UnsafeMutableRawBufferPointer, mask: UInt64, byteCount: Int) {
        guard bytes.count >= headerOffset else { return }
        for offset in stride(from: softwareOffset, to: headerOffset, by: 8) {
            bytes.storeBytes(of: 0, toByteOffset: offset, as: UInt64.self)
        }
        bytes.storeBytes(of: firstMark, toByteOffset: softwareOffset, as: UInt32.self)
        bytes.storeBytes(of: UInt32(byteCount + markByteCount), toByteOffset: softwareOffset + 4, as: UInt32.self)
        bytes.storeBytes(of: mask, toByteOffset: softwareOffset + 8, as: UInt64.self)
        bytes.storeBytes(of: UInt32(byteCount), toByteOffset: softwareOffset + 16, as: UInt32.self)
    }

    /// Whether the first 512 bytes say that a whole state of `byteCount` bytes follows.
    public static func describesAll(_ bytes: UnsafeRawBufferPointer, mask: UInt64, byteCount: Int) -> Bool {
        bytes.loadUnaligned(fromByteOffset: softwareOffset, as: UInt32.self) == firstMark
            && bytes.loadUnaligned(fromByteOffset: softwareOffset + 4, as: UInt32.self) == UInt32(byteCount + markByteCount)
            && bytes.loadUnaligned(fromByteOffset: softwareOffset + 16, as: UInt32.self) == UInt32(byteCount)
            && bytes.loadUnaligned(fromByteOffset: softwareOffset + 8, as: UInt64.self) & ~mask == 0
    }

    /// Makes a state of which only the first 512 bytes are given one with the others as after reset.
    public static func limitToLegacy(_ bytes: UnsafeMutableRawBufferPointer) {
        guard bytes.count >= headerEnd else { return }
        for offset in headerOffset..<bytes.count { bytes[offset] = 0 }
        bytes.storeBytes(of: 3, toByteOffset: headerOffset, as: UInt64.self)
    }
}
