import ABI
import Files
import Processes
import Support

/// Copies from file to file inside the kernel: sendfile and copy_file_range.
public enum CopyCalls {
    public static func register(_ table: inout SyscallTable) {
        table.set(.sendfile, sendfile)
        table.set(.copyFileRange, copyFileRange)
    }

    private static let block = 64 * 1024

    /// Copies through a block of kernel memory until `count` bytes are done, the source ends or the target is full.
    private static func copy(
        _ count: Int, read: (inout TransferBuffer, Int) throws(Errno) -> Int,
        write: (inout TransferBuffer, Int) throws(Errno) -> Int
    ) throws(Errno) -> Int {
        let block = UnsafeMutableRawBufferPointer.allocate(byteCount: min(block, max(count, 1)), alignment: 16)
        defer { block.deallocate() }
        var done = 0
        while done < count {
            // Large copies take long: whoever wants the process to stop does not wait for their end.
            if done > 0, UserThread.current.hasPendingSignal { return done }
            var source = TransferBuffer(
                kernel: UnsafeMutableRawBufferPointer(rebasing: block[0..<min(block.count, count - done)]))
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

    // MARK: sendfile

    private static func sendfile(_ a: SyscallArguments) throws(Errno) -> Int {
        let offset: UInt64? = a.address(2).isNull ? nil : try copyIn(UInt64.self, from: a.address(2))
        let input = try FileCalls.readable(a.fd(1))
        // The source is read again from where the target stopped: it must have positions.
        let isFolder = input.inode?.kind == .directory
        if offset != nil, !hasPositions(input) { throw .illegalSeek }
        if let offset, offset > UInt64(Int64.max) || a.int(3) < 0 { throw .invalidArgument }
        if a.int(3) < 0 { throw .invalidArgument }
        let output = try FileCalls.writable(a.fd(0))
        if isFolder || !hasPositions(input) || output.flags.contains(.append) { throw .invalidArgument }
        guard let start = offset else {
            return try copy(a.count(3)) { (buffer, _) throws(Errno) in
                try input.read(&buffer)
            } write: { (buffer, _) throws(Errno) in
                try output.write(&buffer)
            }
        }
        let done = try copy(a.count(3)) { (buffer, offset) throws(Errno) in
            try input.read(&buffer, at: start + UInt64(offset))
        } write: { (buffer, _) throws(Errno) in
            try output.write(&buffer)
        }
        try copyOut(start + UInt64(done), to: a.address(2))
        return done
    }

    /// Whether a file can be read at a position: asking for the present one tells.
    private static func hasPositions(_ file: OpenFile) -> Bool {
        guard file.inode != nil else { return false }
        do throws(Errno) { return try file.seek(0, whence: 1) >= 0 } catch { return false }
    }

    // MARK: copy_file_range

    private static func copyFileRange(_ a: SyscallArguments) throws(Errno) -> Int {
        let input = try FileCalls.file(a.fd(0))
        let output = try FileCalls.file(a.fd(2))
        let from: UInt64? = a.address(1).isNull ? nil : try copyIn(UInt64.self, from: a.address(1))
        let to: UInt64? = a.address(3).isNull ? nil : try copyIn(UInt64.self, from: a.address(3))
        guard a.uint32(5) == 0 else { throw .invalidArgument }
        if input.inode?.kind == .directory || output.inode?.kind == .directory { throw .isDirectory }
        guard let source = input.inode, let target = output.inode, source.kind == .regular, target.kind == .regular else {
            throw .invalidArgument
        }
        if !input.flags.isReadable || !output.flags.isWritable || output.flags.contains(.append) { throw .badDescriptor }
        if source.fileSystem !== target.fileSystem { throw .crossDevice }
        let start = from == nil ? try position(input) : from!
        let end = to == nil ? try position(output) : to!
        let count = try checkedCount(a.raw(4), from: start, of: source, to: end, of: target)
        if count == 0 { return 0 }
        let done = try copy(count) { (buffer, offset) throws(Errno) in
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

    private static func position(_ file: OpenFile) throws(Errno) -> UInt64 { UInt64(try file.seek(0, whence: 1)) }

    /// How much of a range there is to copy.
    /// - Throws: `overflow` and `invalidArgument` for impossible positions; `invalidArgument` when source and target overlap.
    private static func checkedCount(
        _ count: UInt64, from: UInt64, of source: Inode, to: UInt64, of target: Inode
    ) throws(Errno) -> Int {
        if from.addingReportingOverflow(count).overflow || to.addingReportingOverflow(count).overflow { throw .overflow }
        let size = source.byteCount
        let count = from < size ? min(count, size - from) : 0
        if count > 0, to <= UInt64(Int64.max) { try FileSizeLimit.checkStart(to, for: FileSizeLimit.current) }
        if source === target, to + count > from, to < from + count { throw .invalidArgument }
        if from > UInt64(Int64.max) || to > UInt64(Int64.max) { throw .invalidArgument }
        return Int(min(count, UInt64(TransferBuffer.limit)))
    }
}
