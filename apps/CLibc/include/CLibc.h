// The C library as Swift sees it: glibc when a module is built for the build machine, musl when it is
// built for Martlet. Only declarations live here, and inline accessors for what Swift cannot import
// (variadic functions and complex macros).
#ifndef MARTLET_CLIBC_H
#define MARTLET_CLIBC_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <termios.h>
#include <sys/random.h>
#include <sys/reboot.h>
#include <time.h>
#include <unistd.h>

static inline int martlet_errno(void) { return errno; }
static inline void martlet_set_errno(int value) { errno = value; }
static inline int martlet_open(const char *path, int flags, unsigned mode) { return open(path, flags, mode); }
static inline int martlet_fcntl(int fd, int command, long argument) { return fcntl(fd, command, argument); }
static inline int martlet_ioctl(int fd, unsigned long request, void *argument) { return ioctl(fd, request, argument); }
static inline int martlet_ioctl_value(int fd, unsigned long request, long argument) { return ioctl(fd, request, argument); }

// An entry's name is a flexible or oversized array, and its type a macro-shaped byte, by libc.
static inline const char *martlet_dirent_name(const struct dirent *entry) { return entry->d_name; }
static inline unsigned char martlet_dirent_type(const struct dirent *entry) { return entry->d_type; }

// Signal dispositions: SIG_IGN and SIG_DFL are casts, and the handler's union is named differently by each libc.
static inline int martlet_signal_ignore(int number) { return signal(number, SIG_IGN) == SIG_ERR ? -1 : 0; }
static inline int martlet_signal_default(int number) { return signal(number, SIG_DFL) == SIG_ERR ? -1 : 0; }
static inline int martlet_signal_handle(int number, void (*handler)(int)) { return signal(number, handler) == SIG_ERR ? -1 : 0; }

// glibc declares socket addresses as transparent unions.
static inline int martlet_connect(int fd, const void *address, socklen_t length) { return connect(fd, (const struct sockaddr *)address, length); }
static inline int martlet_bind(int fd, const void *address, socklen_t length) { return bind(fd, (const struct sockaddr *)address, length); }
static inline int martlet_accept(int fd, int flags) { return accept4(fd, 0, 0, flags); }

// MAP_FAILED is a cast of -1.
static inline void *martlet_mmap(void *hint, size_t length, int protection, int flags, int fd, off_t offset) {
    void *address = mmap(hint, length, protection, flags, fd, offset);
    return address == MAP_FAILED ? 0 : address;
}

// `environ` is a mutable global, which Swift 6 does not import as safe.
static inline char **martlet_environment(void) { return environ; }

// A wait status' parts are function-like macros.
static inline int martlet_exited(int status) { return WIFEXITED(status); }
static inline int martlet_exit_status(int status) { return WEXITSTATUS(status); }
static inline int martlet_signaled(int status) { return WIFSIGNALED(status); }
static inline int martlet_term_signal(int status) { return WTERMSIG(status); }

#endif
