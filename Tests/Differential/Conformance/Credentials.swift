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
    realAndEffective()
    setGroupBits()
    check("lchown missing", sys(SYS_lchown, text("missing"), 1, 1))
}

/// access() asks in the name of the real user, on the way as well.
private func realAndEffective() {
    checkChild("real user is another") {
        sys(SYS_setgroups, 0, 0)
        sys(SYS_setresgid, 1234, 0, 0)
        sys(SYS_setresuid, 1234, 0, 0)
        check("open in a closed folder", open("closed/inside", O_RDONLY) >= 0)
        check("access in a closed folder", sys(SYS_access, text("closed/inside"), 0))
        check("faccessat in a closed folder", sys(SYS_faccessat, Int(AT_FDCWD), text("closed/inside"), 0))
        check("with the effective user", sys(SYS_faccessat2, Int(AT_FDCWD), text("closed/inside"), 0, 0x200))
        check("access of a private file", sys(SYS_access, text("readable"), Int(W_OK)))
        return 0
    }
}

private func setGroupBits() {
    func mode(_ path: StaticString) -> String {
        let stat = Buffer(256)
        sys(SYS_stat, text(path), stat.address)
        return String(stat.load(UInt32.self, at: 24), radix: 8)
    }
    close(open("grouped", O_CREAT | O_RDWR))
    sys(SYS_chown, text("grouped"), 1234, 77)
    sys(SYS_mkdir, text("shared"), 0o777)
    sys(SYS_chown, text("shared"), 0, 77)
    sys(SYS_chmod, text("shared"), 0o2777)
    check("chmod by root", sys(SYS_chmod, text("grouped"), 0o2755))
    check("mode", text: mode("grouped"))
    checkChild("not a member") {
        sys(SYS_umask, 0)
        sys(SYS_setgroups, 0, 0)
        sys(SYS_setresgid, 1234, 1234, 1234)
        sys(SYS_setresuid, 1234, 1234, 1234)
        check("chmod", sys(SYS_chmod, text("grouped"), 0o6755))
        check("mode", text: mode("grouped"))
        check("create", open("shared/program", O_CREAT | O_RDWR, 0o2775) >= 0)
        check("mode", text: mode("shared/program"))
        check("create what no group runs", open("shared/locked", O_CREAT | O_RDWR, 0o2744) >= 0)
        check("mode", text: mode("shared/locked"))
        check("mkdir", sys(SYS_mkdir, text("shared/folder"), 0o755))
        check("mode", text: mode("shared/folder"))
        return 0
    }
    checkChild("a member") {
        let groups = Buffer(4)
        groups.store(UInt32(77), at: 0)
        sys(SYS_setgroups, 1, groups.address)
        sys(SYS_setresgid, 1234, 1234, 1234)
        sys(SYS_setresuid, 1234, 1234, 1234)
        check("chmod", sys(SYS_chmod, text("grouped"), 0o2755))
        check("mode", text: mode("grouped"))
        check("create", open("shared/other", O_CREAT | O_RDWR, 0o2755) >= 0)
        check("mode", text: mode("shared/other"))
        return 0
    }
}
