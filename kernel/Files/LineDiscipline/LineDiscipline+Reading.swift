import ABI

// The reading side: from the queue to programs.
extension LineDiscipline {
    /// Whether a read would return at once, by the rule of `read` (at least one byte, or a line).
    public var isReadable: Bool { readsLines ? lineEnd != tail : head != tail }

    /// Whether poll reports input: with VMIN and without VTIME, only when VMIN bytes are there.
    public var isPollReadable: Bool {
        if readsLines { return lineEnd != tail }
        let minimum = termios[.time] == 0 ? max(Int(termios[.minimum]), 1) : 1
        return head - tail >= minimum
    }

    /// Bytes that a read could return (FIONREAD).
    public var readableCount: Int {
        guard readsLines else { return head - tail }
        var count = lineEnd - tail
        var position = tail
        while position < lineEnd {
            if isEndOfFile(position) { count -= 1 }
            position += 1
        }
        return count
    }

    /// Bytes in the queue, unfinished lines included.
    public var queuedCount: Int { head - tail }

    /// Reads what is there.
    /// - Returns: bytes stored, and whether the read is complete whatever its size: a line ended, or its end of file came.
    public mutating func read(into target: UnsafeMutableBufferPointer<UInt8>) -> (count: Int, isLineEnd: Bool) {
        readsLines ? readLine(into: target) : (readBytes(into: target), false)
    }

    private mutating func readBytes(into target: UnsafeMutableBufferPointer<UInt8>) -> Int {
        let count = min(target.count, head - tail)
        for index in 0..<count { target[index] = byte(tail + index) }
        tail += count
        // An empty queue starts over; in canonical mode positions carry meaning beyond the content.
        return count
    }

    private mutating func readLine(into target: UnsafeMutableBufferPointer<UInt8>) -> (count: Int, isLineEnd: Bool) {
        var count = 0
        while tail < lineEnd, count < target.count {
            let position = tail
            tail += 1
            guard isMarked(position) else {
                target[count] = byte(position)
                count += 1
                continue
            }
            clearMark(position)
            if byte(position) != 0 {
                target[count] = byte(position)
                count += 1
            }
            return (count, true)
        }
        return (count, false)
    }

    /// A read that filled its buffer just before an end-of-file mark takes the mark too, or the next read would see a
    /// false end of file.
    public mutating func skipEndOfFile() {
        guard readsLines, tail < lineEnd, isEndOfFile(tail) else { return }
        clearMark(tail)
        tail += 1
    }

    private func isEndOfFile(_ position: Int) -> Bool { isMarked(position) && byte(position) == 0 }
}
