; Memory primitives. String instructions with 8-byte units: quick on processors and on emulators, which run `rep movsb` byte
; by byte.

section .text exec align=16

%macro FUNCTION 1
global %1
align 16
%1:
%endmacro

; void *memcpy(void *to, const void *from, size_t count)
FUNCTION memcpy
    mov rax, rdi
    mov rcx, rdx
    shr rcx, 3
    rep movsq
    mov ecx, edx
    and ecx, 7
    rep movsb
    ret

; void *memmove(void *to, const void *from, size_t count)
FUNCTION memmove
    mov rax, rdi
    mov rcx, rdi
    sub rcx, rsi
    cmp rcx, rdx
    jae memcpy                          ; no overlap that matters: forward
    lea rsi, [rsi + rdx - 1]
    lea rdi, [rdi + rdx - 1]
    std
    mov ecx, edx
    and ecx, 7
    rep movsb
    mov rcx, rdx
    shr rcx, 3
    sub rsi, 7
    sub rdi, 7
    rep movsq
    cld
    ret

; void *memset(void *to, int byte, size_t count)
FUNCTION memset
    mov r8, rdi
    movzx eax, sil
    mov r9, 0x0101010101010101
    imul rax, r9
    mov rcx, rdx
    shr rcx, 3
    rep stosq
    mov ecx, edx
    and ecx, 7
    rep stosb
    mov rax, r8
    ret

; int memcmp(const void *a, const void *b, size_t count)
FUNCTION memcmp
    xor eax, eax
.words:
    cmp rdx, 8
    jb .bytes
    mov rcx, [rdi]
    cmp rcx, [rsi]
    jne .bytes
    add rdi, 8
    add rsi, 8
    sub rdx, 8
    jmp .words
.bytes:
    test rdx, rdx
    jz .equal
    movzx eax, byte [rdi]
    movzx ecx, byte [rsi]
    sub eax, ecx
    jnz .done
    inc rdi
    inc rsi
    dec rdx
    jmp .bytes
.equal:
    xor eax, eax
.done:
    ret

FUNCTION bcmp
    jmp memcmp

FUNCTION strlen
    xor eax, eax
.next:
    cmp byte [rdi + rax], 0
    je .done
    inc rax
    jmp .next
.done:
    ret

; size_t martlet_user_copy(void *to, const void *from, size_t count): copies between user and kernel memory, returns the bytes
; NOT copied. The page-fault handler sends an unresolvable fault inside [user_access_start, user_access_end) to
; `user_access_fixup`. `stac`/`clac` sites are patched in where the processor has SMAP.
global martlet_user_access_start
global martlet_user_access_end
global martlet_user_access_fixup

%macro SMAP_SITE 1                      ; %1 = bytes of the instruction, little endian
%%site:
    db 0x0f, 0x1f, 0x00
    section .smap_sites
    dq %%site
    dd %1, 0
    section .text
%endmacro

FUNCTION martlet_user_copy
    SMAP_SITE 0x00cb010f                ; stac
    mov rcx, rdx
    shr rcx, 3
    and edx, 7
martlet_user_access_start:
    rep movsq
    mov ecx, edx
    xor edx, edx
    rep movsb
martlet_user_copy_end:
    SMAP_SITE 0x00ca010f                ; clac
    xor eax, eax
    ret

; size_t martlet_user_compare_exchange(uint32_t *user, uint32_t *expected, uint32_t desired): replaces the user word in one step
; if it is as expected; stores what it was. Returns 0, or 1 for a fault, which the fixup computes from RCX and RDX.
FUNCTION martlet_user_compare_exchange
    SMAP_SITE 0x00cb010f
    mov r10d, edx
    mov eax, [rsi]
    mov ecx, 1
    xor edx, edx
    lock cmpxchg [rdi], r10d
    SMAP_SITE 0x00ca010f
    mov [rsi], eax
    xor eax, eax
    ret

; size_t martlet_user_xsave(void *to, uint64_t mask), martlet_user_xrstor(const void *from, uint64_t mask): the extended state between
; the registers and user memory. Return 0, or something else for a fault, which the fixup computes from RCX and RDX: user memory, or bytes
; that the processor refuses. After a fault the registers may be half restored.
%macro USER_STATE 2
FUNCTION %1
    SMAP_SITE 0x00cb010f
    mov eax, esi
    mov rdx, rsi
    shr rdx, 32
    mov ecx, 1
    %2 [rdi]
    SMAP_SITE 0x00ca010f
    xor eax, eax
    ret
%endmacro
    USER_STATE martlet_user_xsave, xsave64
    USER_STATE martlet_user_xrstor, xrstor64

; size_t martlet_user_zero(void *to, size_t count)
FUNCTION martlet_user_zero
    SMAP_SITE 0x00cb010f
    mov rdx, rsi
    mov rcx, rsi
    shr rcx, 3
    and edx, 7
    xor eax, eax
user_zero_start:
    rep stosq
    mov ecx, edx
    xor edx, edx
    rep stosb
martlet_user_access_end:
    SMAP_SITE 0x00ca010f
    xor eax, eax
    ret

; Both arrive here with RCX = units left and RDX = tail bytes left. In the byte phase RDX is 0 and RCX counts bytes.
; The word phase cannot be told from the byte phase by registers alone when the tail is 0, so the fault handler passes the
; unit in R8 (8 in the word phase, 1 in the byte phase).
martlet_user_access_fixup:
    SMAP_SITE 0x00ca010f
    mov rax, rcx
    imul rax, r8
    add rax, rdx
    ret

FUNCTION martlet_address_user_access_start
    mov rax, martlet_user_access_start
    ret
FUNCTION martlet_address_user_access_end
    mov rax, martlet_user_access_end
    ret
FUNCTION martlet_address_user_access_fixup
    mov rax, martlet_user_access_fixup
    ret

section .smap_sites align=16
