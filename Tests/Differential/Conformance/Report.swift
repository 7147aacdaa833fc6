// What the program prints: one line a check, `name = outcome`, the same on every kernel that behaves the same.
// Nothing that varies between runs (process numbers, addresses, times) may appear.

import CTestSystem
import TestCalls

/// Writes a line to standard output at once, so that a fork never duplicates a buffer.
func emit(_ line: String) {
    var text = line
    text += "\n"
    text.withUTF8 { bytes in
        var done = 0
        while done < bytes.count {
            let written = sys(SYS_write, 1, Int(bitPattern: bytes.baseAddress!) + done, bytes.count - done)
            if written <= 0 { break }
            done += written
        }
    }
}

/// Prints a system call's result: a number, or the name of the error.
func check(_ name: String, _ result: Int) { emit("\(name) = \(outcome(result))") }

/// Prints whether something holds.
func check(_ name: String, _ holds: Bool) { emit("\(name) = \(holds ? "yes" : "no")") }

/// Prints a text that the kernel produced; control characters are made visible.
func check(_ name: String, text: String) { emit("\(name) = \"\(visible(text.utf8))\"") }

/// Prints bytes that the kernel produced; control characters are made visible.
func check(_ name: String, bytes: [UInt8]) { emit("\(name) = \"\(visible(bytes))\"") }

/// Prints only whether a call succeeded, for results whose value is free.
func checkSuccess(_ name: String, _ result: Int) { emit("\(name) = \(result >= 0 ? "ok" : outcome(result))") }

private func visible(_ bytes: some Sequence<UInt8>) -> String {
    var text = ""
    for byte in bytes {
        switch byte {
        case 0x20...0x7e: text.unicodeScalars.append(Unicode.Scalar(byte))
        case 10: text += "\\n"
        case 13: text += "\\r"
        default: text += "<\(hexadecimal(UInt(byte)))>"
        }
    }
    return text
}

/// A number in base 16, without a prefix.
func hexadecimal(_ value: UInt) -> String { String(value, radix: 16) }

/// Prints what one read answers: its bytes, or its error.
func checkRead(_ name: String, _ fd: Int, _ count: Int = 4096) {
    let (result, bytes) = read(fd, count)
    if result < 0 { check(name, result) } else { check(name, bytes: bytes) }
}

/// Runs `body` in a child and prints how it ended.
func checkChild(_ name: String, _ body: () -> Int32) { check(name, text: reap(child(body))) }
