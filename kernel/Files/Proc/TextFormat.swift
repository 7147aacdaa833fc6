import Support

/// Composing the lines of /proc.
extension KernelString {
    /// Adds a number, with spaces before it up to a width.
    mutating func append<T: BinaryInteger>(padded value: T, to width: Int) {
        let digits = KernelString(value)
        for _ in 0..<max(0, width - digits.count) { utf8.append(UInt8(ascii: " ")) }
        append(digits)
    }

    /// Adds a hexadecimal number, with zeros before it up to a width.
    mutating func append<T: BinaryInteger>(hexadecimal value: T, to width: Int) {
        let digits = KernelString(value, radix: 16)
        for _ in 0..<max(0, width - digits.count) { utf8.append(UInt8(ascii: "0")) }
        append(digits)
    }

    /// Adds an octal number after a zero.
    mutating func append<T: BinaryInteger>(octal value: T) {
        utf8.append(UInt8(ascii: "0"))
        append(KernelString(value, radix: 8))
    }

    /// Adds hundredths as a decimal fraction: 1234 becomes `12.34`.
    mutating func append(hundredths value: UInt64) {
        append(KernelString(value / 100))
        utf8.append(UInt8(ascii: "."))
        if value % 100 < 10 { utf8.append(UInt8(ascii: "0")) }
        append(KernelString(value % 100))
    }

    /// Adds `Name:  1234 kB`, as meminfo and status write it.
    mutating func append(_ name: StaticString, kibibytes: UInt64, width: Int) {
        self += "\(name):"
        append(padded: kibibytes, to: max(1, width - name.utf8CodeUnitCount - 1))
        self += " kB\n"
    }

    /// Adds a path in which blanks, tabs, line ends and backslashes are written in octal, as /proc/mounts has it.
    mutating func append(escaped path: [UInt8]) {
        for byte in path {
            if byte == 32 || byte == 9 || byte == 10 || byte == 92 {
                utf8.append(92)
                for shift in [UInt8(6), 3, 0] { utf8.append(48 + (byte >> shift) & 7) }
            } else {
                utf8.append(byte)
            }
        }
    }
}
