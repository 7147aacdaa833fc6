; The shared object that the kernel maps into every program (vdso(7)): clocks are read without entering the kernel. One page below its
; start lies the page of numbers that the kernel keeps up to date (`ClockPage`), under a sequence counter: odd while they change.
;
; The functions keep the C calling convention, use no stack and touch no vector registers. What they cannot answer they ask the kernel.

bits 64
default rel
extern __ehdr_start

%define PAGE(offset) rel __ehdr_start - 4096 + (offset)
; Fields of ClockPage.
%define SEQUENCE        PAGE(0)
%define FLAGS           PAGE(8)
%define ORIGIN          PAGE(16)
%define MULTIPLIER      PAGE(24)
%define BASE            PAGE(32)
%define RAW_MULTIPLIER  PAGE(40)
%define RAW_BASE        PAGE(48)
%define REALTIME        PAGE(56)
%define TAI             PAGE(64)
%define ZERO            PAGE(72)
%define HAS_COUNTER 1
%define HAS_RDPID 2

%define SYS_gettimeofday 96
%define SYS_time 201
%define SYS_clock_gettime 228
%define SYS_clock_getres 229
%define SYS_getcpu 309

; Clocks by number, as bits.
%define FINE   (1 << 0 | 1 << 1 | 1 << 4 | 1 << 7 | 1 << 11)
%define COARSE (1 << 5 | 1 << 6)
%define COARSE_NANOSECONDS 4000000

; Selector of the descriptor whose limit is the processor's number (SegmentTables).
%define NUMBER_SELECTOR 0x43

%macro FUNCTION 1
global __vdso_%1:function (%%end - __vdso_%1)
global %1:function weak (%%end - %1)
align 16
%1:
__vdso_%1:
%define END %%end
%endmacro

; RAX = nanoseconds of a clock: RDX is the address of its multiplier and base, R9 that of its offset. Clobbers RCX, RDX, R8, R10, R11.
; Jumps to %1 when the counter cannot be used.
%macro NANOSECONDS 1
%%again:
    mov r8, [SEQUENCE]
    test r8b, 1
    jnz %%wait
    test byte [FLAGS], HAS_COUNTER
    jz %1
    mov r10, rdx
    lfence
    rdtsc
    shl rdx, 32
    or rax, rdx
    ; Another processor's counter may be a little behind.
    xor ecx, ecx
    sub rax, [ORIGIN]
    cmovc rax, rcx
    mul qword [r10]
    shrd rax, rdx, 32
    add rax, [r10 + 8]
    add rax, [r9]
    mov rdx, r10
    cmp r8, [SEQUENCE]
    jne %%again
    jmp %%done
%%wait:
    pause
    jmp %%again
%%done:
%endmacro

; RAX = nanoseconds → RDX = seconds, RAX = the rest. Clobbers RCX.
%macro SPLIT 0
    mov r10, rax
    shr rax, 9
    mov rcx, 0x44b82fa09b5a53           ; 2^75 / (10^9 / 2^9), rounded up
    mul rcx
    shr rdx, 11
    imul rax, rdx, 1000000000
    sub r10, rax
    mov rax, r10
%endmacro

section .text exec align=16

; int clock_gettime(clockid_t, struct timespec *)
FUNCTION clock_gettime
    cmp edi, 11
    ja .kernel
    mov eax, COARSE
    bt eax, edi
    jc .coarse
    mov eax, FINE
    bt eax, edi
    jnc .kernel
    lea rdx, [MULTIPLIER]
    lea r9, [ZERO]
    test edi, edi
    jz .realtime
    cmp edi, 4
    je .raw
    cmp edi, 11
    jne .read
    lea r9, [TAI]
    jmp .read
.raw:
    lea rdx, [RAW_MULTIPLIER]
    jmp .read
.realtime:
    lea r9, [REALTIME]
.read:
    NANOSECONDS .kernel
.store:
    SPLIT
    mov [rsi], rdx
    mov [rsi + 8], rax
    xor eax, eax
    ret
; The time of the last of the moments that are 4 ms apart.
.coarse:
    lea rdx, [MULTIPLIER]
    lea r9, [ZERO]
    NANOSECONDS .kernel
    mov ecx, COARSE_NANOSECONDS
    xor edx, edx
    div rcx
    imul rax, rcx
    cmp edi, 6
    je .store
    add rax, [REALTIME]
    jmp .store
.kernel:
    mov eax, SYS_clock_gettime
    syscall
    ret
END:

; int clock_getres(clockid_t, struct timespec *)
FUNCTION clock_getres
    cmp edi, 11
    ja .kernel
    mov edx, 1
    mov eax, FINE
    bt eax, edi
    jc .store
    mov edx, COARSE_NANOSECONDS
    mov eax, COARSE
    bt eax, edi
    jnc .kernel
.store:
    xor eax, eax
    test rsi, rsi
    jz .done
    mov [rsi], rax
    mov [rsi + 8], rdx
.done:
    ret
.kernel:
    mov eax, SYS_clock_getres
    syscall
    ret
END:

; int gettimeofday(struct timeval *, struct timezone *)
FUNCTION gettimeofday
    test rdi, rdi
    jz .zone
    lea rdx, [MULTIPLIER]
    lea r9, [REALTIME]
    NANOSECONDS .kernel
    SPLIT
    mov [rdi], rdx
    imul rax, rax, 274877907            ; 2^38 / 1000, rounded up: exact below 10^9
    shr rax, 38
    mov [rdi + 8], rax
.zone:
    xor eax, eax
    test rsi, rsi
    jz .done
    mov [rsi], rax
.done:
    ret
.kernel:
    mov eax, SYS_gettimeofday
    syscall
    ret
END:

; time_t time(time_t *)
FUNCTION time
    lea rdx, [MULTIPLIER]
    lea r9, [REALTIME]
    NANOSECONDS .kernel
    SPLIT
    mov rax, rdx
    test rdi, rdi
    jz .done
    mov [rdi], rax
.done:
    ret
.kernel:
    mov eax, SYS_time
    syscall
    ret
END:

; int getcpu(unsigned *processor, unsigned *node, void *unused)
FUNCTION getcpu
    test byte [FLAGS], HAS_RDPID
    jz .limit
    rdpid rax
    jmp .store
.limit:
    mov ecx, NUMBER_SELECTOR
    lsl eax, ecx
    jnz .kernel
.store:
    mov edx, eax
    and eax, 0xfff
    test rdi, rdi
    jz .node
    mov [rdi], eax
.node:
    shr edx, 12
    xor eax, eax
    test rsi, rsi
    jz .done
    mov [rsi], edx
.done:
    ret
.kernel:
    mov eax, SYS_getcpu
    syscall
    ret
END:

section .note.GNU-stack noalloc noexec nowrite progbits
