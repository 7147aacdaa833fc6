; Privileged instructions and per-processor words, one small function each.

section .text exec align=16

%macro FUNCTION 1
global %1
align 16
%1:
%endmacro

FUNCTION martlet_irq_save
    pushfq
    pop rax
    cli
    ret
FUNCTION martlet_irq_restore
    test edi, 0x200
    jz .off
    sti
.off:
    ret
; In a spin loop: what other processors ask of this one is done at once, since the one that is waited for may wait for it.
extern martlet_serve_requests
FUNCTION martlet_pause
    pause
    cmp qword [gs:40], 0                ; PerCPUBlock.pendingRequests
    jne martlet_serve_requests
    ret
FUNCTION martlet_percpu
    mov rax, [gs:0]
    ret
; One instruction each, so that it does not matter when the thread goes to another processor.
FUNCTION martlet_current_thread
    mov rax, [gs:24]                    ; PerCPUBlock.currentThread
    ret
FUNCTION martlet_current_block
    mov rax, [gs:56]                    ; PerCPUBlock.currentBlock
    ret
FUNCTION martlet_preemption_disable
    inc qword [gs:72]                   ; PerCPUBlock.preemptionDepth
    ret
FUNCTION martlet_preemption_enable
    dec qword [gs:72]
    ret

FUNCTION martlet_in8
    mov edx, edi
    xor eax, eax
    in al, dx
    ret
FUNCTION martlet_in16
    mov edx, edi
    xor eax, eax
    in ax, dx
    ret
FUNCTION martlet_in32
    mov edx, edi
    in eax, dx
    ret
FUNCTION martlet_out8
    mov edx, edi
    mov eax, esi
    out dx, al
    ret
FUNCTION martlet_out16
    mov edx, edi
    mov eax, esi
    out dx, ax
    ret
FUNCTION martlet_out32
    mov edx, edi
    mov eax, esi
    out dx, eax
    ret

; Device memory: one access of the given width, never dropped, split or moved by the compiler.
FUNCTION martlet_mmio_read8
    movzx eax, byte [rdi]
    ret
FUNCTION martlet_mmio_read16
    movzx eax, word [rdi]
    ret
FUNCTION martlet_mmio_read32
    mov eax, [rdi]
    ret
FUNCTION martlet_mmio_read64
    mov rax, [rdi]
    ret
FUNCTION martlet_mmio_write8
    mov [rdi], sil
    ret
FUNCTION martlet_mmio_write16
    mov [rdi], si
    ret
FUNCTION martlet_mmio_write32
    mov [rdi], esi
    ret
FUNCTION martlet_mmio_write64
    mov [rdi], rsi
    ret
FUNCTION martlet_memory_fence
    mfence
    ret

FUNCTION martlet_read_msr
    mov ecx, edi
    rdmsr
    shl rdx, 32
    or rax, rdx
    ret
FUNCTION martlet_write_msr
    mov ecx, edi
    mov eax, esi
    mov rdx, rsi
    shr rdx, 32
    wrmsr
    ret
; void martlet_cpuid(leaf, subleaf, uint32 out[4])
FUNCTION martlet_cpuid
    push rbx
    mov r8, rdx
    mov eax, edi
    mov ecx, esi
    cpuid
    mov [r8], eax
    mov [r8 + 4], ebx
    mov [r8 + 8], ecx
    mov [r8 + 12], edx
    pop rbx
    ret
FUNCTION martlet_rdtsc
    rdtsc
    shl rdx, 32
    or rax, rdx
    ret
; uint64 martlet_rdrand(bool *ok)
FUNCTION martlet_rdrand
    mov ecx, 10
.again:
    rdrand rax
    jc .good
    dec ecx
    jnz .again
    mov byte [rdi], 0
    ret
.good:
    mov byte [rdi], 1
    ret

FUNCTION martlet_read_cr0
    mov rax, cr0
    ret
FUNCTION martlet_write_cr0
    mov cr0, rdi
    ret
FUNCTION martlet_read_cr2
    mov rax, cr2
    ret
FUNCTION martlet_read_cr3
    mov rax, cr3
    ret
FUNCTION martlet_write_cr3
    mov cr3, rdi
    ret
FUNCTION martlet_read_cr4
    mov rax, cr4
    ret
FUNCTION martlet_write_cr4
    mov cr4, rdi
    ret
FUNCTION martlet_invlpg
    invlpg [rdi]
    ret
FUNCTION martlet_lgdt
    lgdt [rdi]
    mov ax, 0x10
    mov ds, ax
    mov es, ax
    mov ss, ax
    ; Reload CS by a far return.
    pop rax
    push 0x08
    push rax
    retfq
FUNCTION martlet_lidt
    lidt [rdi]
    ret
FUNCTION martlet_ltr
    ltr di
    ret
FUNCTION martlet_halt
    hlt
    ret
FUNCTION martlet_enable_interrupts_and_halt
    sti
    hlt
    cli
    ret
FUNCTION martlet_read_fs_base
    rdfsbase rax
    ret
FUNCTION martlet_write_fs_base
    wrfsbase rdi
    ret
FUNCTION martlet_frame_pointer
    mov rax, rbp
    ret

; Extended processor state (Intel SDM volume 1, chapter 13). RDI = area, RSI = feature mask.
FUNCTION martlet_xsave
    mov eax, esi
    mov rdx, rsi
    shr rdx, 32
    xsave64 [rdi]
    ret
FUNCTION martlet_xsaveopt
    mov eax, esi
    mov rdx, rsi
    shr rdx, 32
    xsaveopt64 [rdi]
    ret
FUNCTION martlet_xrstor
    mov eax, esi
    mov rdx, rsi
    shr rdx, 32
    xrstor64 [rdi]
    ret
FUNCTION martlet_fxsave
    fxsave64 [rdi]
    ret
FUNCTION martlet_fxrstor
    fxrstor64 [rdi]
    ret
FUNCTION martlet_xsetbv
    mov ecx, edi
    mov eax, esi
    mov rdx, rsi
    shr rdx, 32
    xsetbv
    ret

; The bounds of the image, from the linker script.
%macro ADDRESS_OF 2
extern %2
FUNCTION %1
    mov rax, %2
    ret
%endmacro
ADDRESS_OF martlet_address_image_start, martlet_image_start
ADDRESS_OF martlet_address_text_start, martlet_text_start
ADDRESS_OF martlet_address_text_end, martlet_text_end
ADDRESS_OF martlet_address_rodata_end, martlet_rodata_end
ADDRESS_OF martlet_address_image_end, martlet_image_end
ADDRESS_OF martlet_address_smap_sites_start, martlet_smap_sites_start
ADDRESS_OF martlet_address_smap_sites_end, martlet_smap_sites_end
ADDRESS_OF martlet_address_trap_stubs, martlet_trap_stubs
ADDRESS_OF martlet_address_syscall_entry, martlet_syscall_entry
ADDRESS_OF martlet_address_boot_stack_top, martlet_boot_stack_top
ADDRESS_OF martlet_address_symbols, martlet_symbols
ADDRESS_OF martlet_address_start_code, martlet_start_code
ADDRESS_OF martlet_address_start_code_end, martlet_start_code_end
ADDRESS_OF martlet_address_start_parameters, martlet_start_parameters
ADDRESS_OF martlet_address_processor_entry, martlet_processor_main
ADDRESS_OF martlet_address_boot_page_table, martlet_boot_pml4

section .bss nobits write align=64
global martlet_boot_cpu_block
alignb 64
martlet_boot_cpu_block: resb 4096
