; How every processor but the first comes up (Intel SDM volume 3A, 9.4). The code is copied to a page below 1 MiB, where the
; processor starts in real mode with CS = page / 16; Swift fills the parameters in (ProcessorStart.swift).

%define AT(label) (label - martlet_start_code)

section .rodata align=16
global martlet_start_code
global martlet_start_code_end
bits 16
martlet_start_code:
    cli
    cld
    mov ax, cs
    mov ds, ax
    movzx ebx, ax
    shl ebx, 4                          ; the linear address of the page
    o32 lgdt [AT(descriptor_table)]
    mov eax, cr0
    or al, 1
    mov cr0, eax
    o32 jmp far [AT(protected_pointer)]

bits 32
protected_mode:
    mov ax, 0x10
    mov ds, ax
    mov es, ax
    mov ss, ax
    mov eax, cr4
    or eax, (1 << 5) | (1 << 7) | (1 << 9) | (1 << 10)   ; PAE, PGE, OSFXSR, OSXMMEXCPT
    mov cr4, eax
    mov eax, [ebx + AT(page_table)]
    mov cr3, eax
    mov ecx, 0xc0000080                 ; EFER
    rdmsr
    or eax, [ebx + AT(extended_features)]
    wrmsr
    mov eax, cr0
    and eax, ~((1 << 2) | (1 << 29) | (1 << 30))         ; EM, NW, CD off
    or eax, (1 << 31) | (1 << 16) | (1 << 5) | (1 << 1)  ; PG, WP, NE, MP
    mov cr0, eax
    jmp far [ebx + AT(long_pointer)]

bits 64
long_mode_64:
    ; Is this the processor that is meant? (CPUID leaf 1: the number is in the top byte of EBX.)
    mov r15, rbx
    mov eax, 1
    cpuid
    shr ebx, 24
    cmp ebx, [r15 + AT(identifier)]
    mov rbx, r15
    jne .halt
    xor eax, eax
    mov fs, ax
    mov gs, ax
    mov rsp, [rbx + AT(stack)]
    mov rdi, [rbx + AT(block)]
    mov rax, rdi
    mov rdx, rdi
    shr rdx, 32
    mov ecx, 0xc0000101                 ; GS base
    wrmsr
    xor ebp, ebp                        ; ends the chain of frames
    mov rax, [rbx + AT(entry)]
    call rax
.halt:
    cli
    hlt
    jmp .halt

    align 16
gdt:
    dq 0
    dq 0x00af9b000000ffff               ; 64-bit code
    dq 0x00cf93000000ffff               ; data
    dq 0x00cf9b000000ffff               ; 32-bit code
gdt_end:
; Parameters, in the order of ProcessorStart.Parameters. The offsets from the page are here already; its address is added.
    align 16
global martlet_start_parameters
martlet_start_parameters:
descriptor_table:
    dw gdt_end - gdt - 1
    dd AT(gdt)
    dw 0
protected_pointer:
    dd AT(protected_mode)
    dd 0x18
long_pointer:
    dd AT(long_mode_64)
    dd 0x08
page_table: dq 0
extended_features: dq 0
stack: dq 0
block: dq 0
entry: dq 0
identifier: dq 0
martlet_start_code_end:
