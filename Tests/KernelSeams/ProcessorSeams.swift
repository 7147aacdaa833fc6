// Stand-ins for the processor's assembly. One make-believe processor: its block is a piece of memory, its CR3 a variable.
// What no host test can mean anything by traps.

import Foundation

/// The per-processor block that GS would point to.
nonisolated(unsafe) private let processorBlock: UnsafeMutableRawPointer = {
    let block = UnsafeMutableRawPointer.allocate(byteCount: 4096, alignment: 4096)
    memset(block, 0, 4096)
    block.storeBytes(of: UInt(bitPattern: block), as: UInt.self)
    return block
}()

@_cdecl("martlet_percpu") public func seamPerCPU() -> UInt { UInt(bitPattern: processorBlock) }
@_cdecl("martlet_current_thread") public func seamCurrentThread() -> UInt {
    processorBlock.load(fromByteOffset: 24, as: UInt.self)
}
@_cdecl("martlet_current_block") public func seamCurrentBlock() -> UInt { processorBlock.load(fromByteOffset: 56, as: UInt.self) }
@_cdecl("martlet_preemption_disable") public func seamPreemptionDisable() {}
@_cdecl("martlet_preemption_enable") public func seamPreemptionEnable() {}

/// Interrupts off means that nobody else runs: a lock that test threads take as often as they like. It makes the test process
/// behave as one processor, whatever Swift Testing runs at the same time.
nonisolated(unsafe) private let processorLock: UnsafeMutablePointer<pthread_mutex_t> = {
    let lock = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    var attributes = pthread_mutexattr_t()
    pthread_mutexattr_init(&attributes)
    pthread_mutexattr_settype(&attributes, Int32(PTHREAD_MUTEX_RECURSIVE))
    pthread_mutex_init(lock, &attributes)
    return lock
}()

@_cdecl("martlet_irq_save") public func seamInterruptSave() -> UInt {
    pthread_mutex_lock(processorLock)
    return 0x200
}
@_cdecl("martlet_irq_restore") public func seamInterruptRestore(_ flags: UInt) { pthread_mutex_unlock(processorLock) }

/// Runs a test alone: no other test of kernel modules makes progress meanwhile.
public func withProcessor<Result>(_ body: () throws -> Result) rethrows -> Result {
    let flags = seamInterruptSave()
    defer { seamInterruptRestore(flags) }
    return try body()
}

nonisolated(unsafe) private var translationRoot: UInt64 = 0
@_cdecl("martlet_read_cr3") public func seamReadCR3() -> UInt64 { translationRoot }
@_cdecl("martlet_write_cr3") public func seamWriteCR3(_ root: UInt64) { translationRoot = root }
@_cdecl("martlet_invlpg") public func seamInvalidatePage(_ address: UInt) {}
@_cdecl("martlet_memory_fence") public func seamFence() {}
@_cdecl("martlet_cpuid")
public func seamCPUID(_ leaf: UInt32, _ subleaf: UInt32, _ out: UnsafeMutablePointer<UInt32>) { for i in 0..<4 { out[i] = 0 } }
/// A time-stamp counter of 1 GHz: the clock module takes it for nanoseconds until it is calibrated.
@_cdecl("martlet_rdtsc") public func seamTimestamp() -> UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
}
@_cdecl("martlet_rdrand")
public func seamRandom(_ ok: UnsafeMutablePointer<UInt8>) -> UInt64 {
    ok.pointee = 0
    return 0
}

nonisolated(unsafe) private let arena = UnsafeMutableRawPointer.allocate(byteCount: 512 * 1024, alignment: 4096)
@_cdecl("martlet_early_arena") public func seamEarlyArena() -> UnsafeMutableRawPointer { arena }
@_cdecl("martlet_early_arena_size") public func seamEarlyArenaSize() -> Int { 512 * 1024 }

private func absent(_ name: StaticString = #function) -> Never { fatalError("\(name): there is no such hardware in a host test") }

@_cdecl("martlet_address_boot_stack_top") public func seamAddressBootStackTopAbsent() { absent() }
@_cdecl("martlet_address_image_end") public func seamAddressImageEndAbsent() { absent() }
@_cdecl("martlet_address_image_start") public func seamAddressImageStartAbsent() { absent() }
@_cdecl("martlet_address_rodata_end") public func seamAddressRodataEndAbsent() { absent() }
@_cdecl("martlet_address_smap_sites_end") public func seamAddressSmapSitesEndAbsent() { absent() }
@_cdecl("martlet_address_smap_sites_start") public func seamAddressSmapSitesStartAbsent() { absent() }
@_cdecl("martlet_address_symbols") public func seamAddressSymbolsAbsent() { absent() }
@_cdecl("martlet_address_syscall_entry") public func seamAddressSyscallEntryAbsent() { absent() }
@_cdecl("martlet_address_text_end") public func seamAddressTextEndAbsent() { absent() }
@_cdecl("martlet_address_text_start") public func seamAddressTextStartAbsent() { absent() }
@_cdecl("martlet_address_trap_stubs") public func seamAddressTrapStubsAbsent() { absent() }
@_cdecl("martlet_address_user_access_end") public func seamAddressUserAccessEndAbsent() { absent() }
@_cdecl("martlet_address_user_access_fixup") public func seamAddressUserAccessFixupAbsent() { absent() }
@_cdecl("martlet_address_user_access_start") public func seamAddressUserAccessStartAbsent() { absent() }
@_cdecl("martlet_enable_interrupts_and_halt") public func seamEnableInterruptsAndHaltAbsent() { absent() }
@_cdecl("martlet_frame_pointer") public func seamFramePointerAbsent() { absent() }
@_cdecl("martlet_fxrstor") public func seamFxrstorAbsent() { absent() }
@_cdecl("martlet_fxsave") public func seamFxsaveAbsent() { absent() }
@_cdecl("martlet_halt") public func seamHaltAbsent() { absent() }
@_cdecl("martlet_in16") public func seamIn16Absent() { absent() }
@_cdecl("martlet_in32") public func seamIn32Absent() { absent() }
@_cdecl("martlet_lgdt") public func seamLgdtAbsent() { absent() }
@_cdecl("martlet_lidt") public func seamLidtAbsent() { absent() }
@_cdecl("martlet_ltr") public func seamLtrAbsent() { absent() }
@_cdecl("martlet_mmio_read16") public func seamMmioRead16Absent() { absent() }
@_cdecl("martlet_mmio_read32") public func seamMmioRead32Absent() { absent() }
@_cdecl("martlet_mmio_read64") public func seamMmioRead64Absent() { absent() }
@_cdecl("martlet_mmio_read8") public func seamMmioRead8Absent() { absent() }
@_cdecl("martlet_mmio_write16") public func seamMmioWrite16Absent() { absent() }
@_cdecl("martlet_mmio_write32") public func seamMmioWrite32Absent() { absent() }
@_cdecl("martlet_mmio_write64") public func seamMmioWrite64Absent() { absent() }
@_cdecl("martlet_mmio_write8") public func seamMmioWrite8Absent() { absent() }
@_cdecl("martlet_out16") public func seamOut16Absent() { absent() }
@_cdecl("martlet_out32") public func seamOut32Absent() { absent() }
@_cdecl("martlet_read_cr0") public func seamReadCr0Absent() { absent() }
@_cdecl("martlet_read_cr2") public func seamReadCr2Absent() { absent() }
@_cdecl("martlet_read_cr4") public func seamReadCr4Absent() { absent() }
@_cdecl("martlet_read_fs_base") public func seamReadFsBaseAbsent() { absent() }
@_cdecl("martlet_read_msr") public func seamReadMsrAbsent() { absent() }
@_cdecl("martlet_switch") public func seamSwitchAbsent() { absent() }
@_cdecl("martlet_thread_trampoline_address") public func seamThreadTrampolineAddressAbsent() { absent() }
@_cdecl("martlet_write_cr0") public func seamWriteCr0Absent() { absent() }
@_cdecl("martlet_write_cr4") public func seamWriteCr4Absent() { absent() }
@_cdecl("martlet_write_fs_base") public func seamWriteFsBaseAbsent() { absent() }
@_cdecl("martlet_write_msr") public func seamWriteMsrAbsent() { absent() }
@_cdecl("martlet_xrstor") public func seamXrstorAbsent() { absent() }
@_cdecl("martlet_xsave") public func seamXsaveAbsent() { absent() }
@_cdecl("martlet_xsaveopt") public func seamXsaveoptAbsent() { absent() }
@_cdecl("martlet_user_xsave") public func seamUserXsaveAbsent() { absent() }
@_cdecl("martlet_user_xrstor") public func seamUserXrstorAbsent() { absent() }
@_cdecl("martlet_xsetbv") public func seamXsetbvAbsent() { absent() }
@_cdecl("martlet_address_start_code") public func seamAddressStartCodeAbsent() { absent() }
@_cdecl("martlet_address_start_code_end") public func seamAddressStartCodeEndAbsent() { absent() }
@_cdecl("martlet_address_start_parameters") public func seamAddressStartParametersAbsent() { absent() }
@_cdecl("martlet_address_processor_entry") public func seamAddressProcessorEntryAbsent() { absent() }
@_cdecl("martlet_address_boot_page_table") public func seamAddressBootPageTableAbsent() { absent() }
@_cdecl("martlet_address_vdso_start") public func seamAddressVdsoStartAbsent() { absent() }
@_cdecl("martlet_address_vdso_end") public func seamAddressVdsoEndAbsent() { absent() }
