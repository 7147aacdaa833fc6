import ABI
import Support
import VirtualMemory

/// What the loader made of a program.
public struct LoadedProgram: Sendable {
    /// Where the first instruction is: in the interpreter if there is one.
    public var entry: UInt64
    /// The program's own entry (AT_ENTRY).
    public var programEntry: UInt64
    public var programHeaders: UInt64
    public var programHeaderCount: UInt64
    /// Where the interpreter was loaded (AT_BASE); 0 without one.
    public var interpreterBase: UInt64
    /// Where the kernel's shared object is (AT_SYSINFO_EHDR); 0 without one.
    public var sharedObject: UInt64
    public var hasExecutableStack: Bool
    /// The end of the program's data, where the heap of `brk` begins.
    public var dataEnd: UInt64
}

/// Maps programs into address spaces.
public enum ProgramLoader {
    /// Maps a program, and its interpreter if it has one, into a fresh address space, and sets the start of the heap.
    /// - Parameter interpreter: the image that `program.interpreterPath` names.
    /// - Throws: `unloadableProgram`, whatever the reason: exec cannot go back from here.
    public static func load(_ program: ElfImage, interpreter: ElfImage?, into space: AddressSpace) throws(Errno) -> LoadedProgram
    {
        do throws(Errno) {
            return try mapAll(program, interpreter, into: space)
        } catch {
            throw .unloadableProgram
        }
    }

    private static func mapAll(_ program: ElfImage, _ interpreter: ElfImage?, into space: AddressSpace) throws(Errno)
        -> LoadedProgram
    {
        guard program.isLoadable, interpreter?.isLoadable ?? true else { throw .badExecutable }
        var bias: UInt64 = 0
        if program.isPositionIndependent {
            let alignment = program.alignment
            let base = (space.layout.programBase + alignment - 1) & ~(alignment - 1)
            bias = base &- program.lowest
        }
        try map(program, into: space, bias: bias)
        var entry = program.header.entry &+ bias
        let programEntry = entry
        guard entry < UserAddress.limit else { throw .badExecutable }
        var interpreterBase: UInt64 = 0
        if let interpreter {
            guard interpreter.isPositionIndependent else { throw .badExecutable }
            interpreterBase = try reserve(interpreter, in: space)
            let interpreterBias = interpreterBase &- interpreter.lowest
            try map(interpreter, into: space, bias: interpreterBias)
            entry = interpreter.header.entry &+ interpreterBias
            guard entry < UserAddress.limit else { throw .badExecutable }
        }
        let dataEnd = program.highest &+ bias
        space.setBreakStart(dataEnd)
        return LoadedProgram(
            entry: entry, programEntry: programEntry,
            programHeaders: program.programHeadersAddress == 0 ? 0 : program.programHeadersAddress &+ bias,
            programHeaderCount: UInt64(program.header.programHeaderCount), interpreterBase: interpreterBase,
            sharedObject: try SharedObject.map(into: space),
            hasExecutableStack: program.hasExecutableStack, dataEnd: dataEnd)
    }

    /// Finds room for an image among the mappings.
    private static func reserve(_ image: ElfImage, in space: AddressSpace) throws(Errno) -> UInt64 {
        let length = image.highest - image.lowest
        let alignment = image.alignment
        let request = MapRequest(byteCount: length + alignment - 4096, protection: [])
        let start = try space.map(request)
        let base = (start + alignment - 1) & ~(alignment - 1)
        // The segments are mapped over it; what is left of the alignment goes.
        if base > start { try space.unmap(start, byteCount: base - start) }
        let end = start + request.byteCount
        if end > base + length { try space.unmap(base + length, byteCount: end - base - length) }
        return base
    }

    private static func map(_ image: ElfImage, into space: AddressSpace, bias: UInt64) throws(Errno) {
        guard image.highest &+ bias <= UserAddress.limit, image.highest &+ bias >= image.lowest &+ bias else {
            throw .badExecutable
        }
        for segment in image.segments {
            do throws(Errno) {
                try map(segment, of: image.file, into: space, bias: bias)
            } catch {
                // Addresses that mmap would refuse make a bad program, not a missing permission.
                throw error == .notPermitted || error == .invalidArgument ? .badExecutable : error
            }
        }
    }

    private static func map(_ segment: ElfProgramHeader, of file: PageCache, into space: AddressSpace, bias: UInt64) throws(Errno)
    {
        var protection: Protection = []
        if segment.flags & ElfProgramHeader.readable != 0 { protection.insert(.read) }
        if segment.flags & ElfProgramHeader.writable != 0 { protection.insert(.write) }
        if segment.flags & ElfProgramHeader.executable != 0 { protection.insert(.execute) }
        let start = segment.address &+ bias
        let first = pageRoundDown(start)
        let fileEnd = start + segment.fileByteCount
        let memoryEnd = start + segment.memoryByteCount
        var zeroStart = first
        if segment.fileByteCount > 0 {
            var request = MapRequest(byteCount: fileEnd - first, protection: protection)
            request.placement = .fixed(first)
            request.object = file
            request.offset = pageRoundDown(segment.offset)
            _ = try space.map(request)
            zeroStart = pageRoundUp(fileEnd)
            // The rest of the last page belongs to the zeroed part, where the segment is one that has such a part.
            if memoryEnd > fileEnd, fileEnd & 4095 != 0, protection.contains(.write) {
                try space.writeZeros(Int(zeroStart - fileEnd), at: fileEnd)
            }
        }
        if pageRoundUp(memoryEnd) > zeroStart {
            var request = MapRequest(byteCount: pageRoundUp(memoryEnd) - zeroStart, protection: protection)
            request.placement = .fixed(zeroStart)
            _ = try space.map(request)
        }
    }
}

extension ElfImage {
    /// The largest alignment that a segment asks for, between a page and 1 GiB.
    var alignment: UInt64 {
        var result: UInt64 = 4096
        for segment in segments where segment.alignment & (segment.alignment &- 1) == 0 && segment.alignment <= 1 << 30 {
            result = max(result, segment.alignment)
        }
        return result
    }
}
