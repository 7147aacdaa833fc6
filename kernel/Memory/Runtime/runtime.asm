; What the language runtime needs and Swift cannot define: a reserved name, a static block of memory, the stack canary.

EARLY_ARENA_SIZE equ 512 * 1024

section .text exec align=16

extern martlet_heap_free
global free
free:
    jmp martlet_heap_free

; The heap of the time before the frame allocator runs.
global martlet_early_arena
align 16
martlet_early_arena:
    mov rax, early_arena
    ret

global martlet_early_arena_size
align 16
martlet_early_arena_size:
    mov eax, EARLY_ARENA_SIZE
    ret

section .data write align=8
; The value that functions with arrays on their stacks check when they return. Boot may replace it before the first Swift
; function runs, not later. The zero byte stops string functions.
global __stack_chk_guard
__stack_chk_guard: dq 0x5bd1e995c3a7f600

section .bss nobits write align=4096
early_arena: resb EARLY_ARENA_SIZE
