/// What of a saved state's layout is known to others than the processor (SDM volume 1, 13.4; Linux's `struct _fpx_sw_bytes`). Pure.
public enum XSaveImage {
    static let controlOffset = 24
    /// Where the part begins that only XSAVE has, and where its header ends.
    public static let headerOffset = 512, headerEnd = 576
    /// Where the `Description` is: the end of the first 512 bytes, which the processor leaves to software, and the header.
    public static let descriptionOffset = 464
    public static let firstMark: UInt32 = 0x4650_5853, lastMark: UInt32 = 0x4650_5845
    /// The mark behind the state.
    public static let markByteCount = 4

    /// What a signal frame says about the state in it, and the header that follows, which the processor reads.
    public struct Description: BitwiseCopyable {
        public var mark = firstMark
        /// Bytes up to and with the last mark.
        public var extendedByteCount: UInt32
        public var components: UInt64
        public var byteCount: UInt32
        public var padding: (UInt32, UInt32, UInt32, UInt32, UInt32, UInt32, UInt32) = (0, 0, 0, 0, 0, 0, 0)
        /// XSTATE_BV: the components that are not in their initial state.
        public var present: UInt64 = 0
        /// XCOMP_BV, and eight bytes that are reserved; the processor takes no notice of the rest.
        public var compaction: UInt64 = 0, reserved: UInt64 = 0
        public var ignored: (UInt64, UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0, 0)

        /// The description of a state with all components of `mask`, before the processor fills the header.
        public init(mask: UInt64, byteCount: Int) {
            extendedByteCount = UInt32(byteCount + markByteCount)
            components = mask
            self.byteCount = UInt32(byteCount)
        }

        /// Whether a whole state of `byteCount` bytes is described.
        public func isWhole(mask: UInt64, byteCount: Int) -> Bool {
            mark == firstMark && extendedByteCount == UInt32(byteCount + markByteCount) && self.byteCount == UInt32(byteCount)
                && components & ~mask == 0
        }

        /// Whether the processor would take the header: no component that is not enabled, not compacted.
        public func isRestorable(mask: UInt64) -> Bool { present & ~mask == 0 && compaction == 0 && reserved == 0 }
    }

    /// Makes what FXSAVE would have saved a state with the other components as after reset.
    /// - Parameters:
    ///   - bytes: the whole state, of which the first 512 bytes are given.
    ///   - controlMask: the bits that MXCSR may have (SDM volume 1, 11.6.6).
    /// - Returns: false when the processor would refuse it.
    public static func completeLegacy(_ bytes: UnsafeMutableRawBufferPointer, controlMask: UInt32) -> Bool {
        guard bytes.loadUnaligned(fromByteOffset: controlOffset, as: UInt32.self) & ~controlMask == 0 else { return false }
        guard bytes.count >= headerEnd else { return true }
        for offset in headerOffset..<bytes.count { bytes[offset] = 0 }
        bytes.storeBytes(of: 3, toByteOffset: headerOffset, as: UInt64.self)
        return true
    }
}
