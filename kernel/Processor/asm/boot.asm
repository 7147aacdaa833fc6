; Entry points. Both arrive in 32-bit protected mode without paging:
;   PVH (Xen, docs/misc/pvh.pandoc): EBX = struct hvm_start_info
;   Multiboot2 (specification 2.0, section 3.3): EAX = 0x36d76289, EBX = boot information
; The code builds temporary page tables (first 4 GiB at 0), enters long mode, chooses at random where the image and the direct map shall
; lie ("KASLR"), maps them there (4 GiB of the direct map, 1 GiB at the image), corrects the addresses in the image and calls Swift.
; "nokaslr" on the command line leaves everything where it is linked.

MULTIBOOT2_BOOT_MAGIC equ 0x36d76289

global martlet_entry
global martlet_boot_stack_top
global martlet_boot_pml4
extern martlet_boot
extern martlet_boot_cpu_block
extern martlet_relocations_physical     ; kernel/relocations.awk
extern martlet_got_physical
extern martlet_got_end_physical

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
    mov dword [martlet_boot_pml4], boot_pdpt_low + 3

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
    mov esp, boot_stack32_top
    mov r12d, esi                       ; boot magic
    mov r13d, edi                       ; boot information, below 4 GiB
    call choose_places
    call map_places
    call relocate
    mov rsp, martlet_boot_stack_top
    add rsp, r14
    mov rax, high_start
    add rax, r14
    jmp rax

; R14 = how far the image is moved: less than 510 GiB, a multiple of 2 MiB. R15 = where the direct map begins, in units of 1 GiB above
; its lowest place: 32 top-level entries with 256 places each. RBP = a random number for more of the kind.
choose_places:
    call finds_nokaslr
    xor r14d, r14d
    xor r15d, r15d
    xor ebp, ebp
    test eax, eax
    jnz .done
    ; The time since reset, and the processor's random numbers where it has them (CPUID leaf 1, ECX bit 30).
    rdtsc
    shl rdx, 32
    or rax, rdx
    mov r8, rax
    mov eax, 1
    cpuid
    bt ecx, 30
    jnc .mix
    mov ecx, 10                         ; it may have none for a moment
.again:
    rdrand rax
    jc .got
    loop .again
    jmp .mix
.got:
    xor r8, rax
.mix:
    ; The finalizer of MurmurHash3: each bit of the input changes half of those of the result.
    call .stir
    mov rax, 0xff51afd7ed558ccd
    imul r8, rax
    call .stir
    mov rax, 0xc4ceb9fe1a85ec53
    imul r8, rax
    call .stir
    mov r14d, r8d
    imul r14, r14, 510 * 512
    shr r14, 32
    shl r14, 21
    mov r15, r8
    shr r15, 32
    mov rbp, r15
    and r15d, 0x1fff
    shr rbp, 13
.done:
    ret
.stir:
    mov rax, r8
    shr rax, 33
    xor r8, rax
    ret

; EAX = 1 if the command line has the word "nokaslr".
finds_nokaslr:
    cmp r12d, MULTIBOOT2_BOOT_MAGIC
    je .multiboot
    xor esi, esi
    cmp dword [r13], 0x336ec578         ; PVH: the address of the command line is a field
    jne .scan
    mov rsi, [r13 + 24]
    jmp .scan
.multiboot:
    mov ecx, [r13]                      ; the size of all tags
    lea rsi, [r13 + 8]
    add rcx, r13
.tag:
    lea rax, [rsi + 8]
    cmp rax, rcx
    ja .no
    mov eax, [rsi + 4]
    cmp dword [rsi], 1
    je .command
    cmp eax, 8
    jb .no
    add rax, 7
    and rax, -8
    add rsi, rax
    jmp .tag
.command:
    add rsi, 8
.scan:
    mov rax, rsi
    shr rax, 32
    jnz .no                             ; what is mapped ends at 4 GiB
    test rsi, rsi
    jz .no
    mov ecx, 2048
    mov r9, 'nokaslr'
    mov r10, 0x00ffffffffffffff
    mov dl, ' '                         ; the character before
.character:
    cmp dl, ' '
    jne .next
    mov rax, [rsi]
    mov r11, rax
    and rax, r10
    cmp rax, r9
    jne .next
    shr r11, 56
    jz .yes
    cmp r11b, ' '
    je .yes
.next:
    mov dl, [rsi]
    test dl, dl
    jz .no
    inc rsi
    loop .character
.no:
    xor eax, eax
    ret
.yes:
    mov eax, 1
    ret

; The first GiB at the image's place, the first 4 GiB at that of the direct map.
map_places:
    mov rcx, r14
    shr rcx, 21
    mov edx, ecx
    and edx, 511                        ; in the first of two directories
    shr ecx, 9                          ; the first of two entries
    mov eax, boot_image_directories + 3
    mov [boot_pdpt_high + rcx * 8], rax
    add eax, 4096
    mov [boot_pdpt_high + rcx * 8 + 8], rax
    mov eax, 0x83                       ; present, writable, large
    mov ecx, 512
.image:
    mov [boot_image_directories + rdx * 8], rax
    add rax, 0x200000
    inc edx
    loop .image
    mov eax, boot_pdpt_high + 3
    mov [martlet_boot_pml4 + 255 * 8], rax

    mov ecx, r15d
    and ecx, 0xff
    mov eax, boot_page_directories + 3
    mov edx, 4
.direct:
    mov [boot_pdpt_direct + rcx * 8], rax
    add rax, 4096
    inc ecx
    dec edx
    jnz .direct
    mov ecx, r15d
    shr ecx, 8
    mov eax, boot_pdpt_direct + 3
    mov [martlet_boot_pml4 + 128 * 8 + rcx * 8], rax
    ret

; Adds R14 to each address of the image in the image. The list has the distance to the next address, one byte, or 255 and four bytes; 0
; ends it. What lies at a linked address less the base lies at that physical address.
relocate:
    test r14, r14
    jz .done
    mov esi, martlet_relocations_physical
    xor edi, edi
.next:
    movzx eax, byte [rsi]
    inc rsi
    test eax, eax
    jz .table
    cmp eax, 255
    jne .add
    mov eax, [rsi]
    add rsi, 4
.add:
    add rdi, rax
    add [rdi], r14
    jmp .next
.table:
    ; The linker made this table itself, so it is not in the list.
    mov edi, martlet_got_physical
    mov rax, 0x7f8000000000
.entry:
    cmp edi, martlet_got_end_physical
    jae .done
    cmp [rdi], rax
    jb .skip
    add [rdi], r14
.skip:
    add edi, 8
    jmp .entry
.done:
    ret

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
boot_pdpt_direct: resb 4096
boot_image_directories: resb 2 * 4096
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
    mov edi, r12d
    mov rsi, r13
    mov rdx, r14
    mov rcx, 0x400000000000
    shl r15, 30
    ; 256 places of a GiB in each top-level entry of 512 GiB.
    mov rax, r15
    mov r9, 0xff << 30
    and rax, r9
    xor r15, rax
    shl r15, 1
    add rcx, r15
    add rcx, rax
    mov r8, rbp
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
