import ABI
import Files
import Processor
import Support

/// /proc/irq: a folder for each interrupt of a device, in which it can be sent to other processors.
final class ProcInterrupts: ProcFolder {
    override func entries() throws(Errno) -> [ProcEntry] {
        var list: [ProcEntry] = []
        for vector in Interrupts.usedVectors {
            if !Interrupts.isDevice(vector) { continue }
            list.append(ProcEntry(KernelString(vector).utf8, number(of: vector), .directory))
        }
        return list
    }

    override func make(_ entry: ProcEntry) throws(Errno) -> Inode? {
        ProcInterrupt(proc, vector: Int((entry.number - 0x9000) / 16), number: entry.number)
    }

    private func number(of vector: Int) -> UInt64 { 0x9000 + UInt64(vector) * 16 }
}

/// /proc/irq/N.
private final class ProcInterrupt: ProcFolder {
    private let vector: Int
    private static let names: [StaticString] = [
        "smp_affinity", "smp_affinity_list", "effective_affinity", "effective_affinity_list", "spurious",
    ]

    init(_ proc: ProcFileSystem, vector: Int, number: UInt64) {
        self.vector = vector
        super.init(proc, number: number)
    }

    override func entries() throws(Errno) -> [ProcEntry] {
        var list: [ProcEntry] = []
        for (index, name) in Self.names.enumerated() { list.append(ProcEntry(name, number + UInt64(index) + 1, .regular)) }
        return list
    }

    override func make(_ entry: ProcEntry) throws(Errno) -> Inode? {
        let vector = vector
        let index = Int(entry.number - number) - 1
        let isList = index & 1 != 0
        if index == 4 {
            return ProcText(proc, number: entry.number) { () throws(Errno) in
                let text: KernelString = "unhandled \(Interrupts.unclaimed(vector))\n"
                return text.utf8
            }
        }
        if index >= 2 {
            return ProcText(proc, number: entry.number) { () throws(Errno) in
                Self.text(Interrupts.affinity(of: vector).map { 1 << UInt64($0.processor) } ?? Processors.mask, isList)
            }
        }
        return ProcText(
            proc, number: entry.number, permissions: 0o644,
            accept: { (input) throws(Errno) in
                guard let mask = isList ? ProcessorMask.parse(list: input) : ProcessorMask.parse(hexadecimal: input) else {
                    throw .invalidArgument
                }
                do throws(Interrupts.AffinityError) {
                    try Interrupts.setAffinity(of: vector, to: mask)
                } catch {
                    throw error == .fixed ? .ioError : .invalidArgument
                }
            }
        ) { () throws(Errno) in Self.text(Interrupts.affinity(of: vector)?.allowed ?? Processors.mask, isList) }
    }

    private static func text(_ mask: UInt64, _ isList: Bool) -> [UInt8] {
        var text = isList ? ProcessorTexts.list(mask) : ProcessorMask.text(hexadecimal: mask, count: Processors.count)
        text += "\n"
        return text.utf8
    }
}

/// Sets of processors as texts.
public enum ProcessorMask {
    /// Such as `0-2,5`.
    /// - Returns: nil for what is no list, or names a processor that there cannot be.
    public static func parse(list: [UInt8]) -> UInt64? {
        var mask: UInt64 = 0
        for part in list.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false) {
            let ends = part.split(separator: UInt8(ascii: "-"), omittingEmptySubsequences: false)
            guard (1...2).contains(ends.count), let first = number(ends[0]), let last = number(ends[ends.count - 1]),
                first <= last, last < 64
            else { return nil }
            for processor in first...last { mask |= 1 << processor }
        }
        return mask
    }

    /// Digits of base 16, with commas between groups of eight.
    public static func parse(hexadecimal text: [UInt8]) -> UInt64? {
        var mask: UInt64 = 0
        var digits = 0
        for byte in text {
            if byte == UInt8(ascii: ",") { continue }
            guard let digit = hexadecimalDigit(byte), mask >> 60 == 0 else { return nil }
            mask = mask << 4 | UInt64(digit)
            digits += 1
        }
        return digits > 0 ? mask : nil
    }

    static func text(hexadecimal mask: UInt64, count: Int) -> KernelString {
        var text = KernelString()
        if count > 32 {
            text.append(hexadecimal: mask >> 32, to: (count - 32 + 3) / 4)
            text += ","
            text.append(hexadecimal: mask & 0xffff_ffff, to: 8)
        } else {
            text.append(hexadecimal: mask, to: max(1, (count + 3) / 4))
        }
        return text
    }

    private static func number(_ digits: ArraySlice<UInt8>) -> UInt64? {
        guard !digits.isEmpty, digits.count <= 4 else { return nil }
        var value: UInt64 = 0
        for digit in digits {
            guard digit >= 0x30, digit <= 0x39 else { return nil }
            value = value * 10 + UInt64(digit - 0x30)
        }
        return value
    }

    private static func hexadecimalDigit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 0x30...0x39: byte - 0x30
        case 0x41...0x46: byte - 0x41 + 10
        case 0x61...0x66: byte - 0x61 + 10
        default: nil
        }
    }
}
