import Support
import Synchronization

/// Control registers, model-specific registers and the like of the processor that runs this code.
public enum CPU {
    // MARK: Paging

    /// Whether translations are kept by process-context identifier over loads of other page tables. Written at boot.
    nonisolated(unsafe) public private(set) static var keepsTranslations = false

    /// Loads a top-level page table unless it is the one in use. Interrupts are off. Without identifiers each load flushes the TLB.
    @inline(__always)
    public static func loadPageTable(_ root: UInt64) {
        let own = PerCPU.current
        if own.pointee.pageTable.load(ordering: .relaxed) == root { return }
        // First the note, then the load: who changes these tables either finds the note, or its change is loaded already.
        own.pointee.pageTable.store(root, ordering: .sequentiallyConsistent)
        if keepsTranslations { loadKept(root) } else { asmWriteCR3(root) }
    }

    @inline(never)
    private static func loadKept(_ root: UInt64) {
        let (identifier, isKept) = PerCPU.current.pointee.translations.enter(root)
        asmWriteCR3(root | identifier | (isKept ? 1 << 63 : 0))
    }

    /// Drops what this processor keeps of an address space that is not loaded.
    @inline(__always)
    public static func forgetTranslations(_ root: UInt64) {
        if keepsTranslations { PerCPU.current.pointee.translations.forget(root) }
    }
    /// The top-level page table in use.
    @inline(__always)
    public static var pageTable: UInt64 { PerCPU.current.pointee.pageTable.load(ordering: .relaxed) }
    /// Drops the TLB entry of one page on this processor.
    @inline(__always) public static func invalidatePage(_ address: UInt) { asmInvalidatePage(address) }
    /// Drops all TLB entries of the page table in use that are not global.
    public static func flushTLB() { asmWriteCR3(asmReadCR3()) }
    /// Drops all TLB entries, global ones too, by toggling CR4.PGE (SDM volume 3A, 4.10.4.1).
    public static func flushTLBGlobal() {
        let cr4 = asmReadCR4()
        asmWriteCR4(cr4 & ~(1 << 7))
        asmWriteCR4(cr4)
    }
    /// The tables that the boot code made: the first GiB mapped to itself, and the kernel.
    public static var bootPageTable: PhysicalAddress { PhysicalAddress(UInt64(asmBootPageTable())) }
    /// The address whose access faulted last.
    public static var faultAddress: UInt64 { asmReadCR2() }

    // MARK: Thread registers

    /// The FS base of user code: its thread pointer.
    public static var fsBase: UInt64 {
        get { Features.current.hasFSGSBase ? asmReadFSBase() : asmReadMSR(MSR.fsBase) }
        set { if Features.current.hasFSGSBase { asmWriteFSBase(newValue) } else { asmWriteMSR(MSR.fsBase, newValue) } }
    }
    /// The GS base that user code sees; while the kernel runs, it is parked in another register by `swapgs`.
    public static var userGSBase: UInt64 {
        get { asmReadMSR(MSR.kernelGSBase) }
        set { asmWriteMSR(MSR.kernelGSBase, newValue) }
    }
    /// Sets the stack that interrupts from user mode start on.
    @inline(__always)
    public static func setInterruptStack(_ top: UInt) { SegmentTables.setKernelStack(top) }

    // MARK: Interrupts and time

    /// Waits for an interrupt, unless `shouldWait` (called with interrupts off) says otherwise. Returns with interrupts on.
    public static func waitForInterrupt(if shouldWait: () -> Bool) {
        let flags = machineSave()
        if shouldWait() { asmEnableInterruptsAndHalt() }
        machineRestore(flags | 0x200)
    }
    public static var timestamp: UInt64 { asmReadTSC() }

    /// Stops this processor for good.
    public static func stop() -> Never {
        while true {
            _ = machineSave()
            asmHalt()
        }
    }

    /// A random word from the processor, when it has a generator that works.
    public static func hardwareRandom() -> UInt64? {
        guard Features.current.hasRDRAND else { return nil }
        var ok: UInt8 = 0
        let value = asmReadRandom(&ok)
        return ok != 0 ? value : nil
    }

    /// The frame pointer of the caller's caller, for backtraces.
    public static var framePointer: UInt { asmFramePointer() }

    /// Turns on what protects the kernel: SMEP, SMAP, UMIP, write protection, FSGSBASE, SYSCALL; and process-context identifiers, before any
    /// of them is in use.
    /// - Parameter keepsTranslations: whether to use those identifiers where the processor has them. Counts on the first processor.
    public static func enableProtections(keepsTranslations: Bool = true) {
        let features = Features.current
        var cr4 = asmReadCR4()
        if PerCPU.current.pointee.index == 0 { Self.keepsTranslations = features.hasPCID && keepsTranslations }
        if Self.keepsTranslations { cr4 |= 1 << 17 }
        if features.hasSMEP { cr4 |= 1 << 20 }
        if features.hasUMIP { cr4 |= 1 << 11 }
        if features.hasFSGSBase { cr4 |= 1 << 16 }
        if features.hasSMAP {
            if !isPatched { patchSMAPSites() }
            isPatched = true
            cr4 |= 1 << 21
        }
        asmWriteCR4(cr4)
        // SYSCALL: kernel CS/SS from bits 47:32, user ones from bits 63:48 (SDM volume 3A, 5.8.8).
        asmWriteMSR(MSR.star, (UInt64(Selector.userBase | 3) << 48) | (UInt64(Selector.kernelCode) << 32))
        asmWriteMSR(MSR.lstar, UInt64(asmSyscallEntry()))
        // Flags that entry clears: TF, IF, DF, NT, AC, and RF.
        asmWriteMSR(MSR.syscallFlagMask, 0x5_4700)
        if features.hasPAT {
            // PAT: 0 WB, 1 WC, 2 UC-, 3 UC, and the same again (SDM volume 3A, 11.12): entry 1 becomes write-combining.
            asmWriteMSR(MSR.pat, 0x0007_0106_0007_0106)
        }
    }

    // Set by the first processor, before the text becomes read-only.
    nonisolated(unsafe) private static var isPatched = false

    /// Replaces the no-operations at SMAP sites with `stac` and `clac`. Runs before kernel text becomes read-only.
    private static func patchSMAPSites() {
        var entry = asmSMAPSitesStart()
        let end = asmSMAPSitesEnd()
        while entry < end {
            // SAFETY: the linker script bounds an array of (address, bytes) pairs written by the assembler.
            let site = UnsafePointer<UInt>(bitPattern: entry)!.pointee
            if site != 0 {
                let bytes = UnsafePointer<UInt32>(bitPattern: entry + 8)!.pointee
                let target = UnsafeMutablePointer<UInt8>(bitPattern: site)!
                target[0] = UInt8(truncatingIfNeeded: bytes)
                target[1] = UInt8(truncatingIfNeeded: bytes >> 8)
                target[2] = UInt8(truncatingIfNeeded: bytes >> 16)
            }
            entry += 16
        }
    }
}

@_extern(c, "martlet_irq_save") func machineSave() -> UInt
@_extern(c, "martlet_irq_restore") func machineRestore(_ flags: UInt)

/// Model-specific registers (Intel SDM volume 4).
enum MSR {
    static let extendedFeatures: UInt32 = 0xc000_0080
    static let apicBase: UInt32 = 0x1b
    static let timestamp: UInt32 = 0x10
    static let tscDeadline: UInt32 = 0x6e0
    static let x2apicBase: UInt32 = 0x800
    static let pat: UInt32 = 0x277
    static let star: UInt32 = 0xc000_0081
    static let lstar: UInt32 = 0xc000_0082
    static let syscallFlagMask: UInt32 = 0xc000_0084
    static let fsBase: UInt32 = 0xc000_0100
    static let gsBase: UInt32 = 0xc000_0101
    static let kernelGSBase: UInt32 = 0xc000_0102
    /// What RDPID and RDTSCP tell: the processor's number.
    static let timestampAuxiliary: UInt32 = 0xc000_0103
}

/// Where the kernel image lies, from the linker script. Virtual addresses, but for `imageStart` (physical).
public enum KernelImage {
    public static var virtualBase: UInt { UInt(kernelImageBase) }
    public static var imageStart: UInt { asmImageStart() }
    public static var textStart: UInt { asmTextStart() }
    public static var textEnd: UInt { asmTextEnd() }
    public static var rodataEnd: UInt { asmRodataEnd() }
    public static var imageEnd: UInt { asmImageEnd() }
    public static var bootStackTop: UInt { asmBootStackTop() }
    public static var symbols: UInt { asmSymbols() }
    /// The shared object that programs get (`vdso/vdso.nasm`).
    public static var sharedObject: UnsafeRawBufferPointer {
        let start = asmSharedObjectStart()
        // SAFETY: the assembler included the file between the two addresses.
        return UnsafeRawBufferPointer(start: UnsafeRawPointer(bitPattern: start), count: Int(asmSharedObjectEnd() - start))
    }
}

/// The instructions that may fault on user memory: see `asm/memory.asm`.
public enum UserAccess {
    /// If the fault hit a user copy, redirects it to the fixup, which returns the bytes left, and returns true.
    public static func fixUp(_ frame: UnsafeMutablePointer<TrapFrame>) -> Bool {
        let rip = UInt(frame.pointee.rip)
        guard rip >= asmUserAccessStart(), rip < asmUserAccessEnd() else { return false }
        // SAFETY: rip lies in kernel text. The word-wise string instruction has a REX.W prefix after `rep`.
        let isWord = UnsafePointer<UInt8>(bitPattern: rip + 1)!.pointee == 0x48
        frame.pointee.r8 = isWord ? 8 : 1
        frame.pointee.rip = UInt64(asmUserAccessFixup())
        return true
    }

    /// Whether this address is an instruction that may touch user memory.
    public static func contains(_ rip: UInt64) -> Bool {
        UInt(rip) >= asmUserAccessStart() && UInt(rip) < asmUserAccessEnd()
    }
}
