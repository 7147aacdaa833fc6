import ABI
import Files
import Input
import InputModel
import KernelSeams
import Support
import Testing

/// A keyboard with two keys and an LED.
private final class ModelKeyboard: InputDevice {
    var outputs: [Swift.String] = []
    init() {
        super.init(
            name: "model keyboard", physicalPath: "test/input0",
            identity: InputIdentity(bus: 6, vendor: 1, product: 2, version: 3))
        describe { state in
            var keys = CodeSet()
            keys.insert(30...31)
            state.support(InputCode.evKey, keys)
            var leds = CodeSet()
            leds.insert(1)
            state.support(InputCode.evLED, leds)
        }
    }
    override func output(type: UInt16, code: UInt16, value: Int32) { outputs.append("\(type) \(code) \(value)") }
    func press(_ key: UInt16, _ value: Int32) {
        report(type: InputCode.evKey, code: key, value: value)
        synchronize()
    }
}

private final class Reader {
    let file: OpenFile
    init(_ device: InputDevice) { file = device.makeFile(flags: [.readWrite, .nonBlocking]) }

    func read(_ room: Int = 512) -> [InputEvent] {
        var events = [InputEvent](repeating: InputEvent(), count: room)
        let count = events.withUnsafeMutableBytes { bytes -> Int in
            do throws(Errno) {
                var buffer = TransferBuffer(kernel: bytes)
                return try file.read(&buffer)
            } catch { return -Int(error.rawValue) }
        }
        return count > 0 ? Array(events.prefix(count / 24)) : []
    }
    func codes() -> [UInt16] { read().map(\.code) }

    func call<T: BitwiseCopyable>(_ request: IoctlRequest, _ value: inout T) -> Int {
        let place = UserScratch.place(value)
        defer { value = place.pointee }
        return call(request, value: UserScratch.address(place))
    }
    func call(_ request: IoctlRequest, value: UInt64) -> Int {
        do throws(Errno) { return try file.control(request.rawValue, value) } catch { return -Int(error.rawValue) }
    }
    func write(_ event: InputEvent) -> Int {
        var event = event
        return withUnsafeMutableBytes(of: &event) { bytes in
            do throws(Errno) {
                var buffer = TransferBuffer(kernel: bytes)
                return try file.write(&buffer)
            } catch { return -Int(error.rawValue) }
        }
    }
}

private func alone(_ body: () -> Void) {
    FakeMemory.start()
    withProcessor(body)
}

@Suite struct EvdevTests {
    @Test func everyClientGetsWhatChanged() {
        alone {
            let keyboard = ModelKeyboard()
            let first = Reader(keyboard), second = Reader(keyboard)
            keyboard.press(30, 1)
            keyboard.press(30, 1)
            keyboard.press(99, 1)
            #expect(first.codes() == [30, 0])
            #expect(second.file.poll(nil).contains(.input))
            #expect(second.codes() == [30, 0])
            #expect(!second.file.poll(nil).contains(.input))
        }
    }

    @Test func overflowIsReported() {
        alone {
            let keyboard = ModelKeyboard()
            let reader = Reader(keyboard)
            for index in 0..<1000 { keyboard.press(30, index % 2 == 0 ? 1 : 0) }
            let events = reader.read()
            #expect(events.contains { $0.type == 0 && $0.code == InputCode.synDropped })
            #expect(events.count <= 256)
            #expect(events.last?.code == InputCode.synReport)
        }
    }

    @Test func aGrabKeepsEventsToItself() {
        alone {
            let keyboard = ModelKeyboard()
            let first = Reader(keyboard), second = Reader(keyboard)
            #expect(first.call(EvdevRequest.grab, value: 1) == 0)
            #expect(second.call(EvdevRequest.grab, value: 1) == -16)
            #expect(second.call(EvdevRequest.grab, value: 0) == -22)
            keyboard.press(30, 1)
            #expect(first.codes() == [30, 0])
            #expect(second.codes() == [])
            #expect(first.call(EvdevRequest.grab, value: 0) == 0)
            keyboard.press(30, 0)
            #expect(second.codes() == [30, 0])
        }
    }

    @Test func theDeviceDescribesItself() {
        alone {
            let reader = Reader(ModelKeyboard())
            let name = UserScratch.allocate(UInt8.self, count: 8)
            #expect(reader.call(EvdevRequest.getName(8), value: UserScratch.address(name)) == 8)
            #expect(Swift.String(decoding: UnsafeBufferPointer(start: name, count: 8), as: UTF8.self) == "model ke")
            var bits: (UInt64, UInt64) = (0, 0)
            #expect(reader.call(EvdevRequest.getBits(InputCode.evKey, 16), &bits) == 16)
            #expect(bits.0 == 3 << 30)
            #expect(reader.call(EvdevRequest.getBits(0, 16), &bits) == 8)
            #expect(bits.0 == 1 << 0 | 1 << 1 | 1 << 17)
            var identity = InputIdentity()
            #expect(reader.call(EvdevRequest.getIdentity, &identity) == 0)
            #expect(identity.product == 2)
            var axis = InputAxis()
            #expect(reader.call(EvdevRequest.getAxis(0), &axis) == -22)
            var rate: UInt64 = 0
            #expect(reader.call(EvdevRequest.getRepeat, &rate) == -38)
            #expect(reader.call(EvdevRequest.getUnique(16), &bits) == -2)
            #expect(reader.call(IoctlRequest(rawValue: 0x8004_45EE), &rate) == -22)
        }
    }

    @Test func ledsGoOutAndCanBeSeen() {
        alone {
            let keyboard = ModelKeyboard()
            let reader = Reader(keyboard)
            #expect(reader.write(InputEvent(type: InputCode.evLED, code: 1, value: 1)) == 24)
            #expect(reader.write(InputEvent(type: InputCode.evLED, code: 2, value: 1)) == 24)
            #expect(keyboard.outputs == ["17 1 1"])
            var leds: UInt64 = 0
            #expect(reader.call(EvdevRequest.getLEDs(8), &leds) == 8)
            #expect(leds == 2)
        }
    }

    @Test func clocksAndRevocation() {
        alone {
            let keyboard = ModelKeyboard()
            let reader = Reader(keyboard)
            var clock: Int32 = 1
            #expect(reader.call(EvdevRequest.setClock, &clock) == 0)
            keyboard.press(30, 1)
            let now = machineMonotonicNanoseconds()
            let stamp = reader.read().first.map { UInt64($0.seconds) * 1_000_000_000 + UInt64($0.microseconds) * 1000 } ?? 0
            #expect(stamp <= now && now - stamp < 1_000_000_000)
            clock = 5
            #expect(reader.call(EvdevRequest.setClock, &clock) == -22)
            #expect(reader.call(EvdevRequest.revoke, value: 0) == 0)
            #expect(reader.call(EvdevRequest.getVersion, &clock) == -19)
            #expect(reader.file.poll(nil).contains(.hangUp))
        }
    }
}
