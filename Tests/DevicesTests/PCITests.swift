import PCIConfiguration
import Testing
import VirtioQueue

/// A configuration space of words, where a base address register keeps only the bits that its size leaves.
private final class ModelSpace {
    var words: [UInt16: UInt32] = [:]
    var sizeMasks: [UInt16: UInt32] = [:]
    var writes: [(UInt16, UInt32)] = []
}

private struct ModelAccess: PCIConfigAccess {
    var functions: [UInt16: ModelSpace]
    func space(_ address: PCIAddress) -> ModelSpace? { functions[address.requesterID] }
    func read32(_ address: PCIAddress, _ offset: UInt16) -> UInt32 {
        guard let space = space(address) else { return 0xFFFF_FFFF }
        return space.words[offset] ?? 0
    }
    func write32(_ address: PCIAddress, _ offset: UInt16, _ value: UInt32) {
        guard let space = space(address) else { return }
        space.writes.append((offset, value))
        if let mask = space.sizeMasks[offset] {
            space.words[offset] = value & mask | (space.words[offset] ?? 0) & 0xF & ~mask
        } else {
            space.words[offset] = value
        }
    }
    func write16(_ address: PCIAddress, _ offset: UInt16, _ value: UInt16) {
        guard let space = space(address) else { return }
        space.writes.append((offset, UInt32(value)))
        let shift = UInt32(offset & 2) * 8
        let old = space.words[offset & ~3] ?? 0
        space.words[offset & ~3] = old & ~(0xFFFF << shift) | UInt32(value) << shift
    }
}

private let address = PCIAddress(bus: 0, device: 3, function: 0)!

private func device(_ words: [UInt16: UInt32]) -> (ModelAccess, ModelSpace) {
    let space = ModelSpace()
    space.words = words
    space.words[0] = words[0] ?? 0x1050_1AF4
    return (ModelAccess(functions: [address.requesterID: space]), space)
}

@Suite struct PCIEnumerationTests {
    @Test func findsFunctionsBehindBridgesOnce() {
        let plain = ModelSpace(), bridge = ModelSpace(), behind = ModelSpace(), second = ModelSpace()
        plain.words = [0: 0x1050_1AF4, 0x0C: 0x80_0000]
        second.words = [0: 0x1052_1AF4]
        // Secondary bus 1; the function behind it is a bridge that claims bus 1 again.
        bridge.words = [0: 0x0001_1B36, 0x0C: 0x01_0000, 0x18: 0x0001_0100]
        behind.words = [0: 0x0001_1B36, 0x0C: 0x01_0000, 0x18: 0x0001_0101]
        func key(_ bus: UInt8, _ device: UInt8, _ function: UInt8) -> UInt16 {
            PCIAddress(bus: bus, device: device, function: function)!.requesterID
        }
        let access = ModelAccess(functions: [
            key(0, 3, 0): plain, key(0, 3, 5): second, key(0, 4, 0): bridge, key(1, 0, 0): behind,
        ])
        var found: [UInt16] = []
        enumeratePCI(access) { address, _ in found.append(address.requesterID) }
        #expect(found == [key(0, 3, 0), key(0, 3, 5), key(0, 4, 0), key(1, 0, 0)])
    }

    @Test func sizesRegistersWithDecodingOff() throws {
        let (access, space) = device([4: 0x0010_0007, 0x10: 0xFEBF_0000, 0x18: 0xC00C, 0x1C: 0x70, 0x14: 0xC001])
        space.sizeMasks = [0x10: 0xFFFF_F000, 0x14: 0xFFFF_FFE0, 0x18: 0xFFFF_C000, 0x1C: 0xFFFF_FFFF]
        let memory = try #require(PCIBaseAddress(access, address, index: 0))
        #expect(memory.base == 0xFEBF_0000 && memory.byteCount == 0x1000 && memory.space == .memory)
        // Decoding goes off before the probe and comes back after it.
        #expect(space.writes.first.map { $0 == (4, 4) } == true)
        #expect(space.writes.last.map { $0 == (4, 7) } == true)
        let io = try #require(PCIBaseAddress(access, address, index: 1))
        #expect(io.base == 0xC000 && io.byteCount == 32 && io.space == .io)
        let wide = try #require(PCIBaseAddress(access, address, index: 2))
        #expect(wide.base == 0x70_0000_C000 && wide.byteCount == 0x4000 && wide.isPrefetchable)
        #expect(PCIBaseAddress(access, address, index: 4) == nil)
        #expect(PCIBaseAddress(access, address, index: 6) == nil)
        #expect(space.words[0x10] == 0xFEBF_0000)
    }

    @Test func capabilityLoopEnds() {
        let (access, _) = device([4: 0x0010_0000, 0x34: 0x40, 0x40: 0x0000_5009, 0x50: 0x0000_4011])
        var count = 0
        forEachCapability(access, address) { _ in count += 1 }
        #expect(count == 48)
    }

    @Test func virtioStructuresAreChecked() {
        let (access, _) = device([
            4: 0x0010_0000, 0x34: 0x40,
            // Common configuration in register 4 at 0x1000; a second one is ignored; one names register 7.
            0x40: 0x0110_5009, 0x44: 4, 0x48: 0x1000, 0x4C: 0x40,
            0x50: 0x0110_6009, 0x54: 1, 0x58: 0, 0x5C: 0x40,
            0x60: 0x0214_7409, 0x64: 7, 0x68: 0, 0x6C: 0x40, 0x70: 4,
            0x74: 0x0314_0009, 0x78: 4, 0x7C: 0x2001, 0x80: 1,
        ])
        let found = VirtioCapabilities(access, address)
        #expect(found.common?.bar == 4 && found.common?.offset == 0x1000)
        #expect(found.notification == nil)
        #expect(found.interruptStatus?.offset == 0x2001)
        #expect(found.device == nil)
    }
}

private final class WindowLog {
    var memory = [UInt32](repeating: 0xDEAD_0001, count: 64)
    var accesses: [String] = []
}
private struct ModelWindow: RegisterWindow {
    let log: WindowLog
    let byteCount: Int
    func read8(_ offset: Int) -> UInt8 { 0 }
    func read16(_ offset: Int) -> UInt16 { 0 }
    func read32(_ offset: Int) -> UInt32 { log.memory[offset / 4] }
    func write8(_ offset: Int, _ value: UInt8) {}
    func write16(_ offset: Int, _ value: UInt16) {}
    func write32(_ offset: Int, _ value: UInt32) {
        log.accesses.append("\(offset)=\(String(value, radix: 16))")
        log.memory[offset / 4] = value
    }
}

@Suite struct MSIXTests {
    @Test func programsAnEntryWhileItIsMasked() throws {
        let log = WindowLog()
        let table = try #require(MSIXTable(window: ModelWindow(log: log, byteCount: 64), vectorCount: 4))
        log.memory[2 * 4 + 3] = 0
        table.program(2, address: 0xFEE0_1000, data: 0x31)
        #expect(log.accesses == ["44=1", "32=fee01000", "36=0", "40=31", "44=0"])
        log.accesses = []
        table.program(4, address: 1, data: 1)
        table.mask(-1)
        #expect(log.accesses.isEmpty)
        #expect(MSIXTable(window: ModelWindow(log: log, byteCount: 63), vectorCount: 4) == nil)
    }

    @Test func decodesAndEnablesTheCapability() throws {
        let (access, space) = device([0x98: 0x4003_0011, 0x9C: 0x0000_2001])
        let capability = try #require(MSIXCapability(access, address, at: 0x98))
        #expect(capability.vectorCount == 4 && capability.tableBAR == 1 && capability.tableOffset == 0x2000)
        capability.enable(access, address)
        #expect(space.words[0x98] == 0x8003_0011)
        space.words[0x9C] = 0x2006
        #expect(MSIXCapability(access, address, at: 0x98) == nil)
    }
}
