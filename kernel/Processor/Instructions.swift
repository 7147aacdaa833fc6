// Everything that only assembly can say (asm/*.asm), as functions. The rest of the kernel uses the typed wrappers.

@_extern(c, "martlet_in8") func asmIn8(_ port: UInt16) -> UInt8
@_extern(c, "martlet_in16") func asmIn16(_ port: UInt16) -> UInt16
@_extern(c, "martlet_in32") func asmIn32(_ port: UInt16) -> UInt32
@_extern(c, "martlet_out8") func asmOut8(_ port: UInt16, _ value: UInt8)
@_extern(c, "martlet_out16") func asmOut16(_ port: UInt16, _ value: UInt16)
@_extern(c, "martlet_out32") func asmOut32(_ port: UInt16, _ value: UInt32)
@_extern(c, "martlet_mmio_read8") func asmRead8(_ address: UnsafeRawPointer) -> UInt8
@_extern(c, "martlet_mmio_read16") func asmRead16(_ address: UnsafeRawPointer) -> UInt16
@_extern(c, "martlet_mmio_read32") func asmRead32(_ address: UnsafeRawPointer) -> UInt32
@_extern(c, "martlet_mmio_read64") func asmRead64(_ address: UnsafeRawPointer) -> UInt64
@_extern(c, "martlet_mmio_write8") func asmWrite8(_ address: UnsafeMutableRawPointer, _ value: UInt8)
@_extern(c, "martlet_mmio_write16") func asmWrite16(_ address: UnsafeMutableRawPointer, _ value: UInt16)
@_extern(c, "martlet_mmio_write32") func asmWrite32(_ address: UnsafeMutableRawPointer, _ value: UInt32)
@_extern(c, "martlet_mmio_write64") func asmWrite64(_ address: UnsafeMutableRawPointer, _ value: UInt64)
@_extern(c, "martlet_memory_fence") func asmMemoryFence()
@_extern(c, "martlet_read_msr") func asmReadMSR(_ index: UInt32) -> UInt64
@_extern(c, "martlet_write_msr") func asmWriteMSR(_ index: UInt32, _ value: UInt64)
@_extern(c, "martlet_cpuid") func asmCPUID(_ leaf: UInt32, _ subleaf: UInt32, _ out: UnsafeMutablePointer<UInt32>)
@_extern(c, "martlet_rdtsc") func asmReadTSC() -> UInt64
@_extern(c, "martlet_rdrand") func asmReadRandom(_ ok: UnsafeMutablePointer<UInt8>) -> UInt64
@_extern(c, "martlet_read_cr0") func asmReadCR0() -> UInt64
@_extern(c, "martlet_write_cr0") func asmWriteCR0(_ value: UInt64)
@_extern(c, "martlet_read_cr2") func asmReadCR2() -> UInt64
@_extern(c, "martlet_read_cr3") func asmReadCR3() -> UInt64
@_extern(c, "martlet_write_cr3") func asmWriteCR3(_ value: UInt64)
@_extern(c, "martlet_read_cr4") func asmReadCR4() -> UInt64
@_extern(c, "martlet_write_cr4") func asmWriteCR4(_ value: UInt64)
@_extern(c, "martlet_invlpg") func asmInvalidatePage(_ address: UInt)
@_extern(c, "martlet_lgdt") func asmLoadGDT(_ descriptor: UnsafeRawPointer)
@_extern(c, "martlet_lidt") func asmLoadIDT(_ descriptor: UnsafeRawPointer)
@_extern(c, "martlet_ltr") func asmLoadTaskRegister(_ selector: UInt16)
@_extern(c, "martlet_halt") func asmHalt()
@_extern(c, "martlet_enable_interrupts_and_halt") func asmEnableInterruptsAndHalt()
@_extern(c, "martlet_read_fs_base") func asmReadFSBase() -> UInt64
@_extern(c, "martlet_write_fs_base") func asmWriteFSBase(_ value: UInt64)
@_extern(c, "martlet_frame_pointer") func asmFramePointer() -> UInt
@_extern(c, "martlet_xsave") func asmXSAVE(_ area: UnsafeMutableRawPointer, _ mask: UInt64)
@_extern(c, "martlet_xsaveopt") func asmXSAVEOPT(_ area: UnsafeMutableRawPointer, _ mask: UInt64)
@_extern(c, "martlet_xrstor") func asmXRSTOR(_ area: UnsafeMutableRawPointer, _ mask: UInt64)
@_extern(c, "martlet_user_xsave") func asmUserXSAVE(_ area: UnsafeMutableRawPointer, _ mask: UInt64) -> Int
@_extern(c, "martlet_user_xrstor") func asmUserXRSTOR(_ area: UnsafeMutableRawPointer, _ mask: UInt64) -> Int
@_extern(c, "martlet_fxsave") func asmFXSAVE(_ area: UnsafeMutableRawPointer)
@_extern(c, "martlet_fxrstor") func asmFXRSTOR(_ area: UnsafeMutableRawPointer)
@_extern(c, "martlet_xsetbv") func asmWriteXCR(_ index: UInt32, _ value: UInt64)
@_extern(c, "martlet_address_image_start") func asmImageStart() -> UInt
@_extern(c, "martlet_address_text_start") func asmTextStart() -> UInt
@_extern(c, "martlet_address_text_end") func asmTextEnd() -> UInt
@_extern(c, "martlet_address_rodata_end") func asmRodataEnd() -> UInt
@_extern(c, "martlet_address_image_end") func asmImageEnd() -> UInt
@_extern(c, "martlet_address_smap_sites_start") func asmSMAPSitesStart() -> UInt
@_extern(c, "martlet_address_smap_sites_end") func asmSMAPSitesEnd() -> UInt
@_extern(c, "martlet_address_trap_stubs") func asmTrapStubs() -> UInt
@_extern(c, "martlet_address_syscall_entry") func asmSyscallEntry() -> UInt
@_extern(c, "martlet_address_boot_stack_top") func asmBootStackTop() -> UInt
@_extern(c, "martlet_address_symbols") func asmSymbols() -> UInt
@_extern(c, "martlet_address_user_access_start") func asmUserAccessStart() -> UInt
@_extern(c, "martlet_address_user_access_end") func asmUserAccessEnd() -> UInt
@_extern(c, "martlet_address_user_access_fixup") func asmUserAccessFixup() -> UInt
@_extern(c, "martlet_address_start_code") func asmStartCode() -> UInt
@_extern(c, "martlet_address_start_code_end") func asmStartCodeEnd() -> UInt
@_extern(c, "martlet_address_start_parameters") func asmStartParameters() -> UInt
@_extern(c, "martlet_address_processor_entry") func asmProcessorEntry() -> UInt
@_extern(c, "martlet_address_boot_page_table") func asmBootPageTable() -> UInt
@_extern(c, "martlet_address_vdso_start") func asmSharedObjectStart() -> UInt
@_extern(c, "martlet_address_vdso_end") func asmSharedObjectEnd() -> UInt
