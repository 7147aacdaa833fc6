/// FPU, SSE, AVX … registers of one user thread, in memory (Intel SDM volume 1, chapter 13).
///
/// The kernel uses no such register, so the state is saved and restored only when user threads are switched.
public struct ExtendedState {
    let area: UnsafeMutableRawPointer

    /// What XSAVE is asked to save, and how many bytes that takes. Written once at boot.
    nonisolated(unsafe) public private(set) static var mask: UInt64 = 3
    nonisolated(unsafe) public private(set) static var byteCount = 512
    /// The bits of MXCSR that may be set (SDM volume 1, 11.6.6).
    nonisolated(unsafe) private static var controlMask: UInt32 = 0xffbf

    /// Enables every state component that the processor and this kernel know: x87, SSE, AVX, AVX-512, PKRU.
    public static func enable() {
        guard Features.current.hasXSAVE else { return }
        asmWriteCR4(asmReadCR4() | (1 << 18))
        let supported = cpuid(13)
        mask = (UInt64(supported.edx) << 32 | UInt64(supported.eax)) & 0x2e7
        asmWriteXCR(0, mask)
        byteCount = Int(cpuid(13).ebx)
        readControlMask()
    }

    /// FXSAVE tells it; 0 stands for the bits that the first processors had.
    private static func readControlMask() {
        withUnsafeTemporaryAllocation(byteCount: 512, alignment: 64) { area in
            asmFXSAVE(area.baseAddress!)
            let told = area.load(fromByteOffset: 28, as: UInt32.self)
            controlMask = told == 0 ? 0xffbf : told
        }
    }

    /// Fresh state: all registers as after reset. 64-byte aligned, as XSAVE requires.
    public init() {
        area = .allocate(byteCount: Self.byteCount, alignment: 64)
        reset()
    }

    /// Makes the state that of a new program.
    public func reset() {
        area.initializeMemory(as: UInt8.self, repeating: 0, count: Self.byteCount)
        area.storeBytes(of: 0x37f, toByteOffset: 0, as: UInt16.self)  // FCW: all exceptions masked, 64-bit precision
        area.storeBytes(of: 0x1f80, toByteOffset: 24, as: UInt32.self)  // MXCSR: all exceptions masked
        if Features.current.hasXSAVE {
            // XSTATE_BV: x87 and SSE are in the area (so that FCW and MXCSR count); the rest is in its initial state.
            area.storeBytes(of: 3, toByteOffset: 512, as: UInt64.self)
        }
    }

    /// Makes a fresh state a copy of what is in the registers now.
    public func copyRegisters() {
        // Not XSAVEOPT, which leaves out what it wrote last, wherever that was.
        if Features.current.hasXSAVE { asmXSAVE(area, Self.mask) } else { asmFXSAVE(area) }
    }

    /// The saved bytes, for signal frames. The first 512 have the layout of FXSAVE.
    public var bytes: UnsafeMutableRawBufferPointer { UnsafeMutableRawBufferPointer(start: area, count: Self.byteCount) }

    @inline(__always)
    public func save() {
        if Features.current.hasXSAVEOPT {
            asmXSAVEOPT(area, Self.mask)
        } else if Features.current.hasXSAVE {
            asmXSAVE(area, Self.mask)
        } else {
            asmFXSAVE(area)
        }
    }

    @inline(__always)
    public func restore() {
        if Features.current.hasXSAVE { asmXRSTOR(area, Self.mask) } else { asmFXRSTOR(area) }
    }

    /// Whether bytes that came from a program can be restored: a reserved bit in MXCSR or in the header, or the compacted format, would
    /// fault (SDM volume 1, 13.8).
    public static func isRestorable(_ bytes: UnsafeRawBufferPointer) -> Bool {
        XSaveImage.isRestorable(bytes, mask: Features.current.hasXSAVE ? mask : nil, controlMask: controlMask)
    }

    /// Gives the memory back. The state must not be used afterwards.
    public func release() { area.deallocate() }
}
