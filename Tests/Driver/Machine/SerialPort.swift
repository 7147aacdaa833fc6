// The guest's serial port: everything it prints is kept, and `expect` waits for text after the last match.

import Foundation

/// The other end of the guest's first serial port.
public final class SerialPort: @unchecked Sendable {
    private let socket: UnixSocket
    private let condition = NSCondition()
    private var received: [UInt8] = []
    private var position = 0
    private var ended = false

    init(_ socket: UnixSocket) {
        self.socket = socket
        let thread = Thread { [self] in readLoop() }
        thread.stackSize = 1 << 20
        thread.start()
    }

    private func readLoop() {
        while true {
            let bytes = socket.read()
            condition.lock()
            // Carriage returns only say how a terminal moves; without them text compares simply.
            if bytes.isEmpty { ended = true } else { received += bytes.filter { $0 != 13 } }
            condition.broadcast()
            condition.unlock()
            if bytes.isEmpty { return }
        }
    }

    /// Everything printed so far, without carriage returns.
    public var text: String { condition.withLock { String(decoding: received, as: UTF8.self) } }

    /// The last lines, for messages.
    public func tail(_ lineCount: Int = 15) -> String {
        text.split(separator: "\n", omittingEmptySubsequences: true).suffix(lineCount).joined(separator: "\n")
    }

    /// Waits until `text` has been printed after the last match; answers with what came before it.
    @discardableResult
    public func expect(_ text: String, seconds: Double = 20) throws -> String {
        try expect(anyOf: [text], seconds: seconds).before
    }

    /// Waits for the first of several texts; answers which one came and what was before it.
    public func expect(anyOf texts: [String], seconds: Double = 20) throws -> (index: Int, before: String) {
        let deadline = Deadline(seconds: seconds)
        let wanted = texts.map { Array($0.utf8) }
        condition.lock()
        defer { condition.unlock() }
        var scanned = position
        let longest = wanted.map(\.count).max() ?? 1
        while true {
            var best: (index: Int, start: Int)?
            for (index, bytes) in wanted.enumerated() {
                if let start = received.firstOccurrence(of: bytes, from: max(position, scanned - longest)),
                    start < best?.start ?? .max
                {
                    best = (index, start)
                }
            }
            if let best {
                let before = String(decoding: received[position..<best.start], as: UTF8.self)
                position = best.start + wanted[best.index].count
                return (best.index, before)
            }
            scanned = received.count
            if ended { throw failure(texts, "the machine stopped") }
            let left = deadline.remainingSeconds
            if left == 0 { throw failure(texts, "not within \(seconds) s") }
            _ = condition.wait(until: Date(timeIntervalSinceNow: left))
        }
    }

    private func failure(_ texts: [String], _ reason: String) -> TestFailure {
        let tail = String(decoding: received.suffix(1500), as: UTF8.self)
        let wanted = texts.map { "\"\($0)\"" }.joined(separator: " or ")
        return TestFailure("serial port: expected \(wanted): \(reason); it last printed:\n\(tail)")
    }

    /// Sends text as if it were typed.
    public func send(_ text: String) throws { try socket.write(Array(text.utf8)) }

    /// Sends a control key: `control("c")` is Ctrl-C.
    public func control(_ letter: Character) throws {
        guard let code = letter.asciiValue else { throw TestFailure("no control key for \(letter)") }
        try socket.write([code & 0x1f])
    }

    func shutDown() { socket.shutDown() }
}

extension Array where Element == UInt8 {
    /// Index at which `pattern` first starts at or after `from`.
    func firstOccurrence(of pattern: [UInt8], from: Int) -> Int? {
        guard !pattern.isEmpty, count >= pattern.count else { return nil }
        var start = Swift.max(0, from)
        while start <= count - pattern.count {
            if self[start] == pattern[0] && self[start..<(start + pattern.count)].elementsEqual(pattern) { return start }
            start += 1
        }
        return nil
    }
}
