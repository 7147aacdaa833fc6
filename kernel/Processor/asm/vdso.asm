; The shared object of vdso/vdso.nasm, as it was linked, and where it is. `VDSO` copies it into pages of its own.

section .rodata align=16
vdso_start: incbin "build/kernel/vdso.so"
vdso_end:

section .text exec align=16
global martlet_address_vdso_start
martlet_address_vdso_start:
    lea rax, [rel vdso_start]
    ret
global martlet_address_vdso_end
martlet_address_vdso_end:
    lea rax, [rel vdso_end]
    ret
