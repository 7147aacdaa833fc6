import ABI
import Support
import VirtualMemory

/// An executable file whose headers have been checked. Nothing in the file is trusted: whatever later steps use was validated
/// here, once.
public struct ElfImage {
    let file: PageCache
    let header: ElfHeader
    /// PT_LOAD headers, ascending.
    let segments: [ElfProgramHeader]
    /// Where the program headers are in memory, before the load bias; 0 when no segment contains them.
    let programHeadersAddress: UInt64
    /// The path in PT_INTERP, without its terminator.
    public let interpreterPath: [UInt8]?
    let hasExecutableStack: Bool
    /// The segments can be mapped. Linux looks at them only when the old program is gone, so this is not an error of exec.
    let isLoadable: Bool

    /// The lowest and the highest address of the segments, page aligned, before the load bias.
    let lowest: UInt64
    let highest: UInt64

    public var isPositionIndependent: Bool { header.type == ElfHeader.typeShared }

    /// The most program headers that are read.
    static let maximumHeaderCount = 1024

    /// Reads and checks the headers of a file.
    /// - Throws: `badExecutable` for anything that is not a sound ELF-64 program for this processor; `ioError`.
    public init(reading file: PageCache) throws(Errno) {
        self.file = file
        let header = try Self.read(ElfHeader.self, file, 0)
        // Like Linux, by the machine: it says what class and encoding would say.
        guard header.magic == ElfHeader.magicNumber,
            header.machine == ElfHeader.machineX86_64,
            header.type == ElfHeader.typeExecutable || header.type == ElfHeader.typeShared,
            Int(header.programHeaderSize) == MemoryLayout<ElfProgramHeader>.size,
            header.programHeaderCount >= 1, Int(header.programHeaderCount) <= Self.maximumHeaderCount
        else { throw .badExecutable }
        self.header = header

        var segments: [ElfProgramHeader] = []
        var interpreter: [UInt8]?
        var headersAddress: UInt64 = 0
        var executableStack = false
        var isLoadable = true
        let headers = try Self.readProgramHeaders(header, file)
        for program in headers {
            switch program.type {
            case ElfProgramHeader.load:
                if program.memoryByteCount == 0 { continue }
                if !Self.isSound(program, after: segments.last) { isLoadable = false }
                segments.append(program)
            case ElfProgramHeader.interpreter where interpreter == nil:
                interpreter = try Self.readInterpreterPath(program, file)
            case ElfProgramHeader.gnuStack:
                executableStack = program.flags & ElfProgramHeader.executable != 0
            default: continue
            }
        }
        if let first = segments.first, let last = segments.last, isLoadable {
            lowest = pageRoundDown(first.address)
            highest = pageRoundUp(last.address + last.memoryByteCount)
        } else {
            isLoadable = false
            lowest = 0
            highest = 0
        }
        self.isLoadable = isLoadable
        let headersEnd = header.programHeaderOffset &+ UInt64(headers.count * MemoryLayout<ElfProgramHeader>.size)
        for segment in segments
        where isLoadable && header.programHeaderOffset >= segment.offset && headersEnd <= segment.offset + segment.fileByteCount {
            headersAddress = segment.address + (header.programHeaderOffset - segment.offset)
            break
        }
        self.segments = segments
        interpreterPath = interpreter
        programHeadersAddress = headersAddress
        hasExecutableStack = executableStack
    }

    private static func isSound(_ segment: ElfProgramHeader, after previous: ElfProgramHeader?) -> Bool {
        guard segment.fileByteCount <= segment.memoryByteCount,
            segment.address < UserAddress.limit, segment.memoryByteCount <= UserAddress.limit - segment.address,
            segment.offset <= UInt64(Int64.max) - segment.fileByteCount - 4096,
            // Pages of the file are mapped as they are: address and offset must agree within a page.
            segment.address & 4095 == segment.offset & 4095
        else { return false }
        if let previous, segment.address < previous.address &+ previous.memoryByteCount { return false }
        return true
    }

    private static func read<T: BitwiseCopyable>(_ type: T.Type, _ file: PageCache, _ offset: UInt64) throws(Errno) -> T {
        let bytes = try readBytes(file, offset, MemoryLayout<T>.size)
        return bytes.withUnsafeBytes { $0.loadUnaligned(as: T.self) }
    }

    private static func readProgramHeaders(_ header: ElfHeader, _ file: PageCache) throws(Errno) -> [ElfProgramHeader] {
        let size = MemoryLayout<ElfProgramHeader>.size
        let count = Int(header.programHeaderCount)
        let bytes = try readBytes(file, header.programHeaderOffset, count * size)
        var result: [ElfProgramHeader] = []
        result.reserveCapacity(count)
        bytes.withUnsafeBytes { raw in
            for index in 0..<count {
                result.append(raw.loadUnaligned(fromByteOffset: index * size, as: ElfProgramHeader.self))
            }
        }
        return result
    }

    private static func readInterpreterPath(_ program: ElfProgramHeader, _ file: PageCache) throws(Errno) -> [UInt8] {
        guard program.fileByteCount >= 2, program.fileByteCount <= 4096 else { throw .badExecutable }
        var path = try readBytes(file, program.offset, Int(program.fileByteCount))
        guard path.popLast() == 0, !path.contains(0) else { throw .badExecutable }
        return path
    }

    /// Exactly `count` bytes: a file that ends earlier is no program.
    static func readBytes(_ file: PageCache, _ offset: UInt64, _ count: Int) throws(Errno) -> [UInt8] {
        var failure: Errno?
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { memory, initialized in
            var buffer = TransferBuffer(kernel: UnsafeMutableRawBufferPointer(memory))
            do throws(Errno) { initialized = try file.read(&buffer, at: offset) } catch { failure = error }
        }
        if let failure { throw failure }
        guard bytes.count == count else { throw .badExecutable }
        return bytes
    }
}
