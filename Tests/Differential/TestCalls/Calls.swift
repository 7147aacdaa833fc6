// System calls as test programs write them: raw, with whatever arguments a test wants to try.

import CTestSystem

/// A system call with raw arguments; negative errno on failure.
@inlinable @discardableResult
public func sys(_ number: Int32, _ a: Int = 0, _ b: Int = 0, _ c: Int = 0, _ d: Int = 0, _ e: Int = 0, _ f: Int = 0) -> Int {
    ts_syscall(Int(number), a, b, c, d, e, f)
}

/// The address of a NUL-terminated constant.
public func text(_ constant: StaticString) -> Int { Int(bitPattern: constant.utf8Start) }

/// The address of a NUL-terminated copy that lives as long as the program.
public func text(copying string: String) -> Int {
    var copy = string
    return copy.withUTF8 { bytes in
        let place = UnsafeMutablePointer<UInt8>.allocate(capacity: bytes.count + 1)
        for (index, byte) in bytes.enumerated() { place[index] = byte }
        place[bytes.count] = 0
        return Int(bitPattern: place)
    }
}

/// Memory that system calls read and write. It lives as long as the program, because calls get its bare address, which
/// keeps nothing alive.
public final class Buffer {
    public let base: UnsafeMutableRawPointer
    public let count: Int

    /// Zeroed memory, aligned to 16 bytes.
    public init(_ count: Int) {
        self.count = count
        base = .allocate(byteCount: max(count, 1), alignment: 16)
        memset(base, 0, max(count, 1))
    }

    /// The bytes of a constant, without its NUL.
    public convenience init(_ constant: StaticString) {
        self.init(constant.utf8CodeUnitCount)
        memcpy(base, constant.utf8Start, constant.utf8CodeUnitCount)
    }

    public var address: Int { Int(bitPattern: base) }

    public subscript(index: Int) -> UInt8 {
        get { base.load(fromByteOffset: index, as: UInt8.self) }
        set { base.storeBytes(of: newValue, toByteOffset: index, as: UInt8.self) }
    }

    public func load<T: BitwiseCopyable>(_ type: T.Type, at offset: Int) -> T {
        base.loadUnaligned(fromByteOffset: offset, as: type)
    }
    public func store<T: BitwiseCopyable>(_ value: T, at offset: Int) {
        base.storeBytes(of: value, toByteOffset: offset, as: T.self)
    }

    /// The first bytes.
    public func bytes(_ count: Int) -> [UInt8] {
        var result: [UInt8] = []
        for index in 0..<max(0, min(count, self.count)) { result.append(self[index]) }
        return result
    }

    public func fill(_ byte: UInt8) { memset(base, Int32(byte), count) }
}

/// Opens a path relative to the working folder.
public func open(_ path: StaticString, _ flags: Int32, _ mode: Int = 0o644) -> Int { sys(SYS_open, text(path), Int(flags), mode) }

@discardableResult
public func close(_ fd: Int) -> Int { sys(SYS_close, fd) }

/// Writes a constant.
@discardableResult
public func write(_ fd: Int, _ constant: StaticString) -> Int { sys(SYS_write, fd, text(constant), constant.utf8CodeUnitCount) }

/// Reads up to `count` bytes once.
public func read(_ fd: Int, _ count: Int = 4096) -> (result: Int, bytes: [UInt8]) {
    let buffer = Buffer(count)
    let result = sys(SYS_read, fd, buffer.address, count)
    return (result, buffer.bytes(result))
}

/// Two descriptors from a call such as pipe2.
public func pair(_ fill: (Int) -> Int) -> (Int, Int) {
    let buffer = Buffer(8)
    let result = fill(buffer.address)
    if result < 0 { return (result, result) }
    return (Int(buffer.load(Int32.self, at: 0)), Int(buffer.load(Int32.self, at: 4)))
}

public func pipe(_ flags: Int32 = 0) -> (Int, Int) { pair { sys(SYS_pipe2, $0, Int(flags)) } }

/// Forks; the child runs `body` and exits with its result.
public func child(_ body: () -> Int32) -> Int {
    let pid = ts_fork()
    if pid == 0 {
        let status = body()
        sys(SYS_exit_group, Int(status))
    }
    return Int(pid)
}

/// Waits for a child and says how it ended.
public func reap(_ pid: Int, _ options: Int32 = 0) -> String {
    let status = Buffer(4)
    let result = sys(SYS_wait4, pid, status.address, Int(options), 0)
    return result < 0 ? outcome(result) : result == 0 ? "nothing" : ending(Int(status.load(Int32.self, at: 0)))
}

/// A wait status in words.
public func ending(_ status: Int) -> String {
    if status == 0xffff { return "continued" }
    if status & 0xff == 0x7f { return "stopped by \(status >> 8)" }
    if status & 0x7f != 0 { return "signal \(status & 0x7f)" }
    return "exit \(status >> 8 & 0xff)"
}

/// Sleeps, uninterrupted.
public func pause(milliseconds: Int) {
    var time = (milliseconds / 1000, milliseconds % 1000 * 1_000_000)
    withUnsafeMutablePointer(to: &time) { place in
        while sys(SYS_nanosleep, Int(bitPattern: place), Int(bitPattern: place)) == -Int(EINTR) {}
    }
}

/// A clock in nanoseconds. It takes no memory that stays.
public func now(_ id: Int32 = CLOCK_MONOTONIC) -> Int {
    var time = (0, 0)
    withUnsafeMutablePointer(to: &time) { _ = sys(SYS_clock_gettime, Int(id), Int(bitPattern: $0)) }
    return time.0 * 1_000_000_000 + time.1
}

/// Polls one descriptor; answers with its events, or -1 - errno.
public func pollEvents(_ fd: Int, _ events: Int32, milliseconds: Int = 0) -> Int {
    let entry = Buffer(8)
    entry.store(Int32(fd), at: 0)
    entry.store(Int16(events), at: 4)
    let result = sys(SYS_poll, entry.address, 1, milliseconds)
    return result < 0 ? result : Int(entry.load(Int16.self, at: 6))
}

/// A memory page that no access may touch, for EFAULT.
public func forbiddenPage() -> Int {
    sys(SYS_mmap, 0, 4096, Int(PROT_NONE), Int(MAP_PRIVATE | MAP_ANONYMOUS), -1, 0)
}

/// Anonymous private memory.
public func anonymous(_ length: Int, _ protection: Int32 = PROT_READ | PROT_WRITE, _ flags: Int32 = MAP_PRIVATE) -> Int {
    sys(SYS_mmap, 0, length, Int(protection), Int(flags | MAP_ANONYMOUS), -1, 0)
}

public func pointer(_ address: Int) -> UnsafeMutableRawPointer { UnsafeMutableRawPointer(bitPattern: address)! }
public func byte(_ address: Int) -> UInt8 { pointer(address).load(as: UInt8.self) }
public func setByte(_ address: Int, _ value: UInt8) { pointer(address).storeBytes(of: value, as: UInt8.self) }
