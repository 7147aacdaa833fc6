; Entry points. Both arrive in 32-bit protected mode without paging:
;   PVH (Xen, docs/misc/pvh.pandoc): EBX = struct hvm_start_info
;   Multiboot2 (specification 2.0, section 3.3): EAX = 0x36d76289, EBX = boot information
; The code builds temporary page tables (first 4 GiB at 0, in the direct map and, its first GiB, at the kernel image base), enters long
; mode and calls Swift.

MULTIBOOT2_BOOT_MAGIC equ 0x36d76289

global martlet_entry
global martlet_boot_stack_top
global martlet_boot_pml4
extern martlet_boot
extern martlet_boot_cpu_block

section .multiboot2 align=8
multiboot_header:
    dd 0xe85250d6                       ; magic
    dd 0                                ; architecture: i386
    dd multiboot_header_end - multiboot_header
    dd -(0xe85250d6 + 0 + (multiboot_header_end - multiboot_header))
    ; information request: memory map, framebuffer, modules, RSDP
    align 8
    dw 1, 1
    dd 8 + 4 * 4
    dd 1, 3, 6, 8
    ; framebuffer: any size, 32 bits preferred; optional, so that machines without a screen boot
    align 8
    dw 5, 1
    dd 20
    dd 1280, 800, 32
    ; modules page aligned
    align 8
    dw 6, 0
    dd 8
    ; end
    align 8
    dw 0, 0
    dd 8
multiboot_header_end:

section .note.pvh note align=4
    dd 4, 4, 18                         ; name size, descriptor size, XEN_ELFNOTE_PHYS32_ENTRY
    db "Xen", 0
    dd martlet_entry

section .boot.text exec
bits 32
martlet_entry:
    cli
    cld
    mov esi, eax                        ; boot magic
    mov edi, ebx                        ; boot information
    mov esp, boot_stack32_top

    ; Long mode is required: without it there is nothing to run.
    mov eax, 0x80000000
    cpuid
    cmp eax, 0x80000001
    jb .no_long_mode
    mov eax, 0x80000001
    cpuid
    bt edx, 29
    jnc .no_long_mode

    ; 2 MiB pages for the first 4 GiB.
    mov ecx, 0
    mov eax, 0x83                       ; present, writable, large
.fill:
    mov [boot_page_directories + ecx * 8], eax
    mov dword [boot_page_directories + ecx * 8 + 4], 0
    add eax, 0x200000
    inc ecx
    cmp ecx, 2048
    jb .fill

    mov eax, boot_page_directories + 3
    mov ecx, 0
.link:
    mov [boot_pdpt_low + ecx * 8], eax
    add eax, 4096
    inc ecx
    cmp ecx, 4
    jb .link
    mov dword [boot_pdpt_high], boot_page_directories + 3
    mov dword [martlet_boot_pml4], boot_pdpt_low + 3
    mov dword [martlet_boot_pml4 + 128 * 8], boot_pdpt_low + 3
    mov dword [martlet_boot_pml4 + 255 * 8], boot_pdpt_high + 3

    mov eax, martlet_boot_pml4
    mov cr3, eax
    mov eax, cr4
    or eax, (1 << 5) | (1 << 7) | (1 << 9) | (1 << 10)   ; PAE, PGE, OSFXSR, OSXMMEXCPT
    mov cr4, eax
    mov ecx, 0xc0000080                 ; EFER
    rdmsr
    or eax, (1 << 8) | (1 << 0)         ; LME, SCE
    bt edx, 20
    wrmsr
    ; NX, where the processor has it (always, in practice; checked because setting it elsewhere faults)
    mov eax, 0x80000001
    cpuid
    bt edx, 20
    jnc .no_nx
    mov ecx, 0xc0000080
    rdmsr
    or eax, 1 << 11
    wrmsr
.no_nx:
    mov eax, cr0
    and eax, ~((1 << 2) | (1 << 29) | (1 << 30))          ; EM, NW, CD off
    or eax, (1 << 31) | (1 << 16) | (1 << 5) | (1 << 1)   ; PG, WP, NE, MP
    mov cr0, eax
    lgdt [boot_gdt_pointer]
    jmp 0x08:long_mode

.no_long_mode:
    mov esi, no_long_mode_text
    mov edi, 0xb8000
.print:
    lodsb
    test al, al
    jz .halt
    mov dx, 0x3f8
    out dx, al
    mov ah, 0x4f
    stosw
    jmp .print
.halt:
    hlt
    jmp .halt

bits 64
long_mode:
    mov ax, 0x10
    mov ds, ax
    mov es, ax
    mov ss, ax
    xor eax, eax
    mov fs, ax
    mov gs, ax
    mov rsp, martlet_boot_stack_top
    mov rax, high_start
    jmp rax

section .boot.data write
align 8
boot_gdt:
    dq 0
    dq 0x00af9b000000ffff               ; 64-bit code
    dq 0x00cf93000000ffff               ; data
boot_gdt_pointer:
    dw boot_gdt_pointer - boot_gdt - 1
    dd boot_gdt
no_long_mode_text: db "martlet: this processor has no 64-bit mode", 13, 10, 0

section .boot.bss nobits write align=4096
martlet_boot_pml4: resb 4096
boot_pdpt_low: resb 4096
boot_pdpt_high: resb 4096
boot_page_directories: resb 4 * 4096
boot_stack32: resb 512
boot_stack32_top:

section .text exec
bits 64
high_start:
    ; GS points to the first processor's block from the first Swift instruction on.
    mov rax, martlet_boot_cpu_block
    mov [rax], rax
    mov rdx, rax
    shr rdx, 32
    mov ecx, 0xc0000101                 ; GS base
    wrmsr
    mov eax, esi
    mov edi, edi                        ; zero-extend: boot information is below 4 GiB
    mov rsi, rdi
    mov rdi, rax
    xor ebp, ebp                        ; ends the chain of frames
    call martlet_boot
.halt:
    cli
    hlt
    jmp .halt

section .bss nobits write align=16
    alignb 4096
    resb 32768
martlet_boot_stack_top:
