// The C library as Swift sees it: glibc when a module is built for the build machine, musl when it is
// built for Martlet. Only declarations live here, and inline accessors for what Swift cannot import
// (variadic functions and complex macros).
#ifndef MARTLET_CLIBC_H
#define MARTLET_CLIBC_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

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
#include <time.h>
#include <unistd.h>

static inline int martlet_errno(void) { return errno; }
static inline void martlet_set_errno(int value) { errno = value; }
static inline int martlet_open(const char *path, int flags, unsigned mode) { return open(path, flags, mode); }
static inline int martlet_fcntl(int fd, int command, long argument) { return fcntl(fd, command, argument); }
static inline int martlet_ioctl(int fd, unsigned long request, void *argument) { return ioctl(fd, request, argument); }


#endif
