/// System-call numbers of Linux on x86-64 (`arch/x86/entry/syscalls/syscall_64.tbl`).
public enum SyscallNumber: Int {
    case read = 0, write, open, close, stat, fstat, lstat, poll, lseek, mmap
    case mprotect = 10, munmap, brk, rtSigaction, rtSigprocmask, rtSigreturn, ioctl, pread64, pwrite64, readv
    case writev = 20, access, pipe, select, schedYield, mremap, msync, mincore, madvise, shmget
    case shmat = 30, shmctl, dup, dup2, pause, nanosleep, getitimer, alarm, setitimer, getpid
    case sendfile = 40, socket, connect, accept, sendto, recvfrom, sendmsg, recvmsg, shutdown, bind
    case listen = 50, getsockname, getpeername, socketpair, setsockopt, getsockopt, clone, fork, vfork, execve
    case exit = 60, wait4, kill, uname, semget, semop, semctl, shmdt, msgget, msgsnd
    case msgrcv = 70, msgctl, fcntl, flock, fsync, fdatasync, truncate, ftruncate, getdents, getcwd
    case chdir = 80, fchdir, rename, mkdir, rmdir, creat, link, unlink, symlink, readlink
    case chmod = 90, fchmod, chown, fchown, lchown, umask, gettimeofday, getrlimit, getrusage, sysinfo
    case times = 100, ptrace, getuid, syslog, getgid, setuid, setgid, geteuid, getegid, setpgid
    case getppid = 110, getpgrp, setsid, setreuid, setregid, getgroups, setgroups, setresuid, getresuid, setresgid
    case getresgid = 120, getpgid, setfsuid, setfsgid, getsid, capget, capset, rtSigpending, rtSigtimedwait, rtSigqueueinfo
    case rtSigsuspend = 130, sigaltstack, utime, mknod, uselib, personality, ustat, statfs, fstatfs, sysfs
    case getpriority = 140, setpriority, schedSetparam, schedGetparam, schedSetscheduler, schedGetscheduler
    case schedGetPriorityMax, schedGetPriorityMin, schedRRGetInterval, mlock
    case munlock = 150, mlockall, munlockall, vhangup, modifyLdt, pivotRoot, sysctl, prctl, archPrctl, adjtimex
    case setrlimit = 160, chroot, sync, acct, settimeofday, mount, umount2, swapon, swapoff, reboot
    case sethostname = 170, setdomainname, iopl, ioperm
    case gettid = 186, readahead, setxattr, lsetxattr
    case fsetxattr = 190, getxattr, lgetxattr, fgetxattr, listxattr, llistxattr, flistxattr, removexattr, lremovexattr,
        fremovexattr
    case tkill = 200, time, futex, schedSetaffinity, schedGetaffinity
    case epollCreate = 213
    case getdents64 = 217, setTidAddress, restartSyscall, semtimedop, fadvise64
    case timerCreate = 222, timerSettime, timerGettime, timerGetoverrun, timerDelete, clockSettime, clockGettime, clockGetres
    case clockNanosleep = 230, exitGroup, epollWait, epollCtl, tgkill, utimes
    case waitid = 247
    case inotifyInit = 253, inotifyAddWatch, inotifyRmWatch
    case openat = 257, mkdirat, mknodat, fchownat, futimesat, newfstatat, unlinkat, renameat, linkat, symlinkat
    case readlinkat = 267, fchmodat, faccessat, pselect6, ppoll, unshare, setRobustList, getRobustList, splice, tee
    case syncFileRange = 277, vmsplice, movePages, utimensat, epollPwait, signalfd, timerfdCreate, eventfd, fallocate
    case timerfdSettime = 286, timerfdGettime, accept4, signalfd4, eventfd2, epollCreate1, dup3, pipe2, inotifyInit1
    case preadv = 295, pwritev, rtTgsigqueueinfo, perfEventOpen, recvmmsg, fanotifyInit, fanotifyMark, prlimit64
    case clockAdjtime = 305, syncfs, sendmmsg, setns, getcpu, processVmReadv, processVmWritev
    case schedSetattr = 314, schedGetattr, renameat2, seccomp, getrandom, memfdCreate
    case execveat = 322, userfaultfd, membarrier, mlock2, copyFileRange, preadv2, pwritev2
    case statx = 332
    case rseq = 334
    case pidfdSendSignal = 424
    case pidfdOpen = 434, clone3, closeRange, openat2, pidfdGetfd, faccessat2
    case epollPwait2 = 441
}
