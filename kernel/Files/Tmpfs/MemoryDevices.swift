import ABI
import Files
import Support
import VirtualMemory

/// The character devices of major 1: null, zero, full, random, urandom and kmsg.
public enum MemoryDevices {
    private static let major: UInt32 = 1

    public static func register() {
        DeviceRegistry.registerCharacter(major: major, minor: 3, name: "null", mode: 0o666, opener: Opener(.null))
        DeviceRegistry.registerCharacter(major: major, minor: 5, name: "zero", mode: 0o666, opener: Opener(.zero))
        DeviceRegistry.registerCharacter(major: major, minor: 7, name: "full", mode: 0o666, opener: Opener(.full))
        DeviceRegistry.registerCharacter(major: major, minor: 8, name: "random", mode: 0o666, opener: Opener(.random))
        DeviceRegistry.registerCharacter(major: major, minor: 9, name: "urandom", mode: 0o666, opener: Opener(.random))
        DeviceRegistry.registerCharacter(major: major, minor: 11, name: "kmsg", mode: 0o644, opener: Opener(.log))
    }

    enum Kind { case null, zero, full, random, log }

    final class Opener: DeviceOpener {
        private let kind: Kind
        init(_ kind: Kind) { self.kind = kind }
        override func open(flags: OpenFlags, inode: Inode, path: PathNode?) throws(Errno) -> OpenFile {
            kind == .log
                ? LogFile(flags: flags, inode: inode, path: path) : MemoryDeviceFile(kind, flags: flags, inode: inode, path: path)
        }
    }
}

/// An open null, zero, full or random device. None of them has a position.
final class MemoryDeviceFile: OpenFile {
    private let kind: MemoryDevices.Kind

    init(_ kind: MemoryDevices.Kind, flags: OpenFlags, inode: Inode, path: PathNode?) {
        self.kind = kind
        super.init(flags: flags, inode: inode, path: path)
    }

    override func read(_ buffer: inout TransferBuffer) throws(Errno) -> Int {
        switch kind {
        case .null, .log: return 0
        case .zero, .full: return try buffer.fillZeros(count: buffer.remaining)
        case .random: return try fillRandom(&buffer)
        }
    }

    private func fillRandom(_ buffer: inout TransferBuffer) throws(Errno) -> Int {
        // In pieces, so that no large copy of secret bytes lies around.
        let outcome: Result<Int, Errno> = withUnsafeTemporaryAllocation(byteCount: 256, alignment: 8) { raw in
            var total = 0
            do throws(Errno) {
                while buffer.remaining > 0 {
                    let count = min(buffer.remaining, raw.count)
                    KernelRandom.fill(UnsafeMutableRawBufferPointer(rebasing: raw[0..<count]))
                    let moved = try buffer.fill(from: raw.baseAddress!, count: count)
                    total += moved
                    if moved < count { break }
                }
            } catch {
                if total == 0 { return .failure(error) }
            }
            raw.initializeMemory(as: UInt8.self, repeating: 0)
            return .success(total)
        }
        return try outcome.get()
    }

    override func write(_ buffer: inout TransferBuffer) throws(Errno) -> Int {
        switch kind {
        case .full: throw .noSpace
        case .random: return try addEntropy(&buffer)
        default: return buffer.remaining
        }
    }

    private func addEntropy(_ buffer: inout TransferBuffer) throws(Errno) -> Int {
        let count = buffer.remaining
        var word: UInt64 = 0
        while buffer.remaining > 0 {
            guard try buffer.drain(into: &word, count: 8) > 0 else { break }
            KernelRandom.add(entropy: word)
        }
        return count - buffer.remaining
    }

    override func read(_ buffer: inout TransferBuffer, at offset: UInt64) throws(Errno) -> Int { try read(&buffer) }
    override func write(_ buffer: inout TransferBuffer, at offset: UInt64) throws(Errno) -> Int { try write(&buffer) }
    override func seek(_ offset: Int64, whence: Int32) throws(Errno) -> Int64 { 0 }

    override func memoryObject(offset: UInt64, length: UInt64, shared: Bool, writable: Bool) throws(Errno) -> MemoryObject {
        // Mapping /dev/zero is how anonymous memory used to be made.
        guard kind == .zero else { throw .noDevice }
        return PageCache(byteCount: offset &+ length)
    }
}

/// An open /dev/kmsg: reads give the kernel's log, each write adds a line to it.
final class LogFile: OpenFile {
    /// Bytes of the log that were read or skipped.
    private let position = SpinLock<UInt64>(0)
    private static let lineLimit = 1024

    override init(flags: OpenFlags, inode: Inode?, path: PathNode?) { super.init(flags: flags, inode: inode, path: path) }

    override func read(_ buffer: inout TransferBuffer) throws(Errno) -> Int {
        var start = position.withLock { $0 }
        let outcome: Result<Int, Errno> = withUnsafeTemporaryAllocation(byteCount: 1024, alignment: 8) { raw in
            let limit = min(buffer.remaining, raw.count)
            let count = Log.read(position: &start, into: UnsafeMutableRawBufferPointer(rebasing: raw[0..<limit]))
            if count == 0 { return .success(0) }
            do throws(Errno) { return .success(try buffer.fill(from: raw.baseAddress!, count: count)) } catch {
                return .failure(error)
            }
        }
        let count = try outcome.get()
        position.withLock { $0 = start }
        return count
    }

    override func write(_ buffer: inout TransferBuffer) throws(Errno) -> Int {
        let total = buffer.remaining
        guard total <= Self.lineLimit else { throw .invalidArgument }
        var line = [UInt8](repeating: 0, count: total)
        let outcome: Result<Int, Errno> = line.withUnsafeMutableBytes { bytes in
            guard let base = bytes.baseAddress else { return .success(0) }
            do throws(Errno) { return .success(try buffer.drain(into: base, count: total)) } catch { return .failure(error) }
        }
        guard try outcome.get() == total else { throw .badAddress }
        let (level, start) = Self.level(line)
        var end = line.count
        while end > start, line[end - 1] == UInt8(ascii: "\n") || line[end - 1] == 0 { end -= 1 }
        Log.write(level, String(decoding: line[start..<end], as: UTF8.self))
        return total
    }

    /// Reads the `<N>` that syslog writers put before the text; its low 3 bits are the level.
    private static func level(_ line: [UInt8]) -> (LogLevel, textStart: Int) {
        guard line.first == UInt8(ascii: "<") else { return (.warning, 0) }
        var value = 0
        var index = 1
        while index < line.count, index < 5, line[index] >= UInt8(ascii: "0"), line[index] <= UInt8(ascii: "9") {
            value = value * 10 + Int(line[index] - UInt8(ascii: "0"))
            index += 1
        }
        guard index > 1, index < line.count, line[index] == UInt8(ascii: ">") else { return (.warning, 0) }
        return (LogLevel(rawValue: UInt8(value & 7)) ?? .warning, index + 1)
    }

    override func seek(_ offset: Int64, whence: Int32) throws(Errno) -> Int64 {
        guard offset == 0 else { throw .illegalSeek }
        switch whence {
        case 0: position.withLock { $0 = 0 }
        case 2:
            // Reading nothing from past the end tells where the end is.
            var end = UInt64.max
            _ = Log.read(position: &end, into: UnsafeMutableRawBufferPointer(start: nil, count: 0))
            let start = end
            position.withLock { $0 = start }
        default: throw .invalidArgument
        }
        return 0
    }
}
