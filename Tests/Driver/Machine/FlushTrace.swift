// What the guest's virtio-gpu driver flushed, read from QEMU's trace.

import Foundation

/// One RESOURCE_FLUSH that the device received.
public struct Flush: Sendable, Equatable {
    public let x, y, width, height: Int

    /// Bytes of the rectangle at four bytes a pixel.
    public var byteCount: Int { width * height * 4 }

    /// Reads a line such as `…virtio_gpu_cmd_res_flush res 0x1, w 8, h 16, x 40, y 80`; nil for other lines.
    public init?(traceLine line: some StringProtocol) {
        guard let start = line.range(of: "virtio_gpu_cmd_res_flush") else { return nil }
        var values: [Substring: Int] = [:]
        for field in line[start.upperBound...].split(separator: ",") {
            let words = field.split(separator: " ")
            if words.count == 2, let value = Int(words[1]) { values[Substring(words[0])] = value }
        }
        guard let w = values["w"], let h = values["h"], let x = values["x"], let y = values["y"] else { return nil }
        (self.x, self.y, width, height) = (x, y, w, h)
    }
}

extension Machine {
    /// Every flush so far; the configuration must trace `virtio_gpu_cmd_res_flush`.
    public func flushes() throws -> [Flush] {
        let text = try String(contentsOf: logs.appending(path: "trace.log"), encoding: .utf8)
        // The last line may still be being written.
        return text.split(separator: "\n", omittingEmptySubsequences: false).dropLast().compactMap { Flush(traceLine: $0) }
    }
}
