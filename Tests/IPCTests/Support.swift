import ABI
import Files
import KernelSeams
import Support

/// Runs `body` with a transfer buffer over some bytes.
func withSource<R>(_ bytes: [UInt8], _ body: (inout TransferBuffer) -> R) -> R {
    var copy = bytes
    return copy.withUnsafeMutableBytes { raw in
        var buffer = TransferBuffer(kernel: raw)
        return body(&buffer)
    }
}

/// Runs `body` with a transfer buffer for up to `count` bytes; returns the bytes that it stored.
func withTarget<R>(_ count: Int, _ body: (inout TransferBuffer) -> R) -> (R, [UInt8]) {
    var storage = [UInt8](repeating: 0, count: max(count, 1))
    var stored = 0
    let result = storage.withUnsafeMutableBytes { raw in
        var buffer = TransferBuffer(kernel: UnsafeMutableRawBufferPointer(rebasing: raw[0..<count]))
        let result = body(&buffer)
        stored = buffer.transferred
        return result
    }
    return (result, Array(storage.prefix(stored)))
}

/// The error that a body throws, or its result.
func attempt<R>(_ body: () throws(Errno) -> R) -> Result<R, Errno> {
    do throws(Errno) { return .success(try body()) } catch { return .failure(error) }
}

extension Result where Failure == Errno {
    var error: Errno? {
        if case .failure(let error) = self { return error }
        return nil
    }
    var value: Success? { try? get() }
}
