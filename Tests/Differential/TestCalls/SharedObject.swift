// The kernel's shared object (vdso(7)), read as a dynamic loader reads it.

import CTestSystem

/// What the kernel has mapped into this program to read clocks with.
public struct SharedObject {
    /// Where its ELF header is (AT_SYSINFO_EHDR); 0 without one.
    public let base: Int
    private var symbols = 0, strings = 0, hash = 0, versions = 0, definitions = 0

    public init() {
        base = Int(getauxval(UInt(AT_SYSINFO_EHDR)))
        if base == 0 { return }
        let headers = base + word(base + 32)
        var (bias, dynamic) = (base, 0)
        for index in 0..<Int(half(base + 56)) {
            let header = headers + index * 56
            if number(header) == 1 { bias = base + word(header + 8) - word(header + 16) }  // PT_LOAD
            if number(header) == 2 { dynamic = base + word(header + 8) }  // PT_DYNAMIC
        }
        if dynamic == 0 { return }
        while word(dynamic) != 0 {
            let value = bias + word(dynamic + 8)
            switch word(dynamic) {
            case 4: hash = value
            case 5: strings = value
            case 6: symbols = value
            case 0x6fff_fff0: versions = value
            case 0x6fff_fffc: definitions = value
            default: break
            }
            dynamic += 16
        }
        self.bias = bias
    }

    private var bias = 0

    /// The address of a function; 0 when there is none of that name and version. Found by going through all symbols, as musl does.
    public func function(_ name: StaticString, version: StaticString = "LINUX_2.6") -> Int {
        guard hash != 0, strings != 0, symbols != 0 else { return 0 }
        for index in 0..<Int(number(hash + 4)) {
            let symbol = symbols + index * 24
            guard byte(symbol + 4) & 15 == 2, half(symbol + 6) != 0 else { continue }  // STT_FUNC, defined
            guard equals(strings + Int(number(symbol)), name) else { continue }
            if versions != 0, !isVersion(Int(half(versions + index * 2) & 0x7fff), version) { continue }
            return bias + word(symbol + 8)
        }
        return 0
    }

    private func isVersion(_ wanted: Int, _ name: StaticString) -> Bool {
        var definition = definitions
        while definition != 0 {
            if half(definition + 2) & 1 == 0, Int(half(definition + 4)) & 0x7fff == wanted {
                return equals(strings + Int(number(definition + Int(number(definition + 12)))), name)
            }
            let next = Int(number(definition + 16))
            if next == 0 { return false }
            definition += next
        }
        return false
    }

    private func word(_ address: Int) -> Int { pointer(address).load(as: Int.self) }
    private func number(_ address: Int) -> UInt32 { pointer(address).load(as: UInt32.self) }
    private func half(_ address: Int) -> UInt16 { pointer(address).load(as: UInt16.self) }
    private func equals(_ address: Int, _ name: StaticString) -> Bool {
        memcmp(pointer(address), name.utf8Start, name.utf8CodeUnitCount) == 0 && byte(address + name.utf8CodeUnitCount) == 0
    }
}
