import Testing
import VirtioQueue

/// The device's side of a split virtqueue, from the specification: it follows the chains and may break the rules.
private final class ModelDevice {
    let size: UInt16
    let memory: UnsafeMutableRawPointer
    let layout: SplitRing.Layout
    private var seen: UInt16 = 0
    private var usedIndex: UInt16 = 0

    init(size: UInt16) {
        self.size = size
        layout = SplitRing.Layout(size: size)
        memory = .allocate(byteCount: layout.byteCount, alignment: 16)
        memory.initializeMemory(as: UInt8.self, repeating: 0, count: layout.byteCount)
    }
    deinit { memory.deallocate() }

    /// The chains that were published since the last call.
    func takeChains() -> [(head: UInt16, segments: [RingSegment])] {
        let available = memory + layout.availableOffset
        let index = available.load(fromByteOffset: 2, as: UInt16.self)
        var chains: [(UInt16, [RingSegment])] = []
        while seen != index {
            let head = available.load(fromByteOffset: 4 + Int(seen % size) * 2, as: UInt16.self)
            seen &+= 1
            var segments: [RingSegment] = []
            var current = head
            while true {
                let entry = memory + Int(current) * 16
                let flags = entry.load(fromByteOffset: 12, as: UInt16.self)
                segments.append(
                    RingSegment(
                        address: entry.load(as: UInt64.self), byteCount: entry.load(fromByteOffset: 8, as: UInt32.self),
                        isDeviceWritable: flags & 2 != 0))
                if flags & 1 == 0 || segments.count > Int(size) { break }
                current = entry.load(fromByteOffset: 14, as: UInt16.self)
            }
            chains.append((head, segments))
        }
        return chains
    }

    func complete(_ identifier: UInt32, byteCount: UInt32) {
        let used = memory + layout.usedOffset
        used.storeBytes(of: identifier, toByteOffset: 4 + Int(usedIndex % size) * 8, as: UInt32.self)
        used.storeBytes(of: byteCount, toByteOffset: 8 + Int(usedIndex % size) * 8, as: UInt32.self)
        usedIndex &+= 1
        used.storeBytes(of: usedIndex, toByteOffset: 2, as: UInt16.self)
    }

    func setUsedIndex(_ index: UInt16) { (memory + layout.usedOffset).storeBytes(of: index, toByteOffset: 2, as: UInt16.self) }
    func setNoNotify() { (memory + layout.usedOffset).storeBytes(of: 1, as: UInt16.self) }
}

/// A ring that the test macros can call: they cannot hold a value that is not copyable.
private final class Driver {
    private var ring: SplitRing
    init(_ device: ModelDevice) { ring = SplitRing(memory: device.memory, size: device.size)! }
    func add(_ segments: [RingSegment]) -> UInt16? { segments.withUnsafeBufferPointer { ring.add($0) } }
    func publish() -> Bool { ring.publish() }
    func takeCompletion() -> RingCompletion { ring.takeCompletion() }
    var freeCount: UInt16 { ring.freeCount }
    var hasCompletions: Bool { ring.hasCompletions }
    var isBroken: Bool { ring.isBroken }
}

private func isRefused(_ device: ModelDevice, _ size: UInt16) -> Bool {
    if SplitRing(memory: device.memory, size: size) != nil { return false }
    return true
}

@Suite struct SplitRingTests {
    @Test func layoutFollowsTheSpecification() {
        let layout = SplitRing.Layout(size: 64)
        #expect(layout.availableOffset == 1024)
        #expect(layout.usedOffset == 1024 + 6 + 128 + 2)
        #expect(layout.byteCount == layout.usedOffset + 6 + 512)
    }

    @Test func refusesWrongSizesAndRequests() throws {
        let device = ModelDevice(size: 8)
        #expect(isRefused(device, 6))
        #expect(isRefused(device, 0))
        let ring = Driver(device)
        #expect(ring.add([]) == nil)
        #expect(ring.add([.readable(0, 0)]) == nil)
        #expect(ring.add([.writable(0, 4), .readable(8, 4)]) == nil)
        #expect(ring.add((0..<9).map { .readable(UInt64($0), 1) }) == nil)
        #expect(ring.freeCount == 8)
    }

    @Test func completesOutOfOrder() throws {
        let device = ModelDevice(size: 8)
        let ring = Driver(device)
        let first = try #require(ring.add([.readable(0x1000, 16), .writable(0x2000, 512), .writable(0x3000, 1)]))
        let second = try #require(ring.add([.readable(0x4000, 24)]))
        #expect(device.takeChains().isEmpty)
        #expect(ring.publish())
        let chains = device.takeChains()
        #expect(chains.map(\.head) == [first, second])
        #expect(chains[0].segments.map(\.address) == [0x1000, 0x2000, 0x3000])
        #expect(chains[0].segments.map(\.isDeviceWritable) == [false, true, true])
        #expect(ring.takeCompletion() == .none)
        device.complete(UInt32(second), byteCount: 0)
        device.complete(UInt32(first), byteCount: 513)
        #expect(ring.hasCompletions)
        #expect(ring.takeCompletion() == .completed(head: second, byteCount: 0))
        #expect(ring.takeCompletion() == .completed(head: first, byteCount: 513))
        #expect(ring.takeCompletion() == .none)
        #expect(ring.freeCount == 8)
    }

    @Test func honoursTheNotificationFlag() throws {
        let device = ModelDevice(size: 4)
        let ring = Driver(device)
        device.setNoNotify()
        _ = ring.add([.readable(1, 1)])
        #expect(!ring.publish())
    }

    /// What a device could claim, and none of it may be believed.
    @Test(arguments: [
        (UInt32(3), UInt32(0)),  // no such request in flight
        (8, 0),  // outside the table
        (0xFFFF_FFFF, 0),
        (0, 600),  // wrote more than there was room for
    ])
    func lyingDevicesBreakTheRing(_ identifier: UInt32, _ byteCount: UInt32) throws {
        let device = ModelDevice(size: 8)
        let ring = Driver(device)
        #expect(ring.add([.readable(0, 16), .writable(16, 512)]) == 0)
        _ = ring.publish()
        device.complete(identifier, byteCount: byteCount)
        #expect(ring.takeCompletion() == .broken)
        #expect(ring.isBroken)
        #expect(ring.add([.readable(0, 1)]) == nil)
        #expect(ring.takeCompletion() == .broken)
    }

    @Test func doubleCompletionAndRunawayIndexBreakTheRing() throws {
        let device = ModelDevice(size: 8)
        let ring = Driver(device)
        #expect(ring.add([.readable(0, 16)]) == 0)
        #expect(ring.add([.readable(0, 16)]) == 1)
        _ = ring.publish()
        device.complete(0, byteCount: 0)
        device.complete(0, byteCount: 0)
        #expect(ring.takeCompletion() == .completed(head: 0, byteCount: 0))
        #expect(ring.takeCompletion() == .broken)

        let other = ModelDevice(size: 8)
        let second = Driver(other)
        #expect(second.add([.readable(0, 16)]) == 0)
        _ = second.publish()
        other.setUsedIndex(0x8000)
        #expect(second.takeCompletion() == .broken)
    }

    /// A long run against the model, through several wraps of the 16-bit indices.
    @Test func agreesWithTheModelOverManyRequests() throws {
        let device = ModelDevice(size: 16)
        let ring = Driver(device)
        var random = SystemRandomNumberGenerator()
        var expected: [UInt16: [RingSegment]] = [:]
        var atDevice: [(UInt16, [RingSegment])] = []
        var total = 0
        while total < 70_000 {
            let readable = Int.random(in: 0...3, using: &random),
                writable = Int.random(in: readable == 0 ? 1...3 : 0...3, using: &random)
            var segments: [RingSegment] = []
            for _ in 0..<readable { segments.append(.readable(UInt64.random(in: 0...1 << 40, using: &random), 8)) }
            for _ in 0..<writable { segments.append(.writable(UInt64.random(in: 0...1 << 40, using: &random), 8)) }
            let free = ring.freeCount
            if let head = ring.add(segments) {
                try #require(expected[head] == nil)
                expected[head] = segments
                total += 1
            } else {
                try #require(Int(free) < segments.count)
            }
            _ = ring.publish()
            atDevice += device.takeChains().map { ($0.head, $0.segments) }
            while !atDevice.isEmpty, Bool.random(using: &random) {
                let (head, chain) = atDevice.remove(at: Int.random(in: atDevice.indices, using: &random))
                let matches =
                    chain.count == expected[head]?.count
                    && zip(chain, expected[head] ?? []).allSatisfy {
                        $0.address == $1.address && $0.isDeviceWritable == $1.isDeviceWritable
                    }
                try #require(matches)
                device.complete(UInt32(head), byteCount: UInt32(chain.filter(\.isDeviceWritable).count * 8))
            }
            while true {
                let completion = ring.takeCompletion()
                guard case .completed(let head, _) = completion else {
                    try #require(completion == .none)
                    break
                }
                try #require(expected.removeValue(forKey: head) != nil)
            }
        }
    }

    @Test func featureNegotiation() {
        #expect(negotiateVirtioFeatures(offered: 0xFF, wanted: 0xFF) == nil)
        #expect(negotiateVirtioFeatures(offered: 1 << 32 | 3, wanted: 2) == 1 << 32 | 2)
        #expect(negotiateVirtioFeatures(offered: 1 << 32, wanted: 2, required: 2) == nil)
    }

    @Test func unstableConfigurationIsGivenUp() {
        var generation: UInt8 = 0
        #expect(
            readStableConfiguration(
                generation: {
                    generation &+= 1; return generation
                }, { 1 }) == nil)
        #expect(readStableConfiguration(generation: { 7 }, { 5 }) == 5)
    }
}
