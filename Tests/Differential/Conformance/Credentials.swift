// Users and permissions. The family wants to be run by root.

import CTestSystem
import TestCalls

func credentialsFamily() {
    check("real user", sys(SYS_getuid))
    check("effective user", sys(SYS_geteuid))
    check("real group", sys(SYS_getgid))
    close(open("private", O_CREAT | O_RDWR, 0o600))
    close(open("readable", O_CREAT | O_RDWR, 0o644))
    sys(SYS_mkdir, text("closed"), 0o700)
    close(open("closed/inside", O_CREAT | O_RDWR))
    sys(SYS_mkdir, text("sticky"), 0o777)
    sys(SYS_chmod, text("sticky"), 0o1777)
    close(open("sticky/root", O_CREAT | O_RDWR))
    checkChild("as another user") {
        check("setgroups", sys(SYS_setgroups, 0, 0))
        check("setgid", sys(SYS_setresgid, 1234, 1234, 1234))
        check("setuid", sys(SYS_setresuid, 1234, 1234, 1234))
        check("user", sys(SYS_getuid))
        check("back to root", sys(SYS_setuid, 0))
        check("open private", open("private", O_RDONLY))
        check("open readable", open("readable", O_RDONLY))
        check("write readable", open("readable", O_WRONLY))
        check("access write", sys(SYS_access, text("readable"), Int(W_OK)))
        check("create in the folder", open("new", O_CREAT | O_RDWR))
        check("into a closed folder", open("closed/inside", O_RDONLY))
        check("list a closed folder", open("closed", O_RDONLY))
        check("chmod of a foreign file", sys(SYS_chmod, text("readable"), 0o777))
        check("unlink in a foreign folder", sys(SYS_unlink, text("readable")))
        check("create in the sticky folder", open("sticky/mine", O_CREAT | O_RDWR))
        check("remove a foreign file there", sys(SYS_unlink, text("sticky/root")))
        check("remove an own file there", sys(SYS_unlink, text("sticky/mine")))
        check("signal to root", sys(SYS_kill, sys(SYS_getppid), 0))
        check(
            "raise the hard limit",
            {
                let limit = Buffer(16)
                sys(SYS_getrlimit, 7, limit.address)
                limit.store(limit.load(Int.self, at: 8) + 1, at: 8)
                return sys(SYS_setrlimit, 7, limit.address)
            }())
        check("nicer than allowed", sys(SYS_setpriority, 0, 0, -5))
        return 0
    }
    check("chown", sys(SYS_chown, text("private"), 1234, 1234))
    let stat = Buffer(256)
    sys(SYS_stat, text("private"), stat.address)
    check("owner", Int(stat.load(UInt32.self, at: 28)))
    check("fchownat", sys(SYS_fchownat, Int(AT_FDCWD), text("private"), -1, 77, 0))
    sys(SYS_stat, text("private"), stat.address)
    check("owner kept", Int(stat.load(UInt32.self, at: 28)))
    check("group changed", Int(stat.load(UInt32.self, at: 32)))
    check("lchown missing", sys(SYS_lchown, text("missing"), 1, 1))
}
