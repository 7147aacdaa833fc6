import ABI
import Files
import Processes
import Support

/// Opening, closing, reading and writing.
public enum FileCalls {
    public static func register(_ table: inout SyscallTable) {
        table.set(.open) { (a) throws(Errno) in try open(AtFlags.workingFolder, a.address(0), a.uint32(1), a.uint32(2)) }
        table.set(.openat) { (a) throws(Errno) in try open(a.fd(0), a.address(1), a.uint32(2), a.uint32(3)) }
        table.set(.creat) { (a) throws(Errno) in try open(AtFlags.workingFolder, a.address(0), 0o1101, a.uint32(1)) }
        table.set(.close) { (a) throws(Errno) in
            try FileContext.current.descriptors.close(a.fd(0))
            return 0
        }
        table.set(.closeRange, closeRange)
        table.set(.read, read)
        table.set(.write, write)
        table.set(.pread64, pread)
        table.set(.pwrite64, pwrite)
        table.set(.readv) { (a) throws(Errno) in
            let file = try readable(a.fd(0))
            var buffer = try vector(a.address(1), a.uint32(2))
            return try file.read(&buffer)
        }
        table.set(.writev) { (a) throws(Errno) in
            let file = try writable(a.fd(0))
            var buffer = try vector(a.address(1), a.uint32(2))
            return try file.write(&buffer)
        }
        table.set(.preadv) { (a) throws(Errno) in
            guard a.int(3) >= 0 else { throw .invalidArgument }
            let file = try readable(a.fd(0))
            var buffer = try vector(a.address(1), a.uint32(2))
            return try file.read(&buffer, at: a.raw(3))
        }
        table.set(.pwritev) { (a) throws(Errno) in
            guard a.int(3) >= 0 else { throw .invalidArgument }
            let file = try writable(a.fd(0))
            var buffer = try vector(a.address(1), a.uint32(2))
            return try file.write(&buffer, at: a.raw(3))
        }
        table.set(.lseek) { (a) throws(Errno) in
            guard a.uint32(2) <= 4 else { throw .invalidArgument }
            return Int(try file(a.fd(0)).seek(Int64(bitPattern: a.raw(1)), whence: a.int32(2)))
        }
        table.set(.getdents64) { (a) throws(Errno) in
            let file = try file(a.fd(0))
            var buffer = try TransferBuffer(user: a.address(1), count: Int(a.uint32(2)))
            return try file.readDirectory(&buffer)
        }
        table.set(.ioctl, ioctl)
        table.set(.getrandom, getrandom)
    }

    // MARK: Look-up

    /// The file behind a descriptor; O_PATH descriptors do not count.
    @inline(__always)
    static func file(_ descriptor: Int32) throws(Errno) -> OpenFile {
        let file = try FileContext.file(descriptor)
        if file.flags.contains(.path) { throw .badDescriptor }
        return file
    }

    @inline(__always)
    static func readable(_ descriptor: Int32) throws(Errno) -> OpenFile {
        let file = try FileContext.file(descriptor)
        if !file.flags.isReadable { throw .badDescriptor }
        return file
    }

    @inline(__always)
    static func writable(_ descriptor: Int32) throws(Errno) -> OpenFile {
        let file = try FileContext.file(descriptor)
        if !file.flags.isWritable || file.flags.contains(.path) { throw .badDescriptor }
        return file
    }

    /// The memory that an array of `iovec` describes.
    static func vector(_ address: UserAddress, _ count: UInt32) throws(Errno) -> TransferBuffer {
        guard count <= 1024 else { throw .invalidArgument }
        var segments: [TransferBuffer.Segment] = []
        segments.reserveCapacity(Int(count))
        for index in 0..<Int(count) {
            segments.append(
                try copyIn(TransferBuffer.Segment.self, from: address + index * MemoryLayout<TransferBuffer.Segment>.stride))
        }
        return try TransferBuffer(user: segments)
    }

    // MARK: Opening and closing

    /// Every flag that open knows; the others are ignored, as on Linux.
    private static let knownFlags: UInt32 = 0o37777703

    private static func open(_ folder: Int32, _ address: UserAddress, _ rawFlags: UInt32, _ mode: UInt32) throws(Errno) -> Int {
        var flags = OpenFlags(rawValue: rawFlags & knownFlags)
        flags.insert(.largeFile)
        let path = try UserPath.read(address)
        let context = FileContext.current
        let origin = try UserPath.origin(folder, path)
        let file = try UserPath.with(path) { (bytes) throws(Errno) in
            try PathOperations.open(bytes, origin, flags: flags, permissions: mode & 0o7777 & ~context.umask)
        }
        return Int(try context.descriptors.insert(file, closeOnExec: flags.contains(.closeOnExec), limit: descriptorLimit))
    }

    private static func closeRange(_ a: SyscallArguments) throws(Errno) -> Int {
        let flags = a.uint32(2)
        guard flags & ~6 == 0, a.uint32(0) <= a.uint32(1) else { throw .invalidArgument }
        let descriptors = FileContext.current.descriptors
        if flags & 4 != 0 {
            descriptors.setCloseOnExec(from: a.uint32(0), through: a.uint32(1))
        } else {
            descriptors.close(from: a.uint32(0), through: a.uint32(1))
        }
        return 0
    }

    // MARK: Transfers

    private static func read(_ a: SyscallArguments) throws(Errno) -> Int {
        let file = try readable(a.fd(0))
        var buffer = try TransferBuffer(user: a.address(1), count: a.int(2))
        return try file.read(&buffer)
    }

    private static func write(_ a: SyscallArguments) throws(Errno) -> Int {
        let file = try writable(a.fd(0))
        var buffer = try TransferBuffer(user: a.address(1), count: a.int(2))
        return try file.write(&buffer)
    }

    private static func pread(_ a: SyscallArguments) throws(Errno) -> Int {
        guard a.int(3) >= 0 else { throw .invalidArgument }
        let file = try readable(a.fd(0))
        var buffer = try TransferBuffer(user: a.address(1), count: a.int(2))
        return try file.read(&buffer, at: a.raw(3))
    }

    private static func pwrite(_ a: SyscallArguments) throws(Errno) -> Int {
        guard a.int(3) >= 0 else { throw .invalidArgument }
        let file = try writable(a.fd(0))
        var buffer = try TransferBuffer(user: a.address(1), count: a.int(2))
        return try file.write(&buffer, at: a.raw(3))
    }

    /// FIONBIO, FIOCLEX and FIONCLEX work on every file; the rest is the file's own.
    private static func ioctl(_ a: SyscallArguments) throws(Errno) -> Int {
        let file = try file(a.fd(0))
        switch a.uint32(1) {
        case 0x5421:
            let isOn = try copyIn(Int32.self, from: a.address(2)) != 0
            if isOn { file.flags.insert(.nonBlocking) } else { file.flags.remove(.nonBlocking) }
            return 0
        case 0x5450:
            try FileContext.current.descriptors.setCloseOnExec(a.fd(0), false)
            return 0
        case 0x5451:
            try FileContext.current.descriptors.setCloseOnExec(a.fd(0), true)
            return 0
        default:
            return try file.control(a.uint32(1), a.raw(2))
        }
    }

    private static func getrandom(_ a: SyscallArguments) throws(Errno) -> Int {
        guard a.uint32(2) & ~7 == 0, a.uint32(2) & 6 != 6 else { throw .invalidArgument }
        var buffer = try TransferBuffer(user: a.address(0), count: a.count(1))
        let block = UnsafeMutableRawBufferPointer.allocate(byteCount: 256, alignment: 8)
        defer { block.deallocate() }
        while buffer.remaining > 0 {
            KernelRandom.fill(block)
            let wanted = min(buffer.remaining, block.count)
            if try buffer.fill(from: block.baseAddress!, count: wanted) < wanted { break }
        }
        return buffer.transferred
    }
}
