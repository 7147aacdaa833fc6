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
            var buffer = try TransferBuffer(user: a.address(1), count: a.count(2))
            return try file.readDirectory(&buffer)
        }
        table.set(.ioctl, ioctl)
        table.set(.sendfile, sendfile)
        table.set(.copyFileRange, copyFileRange)
        table.set(.getrandom, getrandom)
    }

    // MARK: Look-up

    /// The file behind a descriptor; O_PATH descriptors do not count.
    @inline(__always)
    static func file(_ descriptor: Int32) throws(Errno) -> OpenFile {
        let file = try FileContext.current.descriptors.file(descriptor)
        if file.flags.contains(.path) { throw .badDescriptor }
        return file
    }

    @inline(__always)
    static func readable(_ descriptor: Int32) throws(Errno) -> OpenFile {
        let file = try FileContext.current.descriptors.file(descriptor)
        if !file.flags.isReadable { throw .badDescriptor }
        return file
    }

    @inline(__always)
    static func writable(_ descriptor: Int32) throws(Errno) -> OpenFile {
        let file = try FileContext.current.descriptors.file(descriptor)
        if !file.flags.isWritable || file.flags.contains(.path) { throw .badDescriptor }
        return file
    }

    /// The memory that an array of `iovec` describes.
    static func vector(_ address: UserAddress, _ count: UInt32) throws(Errno) -> TransferBuffer {
        guard count <= 1024 else { throw .invalidArgument }
        var segments: [TransferBuffer.Segment] = []
        segments.reserveCapacity(Int(count))
        for index in 0..<Int(count) {
            segments.append(try copyIn(TransferBuffer.Segment.self, from: address + index * MemoryLayout<TransferBuffer.Segment>.stride))
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
        var buffer = try TransferBuffer(user: a.address(1), count: a.count(2))
        return try file.read(&buffer)
    }

    private static func write(_ a: SyscallArguments) throws(Errno) -> Int {
        let file = try writable(a.fd(0))
        var buffer = try TransferBuffer(user: a.address(1), count: a.count(2))
        return try file.write(&buffer)
    }

    private static func pread(_ a: SyscallArguments) throws(Errno) -> Int {
        guard a.int(3) >= 0 else { throw .invalidArgument }
        let file = try readable(a.fd(0))
        var buffer = try TransferBuffer(user: a.address(1), count: a.count(2))
        return try file.read(&buffer, at: a.raw(3))
    }

    private static func pwrite(_ a: SyscallArguments) throws(Errno) -> Int {
        guard a.int(3) >= 0 else { throw .invalidArgument }
        let file = try writable(a.fd(0))
        var buffer = try TransferBuffer(user: a.address(1), count: a.count(2))
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

    // MARK: Copies between files

    private static let copyBlock = 64 * 1024

    /// Copies through a block of kernel memory until `count` bytes are done, the source ends or the target is full.
    private static func copy(
        _ count: Int, read: (inout TransferBuffer, Int) throws(Errno) -> Int, write: (inout TransferBuffer, Int) throws(Errno) -> Int
    ) throws(Errno) -> Int {
        let block = UnsafeMutableRawBufferPointer.allocate(byteCount: min(copyBlock, max(count, 1)), alignment: 16)
        defer { block.deallocate() }
        var done = 0
        while done < count {
            var source = TransferBuffer(kernel: UnsafeMutableRawBufferPointer(rebasing: block[0..<min(block.count, count - done)]))
            var filled = 0
            do throws(Errno) { filled = try read(&source, done) } catch {
                if done > 0 { return done }
                throw error
            }
            if filled == 0 { return done }
            var target = TransferBuffer(kernel: UnsafeMutableRawBufferPointer(rebasing: block[0..<filled]))
            do throws(Errno) {
                let written = try write(&target, done)
                done += written
                if written < filled { return done }
            } catch {
                if done > 0 { return done }
                throw error
            }
        }
        return done
    }

    private static func sendfile(_ a: SyscallArguments) throws(Errno) -> Int {
        let output = try writable(a.fd(0))
        let input = try readable(a.fd(1))
        if a.address(2).isNull {
            return try copy(a.count(3)) { (buffer, _) throws(Errno) in try input.read(&buffer) } write: { (buffer, _) throws(Errno) in
                try output.write(&buffer)
            }
        }
        let start = try copyIn(UInt64.self, from: a.address(2))
        guard start <= UInt64(Int64.max) else { throw .invalidArgument }
        let done = try copy(a.count(3)) { (buffer, offset) throws(Errno) in
            try input.read(&buffer, at: start + UInt64(offset))
        } write: { (buffer, _) throws(Errno) in
            try output.write(&buffer)
        }
        try copyOut(start + UInt64(done), to: a.address(2))
        return done
    }

    private static func copyFileRange(_ a: SyscallArguments) throws(Errno) -> Int {
        guard a.uint32(5) == 0 else { throw .invalidArgument }
        let input = try readable(a.fd(0))
        let output = try writable(a.fd(2))
        if input.inode?.kind == .directory || output.inode?.kind == .directory { throw .isDirectory }
        guard input.inode?.kind == .regular, output.inode?.kind == .regular else { throw .invalidArgument }
        if output.flags.contains(.append) { throw .badDescriptor }
        let from: UInt64? = a.address(1).isNull ? nil : try copyIn(UInt64.self, from: a.address(1))
        let to: UInt64? = a.address(3).isNull ? nil : try copyIn(UInt64.self, from: a.address(3))
        let done = try copy(a.count(4)) { (buffer, offset) throws(Errno) in
            if let from { return try input.read(&buffer, at: from + UInt64(offset)) }
            return try input.read(&buffer)
        } write: { (buffer, offset) throws(Errno) in
            if let to { return try output.write(&buffer, at: to + UInt64(offset)) }
            return try output.write(&buffer)
        }
        if let from { try copyOut(from + UInt64(done), to: a.address(1)) }
        if let to { try copyOut(to + UInt64(done), to: a.address(3)) }
        return done
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
