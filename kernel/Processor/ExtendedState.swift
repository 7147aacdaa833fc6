import ABI
import Support

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

    /// Takes over a state as FXSAVE saves it from a program's memory, into the registers too.
    /// - Throws: `badAddress` when it cannot be read, or the processor would refuse it.
    public func restoreLegacy(from address: UserAddress) throws(Errno) {
        // Through a copy: a switch while a page is fetched would save this thread's registers over half of it.
        var bytes = try copyInBytes(from: address, count: XSaveImage.headerOffset)
        bytes.append(contentsOf: repeatElement(0, count: Self.byteCount - bytes.count))
        guard bytes.withUnsafeMutableBytes({ XSaveImage.completeLegacy($0, controlMask: Self.controlMask) }) else {
            throw .badAddress
        }
        let flags = machineInterruptSave()
        self.bytes.copyBytes(from: bytes)
        restore()
        machineInterruptRestore(flags)
    }

    /// Saves the registers in user memory, with the description that signal frames have; needs XSAVE.
    /// - Parameter address: aligned to 64 bytes, with room for `byteCount` and the mark behind them.
    /// - Throws: `badAddress` when it is not writable user memory.
    public static func saveRegisters(to address: UserAddress) throws(Errno) {
        guard address.isUserRange(byteCount + XSaveImage.markByteCount), address.rawValue & 63 == 0,
            let area = UnsafeMutableRawPointer(bitPattern: UInt(address.rawValue))
        else { throw .badAddress }
        try copyOut(XSaveImage.Description(mask: mask, byteCount: byteCount), to: address + XSaveImage.descriptionOffset)
        try copyOut(XSaveImage.lastMark, to: address + byteCount)
        // SAFETY: the range is user memory, where faults are fixed up; XSAVE completes the header that the description has cleared.
        if asmUserXSAVE(area, mask) != 0 { throw .badAddress }
    }

    /// Restores the registers from user memory if a whole state is there; needs XSAVE.
    /// - Returns: false when the description does not say so; nothing is restored then.
    /// - Throws: `badAddress` when it cannot be read, or the processor refuses it; the registers are undefined then.
    public static func restoreRegisters(from address: UserAddress) throws(Errno) -> Bool {
        guard address.isUserRange(byteCount + XSaveImage.markByteCount), address.rawValue & 63 == 0,
            let area = UnsafeMutableRawPointer(bitPattern: UInt(address.rawValue))
        else { throw .badAddress }
        let description = try copyIn(XSaveImage.Description.self, from: address + XSaveImage.descriptionOffset)
        guard description.isWhole(mask: mask, byteCount: byteCount),
            try copyIn(UInt32.self, from: address + byteCount) == XSaveImage.lastMark
        else { return false }
        // The processor checks this too, on the very bytes that it loads; emulators do not always.
        guard description.isRestorable(mask: mask),
            try copyIn(UInt32.self, from: address + XSaveImage.controlOffset) & ~controlMask == 0
        else { throw .badAddress }
        // SAFETY: the range is user memory; what another thread changes meanwhile makes a fault at worst, which is fixed up.
        if asmUserXRSTOR(area, mask) != 0 { throw .badAddress }
        return true
    }

    /// Gives the memory back. The state must not be used afterwards.
    public func release() { area.deallocate() }
}
