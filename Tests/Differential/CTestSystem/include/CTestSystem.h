// What the conformance and bench programs need below Swift: raw system calls that no libc rounds off, and register
// state that only inline assembly can see.
#ifndef MARTLET_TEST_SYSTEM_H
#define MARTLET_TEST_SYSTEM_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/times.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

/// A system call as the kernel sees it; the result is the kernel's (negative errno on failure).
static inline long ts_syscall(long number, long a, long b, long c, long d, long e, long f) {
    long result;
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = f;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
}

static inline char **ts_environment(void) { return environ; }
static inline int ts_fork(void) { return fork(); }

/// vfork and exec; a failed exec ends the child with 127. Only the child's own registers change in between.
static inline long ts_vfork_exec(const char *path, char *const *argv, char *const *envp) {
    pid_t pid = vfork();
    if (pid == 0) {
        ts_syscall(SYS_execve, (long)path, (long)argv, (long)envp, 0, 0, 0);
        ts_syscall(SYS_exit_group, 127, 0, 0, 0, 0, 0);
    }
    return pid;
}

/// vfork whose child writes through the pointer and exits: the parent sees the write, for memory is shared.
static inline long ts_vfork_store(volatile int *place, int value) {
    pid_t pid = vfork();
    if (pid == 0) {
        *place = value;
        ts_syscall(SYS_exit_group, 0, 0, 0, 0, 0, 0);
    }
    return pid;
}

typedef void (*ts_handler)(int, siginfo_t *, void *);

/// Installs a handler with SA_SIGINFO; `blocked` is one more signal that is held back meanwhile, or 0.
static inline int ts_handle(int number, ts_handler handler, int flags, int blocked) {
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_sigaction = handler;
    action.sa_flags = flags | SA_SIGINFO;
    sigemptyset(&action.sa_mask);
    if (blocked) sigaddset(&action.sa_mask, blocked);
    return sigaction(number, &action, 0);
}

/// 0: default, 1: ignore.
static inline int ts_dispose(int number, int ignore) {
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = ignore ? SIG_IGN : SIG_DFL;
    return sigaction(number, &action, 0);
}

/// 0: default, 1: ignored, 2: a handler.
static inline int ts_disposition(int number) {
    struct sigaction action;
    if (sigaction(number, 0, &action) != 0) return -1;
    return action.sa_handler == SIG_DFL ? 0 : action.sa_handler == SIG_IGN ? 1 : 2;
}

static inline void *ts_info_address(const siginfo_t *info) { return info->si_addr; }
static inline int ts_info_status(const siginfo_t *info) { return info->si_status; }
static inline int ts_info_pid(const siginfo_t *info) { return info->si_pid; }
static inline int ts_info_value(const siginfo_t *info) { return info->si_value.sival_int; }

/// Skips the faulting instruction when its length is known to the test.
static inline void ts_skip_instruction(void *context, long length) {
    ucontext_t *user = context;
    user->uc_mcontext.gregs[REG_RIP] += length;
}

/// Words of the vector state that a handler's return will restore.
static inline unsigned long ts_state_read(void *context, long offset) {
    return *(unsigned long *)((char *)((ucontext_t *)context)->uc_mcontext.fpregs + offset);
}
static inline void ts_state_write(void *context, long offset, unsigned long value) {
    *(unsigned long *)((char *)((ucontext_t *)context)->uc_mcontext.fpregs + offset) = value;
}
/// Sets xmm7, raises a signal by tkill, and tells what its lower half is afterwards.
static inline unsigned long ts_vector_over_signal(long thread, long number, unsigned long value) {
    long result = SYS_tkill;
    unsigned long after;
    __asm__ volatile("movq %[value], %%xmm7; syscall; movq %%xmm7, %[after]"
                     : "+a"(result), [after] "=&r"(after)
                     : "D"(thread), "S"(number), [value] "r"(value)
                     : "rcx", "r11", "memory", "xmm7");
    return after;
}
/// Fills all vector registers and executes a program.
static inline long ts_exec_with_vectors(long path, long arguments) {
    unsigned char in[256];
    memset(in, 0xa5, sizeof in);
    long result = SYS_execve;
    __asm__ volatile(
        "movdqu 0(%[in]), %%xmm0; movdqu 16(%[in]), %%xmm1; movdqu 32(%[in]), %%xmm2; movdqu 48(%[in]), %%xmm3;"
        "movdqu 64(%[in]), %%xmm4; movdqu 80(%[in]), %%xmm5; movdqu 96(%[in]), %%xmm6; movdqu 112(%[in]), %%xmm7;"
        "movdqu 128(%[in]), %%xmm8; movdqu 144(%[in]), %%xmm9; movdqu 160(%[in]), %%xmm10; movdqu 176(%[in]), %%xmm11;"
        "movdqu 192(%[in]), %%xmm12; movdqu 208(%[in]), %%xmm13; movdqu 224(%[in]), %%xmm14; movdqu 240(%[in]), %%xmm15;"
        "syscall"
        : "+a"(result)
        : "D"(path), "S"(arguments), "d"(0L), [in] "r"(in)
        : "rcx", "r11", "memory", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10",
          "xmm11", "xmm12", "xmm13", "xmm14", "xmm15");
    return result;
}
/// One-byte store of 2 + 1 bytes of code (movb $1, (%rdi)): a fault handler can skip exactly 3 bytes.
static inline void ts_poke(void *address) { __asm__ volatile("movb $1, (%0)" : : "D"(address) : "memory"); }
/// One-byte load of 2 bytes of code (movb (%rdi), %al), for handlers that skip exactly 2 bytes.
static inline void ts_peek(const void *address) {
    __asm__ volatile("movb (%0), %%al" : : "D"(address) : "rax", "memory");
}
/// Calls a function of up to three words; its int result.
static inline long ts_call3(long address, long a, long b, long c) { return ((int (*)(long, long, long))address)(a, b, c); }
static inline long ts_call_long(long address, long a) { return ((long (*)(long))address)(a); }
static inline void ts_call(void *address) { ((void (*)(void))address)(); }
static inline void ts_illegal(void) { __asm__ volatile("ud2"); }
static inline void ts_breakpoint(void) { __asm__ volatile("int3"); }
static inline void ts_privileged(void) { __asm__ volatile("hlt"); }
static inline void ts_divide(void) {
    __asm__ volatile("xorl %%edx, %%edx; movl $1, %%eax; xorl %%ecx, %%ecx; divl %%ecx" : : : "eax", "ecx", "edx");
}
/// A non-canonical access is a general protection fault, not a page fault.
static inline void ts_touch_noncanonical(void) {
    __asm__ volatile("movabsq $0x8000000000000000, %%rdi; movb (%%rdi), %%al" : : : "rax", "rdi");
}

/// Fills xmm0…15 with a pattern, makes a system call, and counts the registers that changed.
static inline int ts_vector_survives(long number, long a, long b, unsigned seed) {
    unsigned char in[256], out[256];
    for (int i = 0; i < 256; i++) in[i] = (unsigned char)(seed + i * 7);
    long result = number;
    __asm__ volatile(
        "movdqu 0(%[in]), %%xmm0; movdqu 16(%[in]), %%xmm1; movdqu 32(%[in]), %%xmm2; movdqu 48(%[in]), %%xmm3;"
        "movdqu 64(%[in]), %%xmm4; movdqu 80(%[in]), %%xmm5; movdqu 96(%[in]), %%xmm6; movdqu 112(%[in]), %%xmm7;"
        "movdqu 128(%[in]), %%xmm8; movdqu 144(%[in]), %%xmm9; movdqu 160(%[in]), %%xmm10; movdqu 176(%[in]), %%xmm11;"
        "movdqu 192(%[in]), %%xmm12; movdqu 208(%[in]), %%xmm13; movdqu 224(%[in]), %%xmm14; movdqu 240(%[in]), %%xmm15;"
        "syscall;"
        "movdqu %%xmm0, 0(%[out]); movdqu %%xmm1, 16(%[out]); movdqu %%xmm2, 32(%[out]); movdqu %%xmm3, 48(%[out]);"
        "movdqu %%xmm4, 64(%[out]); movdqu %%xmm5, 80(%[out]); movdqu %%xmm6, 96(%[out]); movdqu %%xmm7, 112(%[out]);"
        "movdqu %%xmm8, 128(%[out]); movdqu %%xmm9, 144(%[out]); movdqu %%xmm10, 160(%[out]); movdqu %%xmm11, 176(%[out]);"
        "movdqu %%xmm12, 192(%[out]); movdqu %%xmm13, 208(%[out]); movdqu %%xmm14, 224(%[out]); movdqu %%xmm15, 240(%[out])"
        : "+a"(result)
        : "D"(a), "S"(b), [in] "r"(in), [out] "r"(out)
        : "rcx", "r11", "memory", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10",
          "xmm11", "xmm12", "xmm13", "xmm14", "xmm15");
    int changed = 0;
    for (int i = 0; i < 16; i++) changed += memcmp(in + 16 * i, out + 16 * i, 16) != 0;
    return changed;
}

/// Keeps a pattern in rbx, rbp-like and xmm registers over a busy loop that waits for the flag; answers what was damaged.
static inline int ts_registers_survive_wait(volatile int *flag, unsigned long seed) {
    unsigned long a = seed, b = ~seed, c = seed * 3, d = seed * 5, bad = 0;
    unsigned long v[2] = {seed, ~seed}, w[2];
    __asm__ volatile(
        "movdqu (%[v]), %%xmm6\n"
        "movq %[a], %%rbx\n movq %[b], %%r12\n movq %[c], %%r13\n movq %[d], %%r14\n"
        "1: pause\n cmpl $0, (%[flag])\n je 1b\n"
        "xorq %[a], %%rbx\n xorq %[b], %%r12\n xorq %[c], %%r13\n xorq %[d], %%r14\n"
        "orq %%r12, %%rbx\n orq %%r13, %%rbx\n orq %%r14, %%rbx\n movq %%rbx, %[bad]\n"
        "movdqu %%xmm6, (%[w])\n"
        : [bad] "=m"(bad)
        : [a] "r"(a), [b] "r"(b), [c] "r"(c), [d] "r"(d), [flag] "r"(flag), [v] "r"(v), [w] "r"(w)
        : "rbx", "r12", "r13", "r14", "xmm6", "memory", "cc");
    return bad != 0 || w[0] != v[0] || w[1] != v[1];
}

static inline unsigned ts_mxcsr(void) { unsigned v; __asm__ volatile("stmxcsr %0" : "=m"(v)); return v; }
static inline void ts_set_mxcsr(unsigned v) { __asm__ volatile("ldmxcsr %0" : : "m"(v)); }
static inline unsigned ts_x87_control(void) { unsigned short v; __asm__ volatile("fnstcw %0" : "=m"(v)); return v; }
static inline void ts_set_x87_control(unsigned short v) { __asm__ volatile("fldcw %0" : : "m"(v)); }
static inline unsigned long ts_flags(void) { unsigned long v; __asm__ volatile("pushfq; popq %0" : "=r"(v)); return v; }
static inline void ts_set_direction(void) { __asm__ volatile("std"); }
static inline void ts_clear_direction(void) { __asm__ volatile("cld"); }
static inline unsigned long ts_stack_pointer(void) { unsigned long v; __asm__ volatile("movq %%rsp, %0" : "=r"(v)); return v; }

/// Uses stack until it is gone; the pages are touched one by one.
__attribute__((noinline, optnone)) static int ts_overflow_stack(int depth) {
    volatile char page[4096];
    page[0] = (char)depth;
    return depth < 0 ? 0 : ts_overflow_stack(depth + 1) + page[0];
}

/// A child that shares memory, on a stack of its own, and ends at once with 14; its end clears the word.
static inline long ts_clone_exiting(long stack, volatile int *word) {
    long result;
    register long r10 __asm__("r10") = (long)word;
    register long r8 __asm__("r8") = 0;
    __asm__ volatile("syscall; testq %%rax, %%rax; jnz 1f; movl $14, %%edi; movl $60, %%eax; syscall; 1:"
                     : "=a"(result)
                     : "a"((long)SYS_clone), "D"(0x100L | 0x200000L | SIGCHLD), "S"(stack), "d"(0L), "r"(r10), "r"(r8)
                     : "rcx", "r11", "memory");
    return result;
}

/// One more thread of this process, which does nothing but sleep and uses none of its stack.
static inline long ts_thread_asleep(long stack) {
    long result;
    register long r10 __asm__("r10") = 0;
    register long r8 __asm__("r8") = 0;
    __asm__ volatile("syscall; testq %%rax, %%rax; jnz 1f; 2: movl $34, %%eax; syscall; jmp 2b; 1:"
                     : "=a"(result)
                     : "a"((long)SYS_clone), "D"(0x50f00L), "S"(stack), "d"(0L), "r"(r10), "r"(r8)
                     : "rcx", "r11", "memory");
    return result;
}

/// Threads by number: glibc and musl declare pthread_t differently. Negative errno on failure.
static inline long ts_thread_create(void *(*body)(void *), void *argument) {
    pthread_t thread;
    int error = pthread_create(&thread, 0, body, argument);
    return error ? -error : (long)thread;
}
static inline long ts_thread_join(long thread) {
    void *result = 0;
    int error = pthread_join((pthread_t)thread, &result);
    return error ? -error : (long)result;
}

static inline int ts_load(const volatile int *place) { return __atomic_load_n(place, __ATOMIC_SEQ_CST); }
static inline void ts_store(volatile int *place, int value) { __atomic_store_n(place, value, __ATOMIC_SEQ_CST); }
static inline int ts_compare_exchange(volatile int *place, int old, int value) {
    return __atomic_compare_exchange_n(place, &old, value, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}
static inline int ts_add(volatile int *place, int value) { return __atomic_add_fetch(place, value, __ATOMIC_SEQ_CST); }
static inline int ts_exchange(volatile int *place, int value) { return __atomic_exchange_n(place, value, __ATOMIC_SEQ_CST); }

/// A word of memory, by an instruction of 3 bytes (movq (%rdi), %rax) that a fault handler can skip: then `missing` is the result.
static inline long ts_probe(const void *address, long missing) {
    __asm__ volatile("movq (%%rdi), %%rax" : "+a"(missing) : "D"(address) : "memory");
    return missing;
}
/// An exchange of 3 bytes of code (xchgq %rax, (%rdi)); 1 when it was done, 0 when a fault handler skipped it. The value is one
/// that is not there yet.
static inline int ts_probe_store(void *address, long value) {
    long before = value;
    __asm__ volatile("xchgq %%rax, (%%rdi)" : "+a"(before) : "D"(address) : "memory");
    return before != value;
}

static inline void ts_cpuid(unsigned leaf, unsigned *c) {
    unsigned a = leaf, b, d;
    *c = 0;
    __asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(*c), "=d"(d));
}
/// Which vector registers the processor and the system keep: 0: of 128 bits, 1: of 256, 2: of 512, and mask registers.
static inline int ts_wide_vectors(void) {
    unsigned c, low, high;
    ts_cpuid(1, &c);
    if ((c >> 27 & 3) != 3) return 0;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (low & 0xe6) == 0xe6 ? 2 : (low & 6) == 6;
}

#define TS_LOAD(n) "vmovdqu64 64*" #n "(%[in]), %%zmm" #n ";"
#define TS_STORE(n) "vmovdqu64 %%zmm" #n ", 64*" #n "(%[out]);"
#define TS_LOAD_MASK(n) "kmovw 2048+2*" #n "(%[in]), %%k" #n ";"
#define TS_STORE_MASK(n) "kmovw %%k" #n ", 2048+2*" #n "(%[out]);"
#define TS_8(each, tens) each(tens##0) each(tens##1) each(tens##2) each(tens##3) each(tens##4) each(tens##5) each(tens##6) each(tens##7)
#define TS_32(each) TS_8(each, ) each(8) each(9) TS_8(each, 1) each(18) each(19) TS_8(each, 2) each(28) each(29) each(30) each(31)

/// Keeps patterns in all registers of AVX-512 over a busy loop; the number of them that changed.
static inline int ts_widest_vectors_hold(uint64_t seed, long turns) {
    unsigned char in[2064], out[2064];
    for (int i = 0; i < 2064; i++) in[i] = out[i] = (unsigned char)((seed >> (i & 31)) + i * 11 + (i >> 8) * 3);
    __asm__ volatile(
        TS_32(TS_LOAD) TS_8(TS_LOAD_MASK, ) "1: decq %[turns]; jnz 1b;" TS_32(TS_STORE) TS_8(TS_STORE_MASK, ) "vzeroupper"
        : [turns] "+r"(turns)
        : [in] "r"(in), [out] "r"(out)
        : "memory", "cc", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11",
          "xmm12", "xmm13", "xmm14", "xmm15");
    int changed = 0;
    for (int i = 0; i < 32; i++) changed += memcmp(in + 64 * i, out + 64 * i, 64) != 0;
    for (int i = 0; i < 8; i++) changed += memcmp(in + 2048 + 2 * i, out + 2048 + 2 * i, 2) != 0;
    return changed;
}

/// Keeps patterns in all vector registers there are over a busy loop; the number of registers that changed.
static inline int ts_vectors_hold(uint64_t seed, long turns) {
    if (ts_wide_vectors() == 2) return ts_widest_vectors_hold(seed, turns);
    unsigned char in[512], out[512];
    for (int i = 0; i < 512; i++) in[i] = out[i] = (unsigned char)((seed >> (i & 31)) + i * 11);
    if (ts_wide_vectors()) {
        __asm__ volatile(
            "vmovdqu 0(%[in]), %%ymm0; vmovdqu 32(%[in]), %%ymm1; vmovdqu 64(%[in]), %%ymm2; vmovdqu 96(%[in]), %%ymm3;"
            "vmovdqu 128(%[in]), %%ymm4; vmovdqu 160(%[in]), %%ymm5; vmovdqu 192(%[in]), %%ymm6; vmovdqu 224(%[in]), %%ymm7;"
            "vmovdqu 256(%[in]), %%ymm8; vmovdqu 288(%[in]), %%ymm9; vmovdqu 320(%[in]), %%ymm10; vmovdqu 352(%[in]), %%ymm11;"
            "vmovdqu 384(%[in]), %%ymm12; vmovdqu 416(%[in]), %%ymm13; vmovdqu 448(%[in]), %%ymm14; vmovdqu 480(%[in]), %%ymm15;"
            "1: decq %[turns]; jnz 1b;"
            "vmovdqu %%ymm0, 0(%[out]); vmovdqu %%ymm1, 32(%[out]); vmovdqu %%ymm2, 64(%[out]); vmovdqu %%ymm3, 96(%[out]);"
            "vmovdqu %%ymm4, 128(%[out]); vmovdqu %%ymm5, 160(%[out]); vmovdqu %%ymm6, 192(%[out]); vmovdqu %%ymm7, 224(%[out]);"
            "vmovdqu %%ymm8, 256(%[out]); vmovdqu %%ymm9, 288(%[out]); vmovdqu %%ymm10, 320(%[out]); vmovdqu %%ymm11, 352(%[out]);"
            "vmovdqu %%ymm12, 384(%[out]); vmovdqu %%ymm13, 416(%[out]); vmovdqu %%ymm14, 448(%[out]); vmovdqu %%ymm15, 480(%[out]);"
            "vzeroupper"
            : [turns] "+r"(turns)
            : [in] "r"(in), [out] "r"(out)
            : "memory", "cc", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11",
              "xmm12", "xmm13", "xmm14", "xmm15");
    } else {
        __asm__ volatile(
            "movdqu 0(%[in]), %%xmm0; movdqu 32(%[in]), %%xmm1; movdqu 64(%[in]), %%xmm2; movdqu 96(%[in]), %%xmm15;"
            "1: decq %[turns]; jnz 1b;"
            "movdqu %%xmm0, 0(%[out]); movdqu %%xmm1, 32(%[out]); movdqu %%xmm2, 64(%[out]); movdqu %%xmm15, 96(%[out])"
            : [turns] "+r"(turns)
            : [in] "r"(in), [out] "r"(out)
            : "memory", "cc", "xmm0", "xmm1", "xmm2", "xmm15");
    }
    int changed = 0;
    for (int i = 0; i < 16; i++) changed += memcmp(in + 32 * i, out + 32 * i, 32) != 0;
    return changed;
}

/// The kernel's struct linux_dirent64 is walked by hand; these are its offsets.
enum { TS_DIRENT_RECLEN = 16, TS_DIRENT_TYPE = 18, TS_DIRENT_NAME = 19 };

#endif
