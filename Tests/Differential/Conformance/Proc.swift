// The process file system, as far as programs read it.

import CTestSystem
import TestCalls

/// The contents of a file, up to 16 KiB.
private func contents(_ path: StaticString) -> [UInt8]? {
    let fd = open(path, O_RDONLY)
    if fd < 0 { return nil }
    var bytes: [UInt8] = []
    while bytes.count < 16384 {
        let (count, more) = read(fd)
        if count <= 0 { break }
        bytes += more
    }
    close(fd)
    return bytes
}

private func lines(_ path: StaticString) -> [String] {
    (contents(path) ?? []).split(separator: 10).map { String(decoding: $0, as: UTF8.self) }
}

/// Whether `text` has `part` in it.
private func contains(_ text: String, _ part: StaticString) -> Bool {
    let haystack = Array(text.utf8)
    let needle = UnsafeBufferPointer(start: part.utf8Start, count: part.utf8CodeUnitCount)
    guard haystack.count >= needle.count else { return false }
    return (0...(haystack.count - needle.count)).contains { haystack[$0..<($0 + needle.count)].elementsEqual(needle) }
}

func procFamily() {
    links()
    statistics()
    descriptors()
    others()
}

private func links() {
    let buffer = Buffer(256)
    let length = sys(SYS_readlink, text("/proc/self/exe"), buffer.address, 256)
    check("exe", bytes: Array(buffer.bytes(length).suffix(11)))
    let own = sys(SYS_readlink, text("/proc/self"), buffer.address, 256)
    check("self is the number", String(decoding: buffer.bytes(own), as: UTF8.self) == "\(sys(SYS_getpid))")
    sys(SYS_mkdir, text("w"), 0o755)
    sys(SYS_chdir, text("w"))
    let folder = sys(SYS_readlink, text("/proc/self/cwd"), buffer.address, 256)
    check("cwd", bytes: Array(buffer.bytes(folder).suffix(2)))
    sys(SYS_chdir, text(".."))
    let root = sys(SYS_readlink, text("/proc/self/root"), buffer.address, 256)
    check("root", bytes: buffer.bytes(root))
    let command = contents("/proc/self/cmdline") ?? []
    check("command line has arguments", command.filter { $0 == 0 }.count >= 2)
    sys(SYS_prctl, Int(PR_SET_NAME), text("renamed"))
    check("comm", bytes: contents("/proc/self/comm") ?? [])
}

private func statistics() {
    let stat = String(decoding: contents("/proc/self/stat") ?? [], as: UTF8.self)
    var fields: [Substring] = stat.split(separator: " ")
    check("fields of stat", fields.count)
    if fields.count < 24 { fields = [Substring](repeating: "0", count: 52) }
    check("number", fields[0] == "\(sys(SYS_getpid))")
    check("name", text: String(fields[1]))
    check("state", text: String(fields[2]))
    check("parent", fields[3] == "\(sys(SYS_getppid))")
    check("group", fields[4] == "\(sys(SYS_getpgrp))")
    check("session", fields[5] == "\(sys(SYS_getsid, 0))")
    check("threads", text: String(fields[19]))
    check("priority", text: String(fields[17]))
    check("nice value", text: String(fields[18]))
    checkChild("after being nice") {
        sys(SYS_setpriority, 0, 0, 7)
        let own = String(decoding: contents("/proc/self/stat") ?? [], as: UTF8.self).split(separator: " ")
        check("priority", text: String(own.count > 18 ? own[17] : "?"))
        check("nice value", text: String(own.count > 18 ? own[18] : "?"))
        return 0
    }
    sizes()
    check("memory", (Int(fields[22]) ?? 0) > 4096 && (Int(fields[23]) ?? 0) > 0)
    var keys: [String] = []
    for line in lines("/proc/self/status") {
        let key = line.prefix { $0 != ":" }
        if ["Name", "State", "Tgid", "Pid", "PPid", "Uid", "Gid", "VmSize", "VmRSS", "Threads"].contains(String(key)) {
            keys.append(String(key))
        }
    }
    check("status has", text: keys.reduce("") { $0.isEmpty ? $1 : $0 + " " + $1 })
    let pid = child {
        pause(milliseconds: 20_000); return 0
    }
    pause(milliseconds: 20)
    let path = text(copying: "/proc/\(pid)/stat")
    let fd = sys(SYS_open, path, 0, 0)
    let other = String(decoding: read(fd).bytes, as: UTF8.self)
    check("state of a sleeping child", text: String(other.split(separator: " ").dropFirst(2).first ?? "?"))
    sys(SYS_kill, pid, Int(SIGKILL))
    let info = Buffer(128)
    sys(SYS_waitid, 1, pid, info.address, Int(WEXITED) | 0x1000000, 0)
    sys(SYS_lseek, fd, 0, 0)
    let zombie = String(decoding: read(fd).bytes, as: UTF8.self)
    check("state of a zombie", text: String(zombie.split(separator: " ").dropFirst(2).first ?? "?"))
    _ = reap(pid)
    sys(SYS_lseek, fd, 0, 0)
    check("read after it is gone", read(fd).result)
    check("open after it is gone", sys(SYS_open, path, 0, 0))
    close(fd)
}

/// The value of a line `key: number`.
private func number(_ line: String) -> Int {
    var value = 0
    for byte in line.utf8 {
        if byte >= 0x30, byte <= 0x39 { value = value * 10 + Int(byte - 0x30) }
    }
    return value
}

/// A number in base 16 at the start of a text.
private func address(_ text: Substring) -> Int { Int(text, radix: 16) ?? 0 }

/// The sizes that different files tell must agree.
private func sizes() {
    let block = anonymous(64 * 4096)
    for page in 0..<64 { setByte(block + page * 4096, 1) }
    let pages = String(decoding: contents("/proc/self/statm") ?? [], as: UTF8.self).split { $0 == " " || $0 == "\n" }.map {
        Int($0) ?? 0
    }
    check("fields of statm", pages.count)
    if pages.count < 7 { return }
    check("resident is not more than all", pages[1] <= pages[0])
    check("the touched pages are resident", pages[1] >= 64)
    check("they are data", pages[5] >= 64)
    check("there is text", pages[3] > 0 && pages[3] < pages[0])
    check("shared is not more than resident", pages[2] <= pages[1])
    check("zeros", pages[4] + pages[6])
    var (size, resident, data, stack) = (0, 0, 0, 0)
    for line in lines("/proc/self/status") {
        if line.hasPrefix("VmSize:") { size = number(line) }
        if line.hasPrefix("VmRSS:") { resident = number(line) }
        if line.hasPrefix("VmData:") { data = number(line) }
        if line.hasPrefix("VmStk:") { stack = number(line) }
    }
    /// Reading and splitting takes memory itself.
    func near(_ a: Int, _ b: Int) -> Bool { abs(a - b) < 512 }
    check("status agrees in size", near(size, pages[0] * 4))
    check("status agrees in residence", near(resident, pages[1] * 4))
    check("status agrees in data", near(data + stack, pages[5] * 4))
    var mapped = 0
    for line in lines("/proc/self/maps") {
        if line.hasSuffix("[vsyscall]") { continue }
        let bounds = line.prefix { $0 != " " }.split(separator: "-")
        if bounds.count == 2 { mapped += address(bounds[1]) - address(bounds[0]) }
    }
    check("maps agree in size", near(mapped / 1024, size))
    sys(SYS_munmap, block, 64 * 4096)
}

private func descriptors() {
    let file = open("f", O_CREAT | O_RDWR)
    let (r, w) = pipe()
    let folder = open("/proc/self/fd", O_RDONLY | O_DIRECTORY)
    var names: [String] = []
    for entry in entries(of: folder) where !entry.hasPrefix(".") { names.append(entry) }
    check("descriptors", text: names.reduce("") { $0.isEmpty ? $1 : $0 + " " + $1 })
    let buffer = Buffer(256)
    let length = sys(SYS_readlink, text("/proc/self/fd/3"), buffer.address, 256)
    check("link to a file", bytes: Array(buffer.bytes(length).suffix(2)))
    let piped = sys(SYS_readlink, text("/proc/self/fd/4"), buffer.address, 256)
    check("link to a pipe", bytes: Array(buffer.bytes(piped).prefix(6)))
    check("missing descriptor", sys(SYS_readlink, text("/proc/self/fd/99"), buffer.address, 256))
    write(file, "again")
    let again = open("/proc/self/fd/3", O_RDONLY)
    checkRead("opened again at its start", again)
    for fd in [file, r, w, folder, again] { close(fd) }
}

private func others() {
    let memory = lines("/proc/meminfo")
    for key in ["MemTotal:", "MemFree:", "MemAvailable:"] {
        check("meminfo \(key)", memory.contains { $0.hasPrefix(key) && $0.hasSuffix("kB") })
    }
    check("uptime", (contents("/proc/uptime") ?? []).contains(0x2e))
    check("loadavg", (contents("/proc/loadavg") ?? []).contains(0x2f))
    check("mounts", lines("/proc/mounts").contains { contains($0, " / ") })
    check("mounts have proc", lines("/proc/mounts").contains { contains($0, " /proc proc ") })
    check("version", lines("/proc/version").count == 1)
    check("cmdline", contents("/proc/cmdline") != nil)
    check("cpuinfo", lines("/proc/cpuinfo").contains { $0.hasPrefix("processor") })
    check("stat", lines("/proc/stat").contains { $0.hasPrefix("cpu ") })
    check("filesystems", lines("/proc/filesystems").contains { $0.hasSuffix("tmpfs") })
    check("create", open("/proc/new", O_CREAT | O_RDWR) < 0)
    check("mkdir", sys(SYS_mkdir, text("/proc/new"), 0o755) < 0)
    check("unlink", sys(SYS_unlink, text("/proc/uptime")) < 0)
    check("process that is not there", open("/proc/999999/stat", O_RDONLY))
    let maps = lines("/proc/self/maps")
    check("maps", maps.contains { contains($0, "r-xp") })
    check("maps have the stack", maps.contains { $0.hasSuffix("[stack]") })
}
