; Interrupts, exceptions and system calls: saves the user's registers as a `TrapFrame` and calls Swift.

extern martlet_trap
extern martlet_syscall_failed
extern martlet_syscall_unknown
extern martlet_thread_main
extern martlet_thread_exit
extern martlet_prepare_user

; A site where SMAP's access flag is cleared: three bytes of no-operation that boot replaces by `clac` if the processor has it.
%macro CLEAR_ACCESS 0
%%site:
    db 0x0f, 0x1f, 0x00
    section .smap_sites
    dq %%site
    dd 0x00ca010f, 0
    section .text
%endmacro

%macro PUSH_REGISTERS 0
    push rdi
    push rsi
    push rdx
    push rcx
    push rax
    push r8
    push r9
    push r10
    push r11
    push rbx
    push rbp
    push r12
    push r13
    push r14
    push r15
%endmacro

%macro POP_REGISTERS 0
    pop r15
    pop r14
    pop r13
    pop r12
    pop rbp
    pop rbx
    pop r11
    pop r10
    pop r9
    pop r8
    pop rax
    pop rcx
    pop rdx
    pop rsi
    pop rdi
%endmacro

; Offsets in the processor's block (PerCPUBlock) and in that of the running thread (ThreadControlBlock).
KERNEL_STACK equ 8
USER_STACK equ 16
RESCHEDULE equ 32
CURRENT_BLOCK equ 56
SYSTEM_TICKS equ 64
KERNEL_SINCE equ 0
BLOCK_SYSTEM_TICKS equ 8
RETURN_WORK equ 16

; The thread has come from user mode: from now on its time counts as the kernel's. Interrupts are off. Destroys RAX, RCX, RDX.
%macro ENTER_KERNEL 0
    rdtsc
    shl rdx, 32
    or rax, rdx
    mov rcx, [gs:CURRENT_BLOCK]
    mov [rcx + KERNEL_SINCE], rax
%endmacro

; It is about to go back. Interrupts are off and stay so until it is there. Destroys RAX, RCX, RDX.
%macro LEAVE_KERNEL 0
    rdtsc
    shl rdx, 32
    or rax, rdx
    mov rcx, [gs:CURRENT_BLOCK]
    sub rax, [rcx + KERNEL_SINCE]
    mov qword [rcx + KERNEL_SINCE], 0
    add [rcx + BLOCK_SYSTEM_TICKS], rax
    add [gs:SYSTEM_TICKS], rax
%endmacro

section .smap_sites align=16
section .text exec align=16

; One stub a vector: pushes a zero where the processor pushes no error code, then the vector.
%assign vector 0
%rep 256
    align 16
stub_ %+ vector:
%if !(vector == 8 || (vector >= 10 && vector <= 14) || vector == 17 || vector == 21 || vector == 29 || vector == 30)
    push 0
%endif
    push vector
%if vector == 2 || vector == 8 || vector == 18
    jmp trap_paranoid
%else
    jmp trap_common
%endif
%assign vector vector + 1
%endrep

align 16
trap_common:
    test byte [rsp + 24], 3             ; saved CS: from user mode?
    jz .from_kernel
    swapgs
    CLEAR_ACCESS
    cld
    PUSH_REGISTERS
    ENTER_KERNEL
    mov rdi, rsp
    xor ebp, ebp
    call martlet_trap                   ; comes back with interrupts off
    LEAVE_KERNEL
    POP_REGISTERS
    add rsp, 16
    swapgs
    iretq
.from_kernel:
    cld
    PUSH_REGISTERS
    CLEAR_ACCESS
    mov rdi, rsp
    ; The frame chain goes on into the interrupted code.
    sub rsp, 16
    mov rax, [rdi + 17 * 8]
    mov [rsp + 8], rax
    mov rax, [rdi + 4 * 8]
    mov [rsp], rax
    mov rbp, rsp
    ; Interrupted code may be anywhere: align for the call.
    mov rbx, rsp
    and rsp, ~15
    call martlet_trap
    lea rsp, [rbx + 16]
    POP_REGISTERS
    add rsp, 16
    iretq

; NMI, double fault and machine check run on stacks of their own and may come at any instruction, also between
; the entry from user mode and its swapgs, so GS tells nothing. The word above each of these stacks holds the address of
; the processor's block (SegmentTables.load): GS is saved, set to it and put back.
align 16
trap_paranoid:
    cld
    PUSH_REGISTERS
    CLEAR_ACCESS
    mov ecx, 0xc0000101                 ; GS base
    rdmsr
    shl rdx, 32
    or rax, rdx
    mov r15, rax
    mov rax, [rsp + 22 * 8]
    mov rdx, rax
    shr rdx, 32
    wrmsr
    mov rdi, rsp
    xor ebp, ebp
    mov rbx, rsp
    and rsp, ~15
    call martlet_trap
    mov rsp, rbx
    mov ecx, 0xc0000101
    mov rax, r15
    mov rdx, r15
    shr rdx, 32
    wrmsr
    POP_REGISTERS
    add rsp, 16
    iretq

; SYSCALL: RCX = return address, R11 = flags, interrupts off by SFMASK.
;
; The handler is a Swift closure `(SyscallArguments) throws(Errno) -> Int`: a function and its context, 16 bytes in the table. Swift's
; calling convention (docs/ABI/RegisterUsage.md of the compiler): the arguments, too many for registers, by their address in RDI, the
; context in R13; R12 is zero before and tells afterwards whether the call failed; RAX has the result, or the error.
; It is called from here because this is the path of every system call: Swift would count references to the context.
SYSCALL_CAPACITY equ 512                ; SyscallTable.capacity
global martlet_syscall_entry
align 16
martlet_syscall_entry:
    swapgs
    mov [gs:USER_STACK], rsp
    mov rsp, [gs:KERNEL_STACK]
    push 0x23                           ; user SS
    push qword [gs:USER_STACK]
    push r11
    push 0x2b                           ; user CS
    push rcx
    push 0
    push rax
    PUSH_REGISTERS
    ENTER_KERNEL
    mov rbx, rsp
    xor ebp, ebp
    mov rcx, [rbx + 15 * 8]             ; the number
    cmp rcx, SYSCALL_CAPACITY
    jae .unknown
    shl rcx, 4
    add rcx, [rel handlers]
    mov rax, [rcx]
    test rax, rax
    jz .unknown
    mov r13, [rcx + 8]
    push r9
    push r8
    push r10
    push qword [rbx + 12 * 8]           ; RDX
    push rsi
    push rdi
    mov rdi, rsp
    xor r12d, r12d
    sti
    call rax
    mov rsp, rbx
    test r12, r12
    jnz .failed
    ; exec and sigreturn have replaced the registers and marked the frame with a negative number: RAX is theirs.
    test byte [rsp + 15 * 8 + 7], 0x80
    jnz .work
    mov [rsp + 10 * 8], rax
.finish:
    cli
    ; From here to user mode nothing may come between: what is asked of the thread later comes with an interrupt.
    mov rcx, [gs:CURRENT_BLOCK]
    mov edx, [gs:RESCHEDULE]
    or edx, [rcx + RETURN_WORK]
    jnz .work
    LEAVE_KERNEL
    ; SYSRET takes RIP from RCX, which is where the program came from, and the flags from R11. R14 and R15 are as they were.
    mov r13, [rsp + 2 * 8]
    mov r12, [rsp + 3 * 8]
    mov rbp, [rsp + 4 * 8]
    mov rbx, [rsp + 5 * 8]
    mov r10, [rsp + 7 * 8]
    mov r9, [rsp + 8 * 8]
    mov r8, [rsp + 9 * 8]
    mov rax, [rsp + 10 * 8]
    mov rdx, [rsp + 12 * 8]
    mov rsi, [rsp + 13 * 8]
    mov rdi, [rsp + 14 * 8]
    mov rcx, [rsp + 17 * 8]
    mov r11, [rsp + 19 * 8]
    mov rsp, [rsp + 20 * 8]
    swapgs
    o64 sysret
.failed:
    mov rdi, rsp
    mov esi, eax
    call martlet_syscall_failed
    test al, al
    jz .finish
.work:
    mov rdi, rsp
    sti
    call martlet_prepare_user           ; comes back with interrupts off
    LEAVE_KERNEL
    POP_REGISTERS
    add rsp, 16
    swapgs
    iretq
.unknown:
    mov rdi, rsp
    sti
    call martlet_syscall_unknown
    jmp .finish

; void martlet_install_handlers(const void *table)
global martlet_install_handlers
martlet_install_handlers:
    mov [rel handlers], rdi
    ret

section .data write align=8
handlers: dq 0
section .text

; A fresh user thread, with the address of its frame in RDI, leaves the kernel for the first time. Interrupts are off.
enter_user:
    mov rsp, rdi
    LEAVE_KERNEL
    POP_REGISTERS
    add rsp, 16
    swapgs
    iretq

; void martlet_switch(uintptr *save, uintptr stackPointer)
global martlet_switch
martlet_switch:
    push rbp
    push rbx
    push r12
    push r13
    push r14
    push r15
    mov [rdi], rsp
    mov rsp, rsi
    pop r15
    pop r14
    pop r13
    pop r12
    pop rbx
    pop rbp
    ret

global martlet_thread_trampoline_address
martlet_thread_trampoline_address:
    lea rax, [rel thread_trampoline]
    ret
thread_trampoline:
    xor ebp, ebp
    call martlet_thread_main
    test rax, rax
    jz .exit
    mov rbx, rax
    mov rdi, rax
    call martlet_prepare_user           ; comes back with interrupts off
    mov rdi, rbx
    jmp enter_user
.exit:
    call martlet_thread_exit
    ud2

section .rodata
global martlet_trap_stubs
align 8
martlet_trap_stubs:
%assign vector 0
%rep 256
    dq stub_ %+ vector
%assign vector vector + 1
%endrep
