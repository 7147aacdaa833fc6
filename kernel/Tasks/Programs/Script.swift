import ABI
import Support
import VirtualMemory

/// The first line of a script: `#! interpreter [argument]`.
public struct Script: Equatable {
    public var interpreter: [UInt8]
    /// Everything after the interpreter, as one argument.
    public var argument: [UInt8]?

    /// Bytes that are looked at (BINPRM_BUF_SIZE).
    static let headerByteCount = 256

    /// - Returns: nil when the file is not a script.
    /// - Throws: `badExecutable` for a script without an interpreter or one whose name does not end within 256 bytes.
    public static func read(_ file: PageCache) throws(Errno) -> Script? {
        var failure: Errno?
        let bytes = [UInt8](unsafeUninitializedCapacity: headerByteCount) { memory, initialized in
            var buffer = TransferBuffer(kernel: UnsafeMutableRawBufferPointer(memory))
            do throws(Errno) { initialized = try file.read(&buffer, at: 0) } catch { failure = error }
        }
        if let failure { throw failure }
        return try parse(bytes)
    }

    static func parse(_ bytes: [UInt8]) throws(Errno) -> Script? {
        guard bytes.count >= 2, bytes[0] == UInt8(ascii: "#"), bytes[1] == UInt8(ascii: "!") else { return nil }
        var line = bytes[2...]
        let isCut: Bool
        if let end = line.firstIndex(where: { $0 == UInt8(ascii: "\n") || $0 == 0 }) {
            line = line[..<end]
            isCut = false
        } else {
            isCut = bytes.count >= headerByteCount
        }
        func isBlank(_ byte: UInt8) -> Bool { byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") }
        line = line.drop(while: isBlank)
        while let last = line.last, isBlank(last) { line.removeLast() }
        let nameEnd = line.firstIndex(where: isBlank) ?? line.endIndex
        let name = Array(line[..<nameEnd])
        // A name that runs into the end of what was read may be longer than it seems.
        if name.isEmpty || (isCut && nameEnd == line.endIndex) { throw .badExecutable }
        let rest = Array(line[nameEnd...].drop(while: isBlank))
        return Script(interpreter: name, argument: rest.isEmpty ? nil : rest)
    }
}
