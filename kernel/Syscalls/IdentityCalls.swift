import ABI
import Processes
import Support

/// User and group identities.
public enum IdentityCalls {
    private static var unchanged: UInt32 { .max }

    public static func register(_ table: inout SyscallTable) {
        table.set(.getuid) { (_) throws(Errno) in Int(Process.current.credentials.uid) }
        table.set(.geteuid) { (_) throws(Errno) in Int(Process.current.credentials.euid) }
        table.set(.getgid) { (_) throws(Errno) in Int(Process.current.credentials.gid) }
        table.set(.getegid) { (_) throws(Errno) in Int(Process.current.credentials.egid) }
        table.set(.setuid) { (a) throws(Errno) in
            let id = a.uint32(0)
            if id == unchanged { throw .invalidArgument }
            return try setUsers(
                Process.current.credentials.isPrivileged ? id : unchanged, id,
                Process.current.credentials.isPrivileged ? id : unchanged)
        }
        table.set(.setgid) { (a) throws(Errno) in
            let id = a.uint32(0)
            if id == unchanged { throw .invalidArgument }
            return try setGroups(
                Process.current.credentials.isPrivileged ? id : unchanged, id,
                Process.current.credentials.isPrivileged ? id : unchanged)
        }
        table.set(.setreuid) { (a) throws(Errno) in try setUsers(a.uint32(0), a.uint32(1), a.uint32(1)) }
        table.set(.setregid) { (a) throws(Errno) in try setGroups(a.uint32(0), a.uint32(1), a.uint32(1)) }
        table.set(.setresuid) { (a) throws(Errno) in try setUsers(a.uint32(0), a.uint32(1), a.uint32(2)) }
        table.set(.setresgid) { (a) throws(Errno) in try setGroups(a.uint32(0), a.uint32(1), a.uint32(2)) }
        table.set(.getresuid) { (a) throws(Errno) in
            let c = Process.current.credentials
            try copyOut(c.uid, to: a.address(0))
            try copyOut(c.euid, to: a.address(1))
            try copyOut(c.suid, to: a.address(2))
            return 0
        }
        table.set(.getresgid) { (a) throws(Errno) in
            let c = Process.current.credentials
            try copyOut(c.gid, to: a.address(0))
            try copyOut(c.egid, to: a.address(1))
            try copyOut(c.sgid, to: a.address(2))
            return 0
        }
        table.set(.setfsuid) { (_) throws(Errno) in Int(Process.current.credentials.euid) }
        table.set(.setfsgid) { (_) throws(Errno) in Int(Process.current.credentials.egid) }
        table.set(.getgroups, getGroups)
        table.set(.setgroups, setSupplementaryGroups)
    }

    /// Sets real, effective and saved user id; `unchanged` leaves one alone. Without privilege each must be one of the
    /// three that the process has.
    private static func setUsers(_ real: UInt32, _ effective: UInt32, _ saved: UInt32) throws(Errno) -> Int {
        var c = Process.current.credentials
        if !c.isPrivileged {
            for id in [real, effective, saved] where id != unchanged && id != c.uid && id != c.euid && id != c.suid {
                throw .notPermitted
            }
        }
        if real != unchanged { c.uid = real }
        if effective != unchanged { c.euid = effective }
        if saved != unchanged { c.suid = saved }
        Process.current.credentials = c
        return 0
    }

    private static func setGroups(_ real: UInt32, _ effective: UInt32, _ saved: UInt32) throws(Errno) -> Int {
        var c = Process.current.credentials
        if !c.isPrivileged {
            for id in [real, effective, saved] where id != unchanged && id != c.gid && id != c.egid && id != c.sgid {
                throw .notPermitted
            }
        }
        if real != unchanged { c.gid = real }
        if effective != unchanged { c.egid = effective }
        if saved != unchanged { c.sgid = saved }
        Process.current.credentials = c
        return 0
    }

    private static func getGroups(_ a: SyscallArguments) throws(Errno) -> Int {
        let groups = Process.current.credentials.groups
        let capacity = a.int32(0)
        guard capacity >= 0 else { throw .invalidArgument }
        if capacity == 0 { return groups.count }
        guard Int(capacity) >= groups.count else { throw .invalidArgument }
        for (index, group) in groups.enumerated() { try copyOut(group, to: a.address(1) + index * 4) }
        return groups.count
    }

    private static func setSupplementaryGroups(_ a: SyscallArguments) throws(Errno) -> Int {
        guard Process.current.credentials.isPrivileged else { throw .notPermitted }
        let count = a.int32(0)
        guard count >= 0, count <= 65536 else { throw .invalidArgument }
        var groups: [UInt32] = []
        for index in 0..<Int(count) { groups.append(try copyIn(UInt32.self, from: a.address(1) + index * 4)) }
        var c = Process.current.credentials
        c.groups = groups
        Process.current.credentials = c
        return 0
    }
}
