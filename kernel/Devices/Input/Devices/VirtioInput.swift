import ABI
import Frames
import InputModel
import PCI
import Processor
import Scheduling
import Support
import Virtio
import VirtioQueue

/// A virtio keyboard, mouse or tablet (Virtual I/O Device 1.2, 5.8): it speaks evdev itself.
final class VirtioInput: InputDevice {
    /// Registers of the configuration: what to ask for, and the answer.
    private enum Configuration {
        static var select: Int { 0 }
        static var subselect: Int { 1 }
        static var size: Int { 2 }
        static var data: Int { 8 }
        static var name: UInt8 { 0x01 }
        static var serial: UInt8 { 0x02 }
        static var identity: UInt8 { 0x03 }
        static var properties: UInt8 { 0x10 }
        static var eventBits: UInt8 { 0x11 }
        static var axisInformation: UInt8 { 0x12 }
    }
    private static let bufferCount = 64
    /// `virtio_input_event`: type and code of 16 bits, value of 32.
    private static let eventByteCount = 8

    private struct Buffers: ~Copyable {
        /// The buffer that a head belongs to.
        var owners: InlineArray<64, UInt8> = .init(repeating: 0)
        var isStatusBusy: InlineArray<64, Bool> = .init(repeating: false)
        var statusOwners: InlineArray<64, UInt8> = .init(repeating: 0)
    }

    private let device: VirtioDevice
    private var events: VirtioQueueHandle!
    private var status: VirtioQueueHandle!
    /// Event buffers, and status buffers after them.
    private let memory: DMABuffer
    private let buffers = SpinLock(Buffers())

    /// Starts the device and registers it.
    init?(_ device: VirtioDevice, address: String) {
        guard device.start(wanted: 0), let memory = DMABuffer(byteCount: 2 * Self.bufferCount * Self.eventByteCount) else {
            return nil
        }
        self.device = device
        self.memory = memory
        func query(_ select: UInt8, _ subselect: UInt8 = 0) -> [UInt8] { Self.query(device, select, subselect) }
        let identity = query(Configuration.identity)
        func word(_ index: Int) -> UInt16 {
            index * 2 + 1 < identity.count ? UInt16(identity[index * 2]) | UInt16(identity[index * 2 + 1]) << 8 : 0
        }
        let name = query(Configuration.name)
        super.init(
            name: name.isEmpty ? "virtio input" : String(name), physicalPath: "virtio-\(address)/input0",
            uniqueName: String(query(Configuration.serial)),
            identity: InputIdentity(
                bus: identity.isEmpty ? InputIdentity.busVirtual : word(0), vendor: word(1), product: word(2), version: word(3)))
        readCapabilities()
        let eventInterrupt = VirtioInputInterrupt(self)
        guard let events = device.makeQueue(0, maxSize: UInt16(Self.bufferCount), handler: eventInterrupt),
            let status = device.makeQueue(1, maxSize: UInt16(Self.bufferCount), handler: InterruptHandler())
        else {
            device.fail()
            return nil
        }
        self.events = events
        self.status = status
        for index in 0..<Int(events.size) { refill(index) }
        eventInterrupt.start()
        device.run()
        events.notify()
        register()
    }

    // MARK: Configuration

    /// Asks for a piece of configuration; empty when the device has none of that kind.
    private static func query(_ device: VirtioDevice, _ select: UInt8, _ subselect: UInt8) -> [UInt8] {
        device.writeConfiguration8(Configuration.select, select)
        device.writeConfiguration8(Configuration.subselect, subselect)
        let count = min(Int(device.readConfiguration8(Configuration.size)), 128)
        var bytes: [UInt8] = []
        for index in 0..<count { bytes.append(device.readConfiguration8(Configuration.data + index)) }
        if select == Configuration.name || select == Configuration.serial {
            while bytes.last == 0 { bytes.removeLast() }
        }
        return bytes
    }

    private func readCapabilities() {
        let properties = Self.query(device, Configuration.properties, 0)
        for index in properties.indices { describe { $0.properties.setByte(index, properties[index]) } }
        for type in UInt16(1)...InputCode.evMax {
            let bits = Self.query(device, Configuration.eventBits, UInt8(type))
            if bits.isEmpty { continue }
            var set = CodeSet()
            for index in bits.indices { set.setByte(index, bits[index]) }
            if type == InputCode.evRepeat { describe { $0.supportType(type) } } else { describe { $0.support(type, set) } }
            if type == InputCode.evAbsolute { readAxes(set) }
        }
    }

    private func readAxes(_ set: CodeSet) {
        for axis in UInt16(0)...InputCode.absMax where set.contains(axis) {
            let bytes = Self.query(device, Configuration.axisInformation, UInt8(axis))
            guard bytes.count >= 20 else { continue }
            func word(_ index: Int) -> Int32 {
                bytes.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: index * 4, as: Int32.self) }
            }
            var information = InputAxis()
            information.minimum = word(0)
            information.maximum = word(1)
            information.fuzz = word(2)
            information.flat = word(3)
            information.resolution = word(4)
            describe { $0.axes[Int(axis)] = information }
        }
    }

    // MARK: Events

    /// Gives a buffer to the device.
    private func refill(_ index: Int) {
        let address = memory.physical.rawValue + UInt64(index * Self.eventByteCount)
        let segments: InlineArray<1, RingSegment> = [.writable(address, UInt32(Self.eventByteCount))]
        let head: UInt16? = segments.span.withUnsafeBufferPointer { pointer in events.withRing { $0.add(pointer) } }
        if let head { buffers.withLock { $0.owners[Int(head) & 63] = UInt8(index) } }
    }

    fileprivate func takeEvents() {
        var hasRefilled = false
        // At most two rounds of the ring at once, whatever the device does.
        for _ in 0..<(2 * Self.bufferCount) {
            guard case .completed(let head, let byteCount) = events.withRing({ $0.takeCompletion() }) else { break }
            let index = Int(buffers.withLock { $0.owners[Int(head) & 63] })
            if byteCount >= UInt32(Self.eventByteCount) { handle(memory.pointer + index * Self.eventByteCount) }
            refill(index)
            hasRefilled = true
        }
        if hasRefilled { events.notify() }
    }

    private func handle(_ event: UnsafeRawPointer) {
        let type = event.load(as: UInt16.self)
        let code = event.load(fromByteOffset: 2, as: UInt16.self)
        let value = event.load(fromByteOffset: 4, as: Int32.self)
        if type == InputCode.evSynchronize { synchronize() } else { report(type: type, code: code, value: value) }
    }

    /// LEDs go out through the status queue; when the device is too far behind, a change is dropped.
    override func output(type: UInt16, code: UInt16, value: Int32) {
        let isQueued = buffers.withLock { buffers in
            while case .completed(let head, _) = status.withRing({ $0.takeCompletion() }) {
                buffers.isStatusBusy[Int(buffers.statusOwners[Int(head) & 63])] = false
            }
            for index in 0..<Int(status.size) where !buffers.isStatusBusy[index] {
                let offset = (Self.bufferCount + index) * Self.eventByteCount
                (memory.pointer + offset).storeBytes(of: type, as: UInt16.self)
                (memory.pointer + offset).storeBytes(of: code, toByteOffset: 2, as: UInt16.self)
                (memory.pointer + offset).storeBytes(of: value, toByteOffset: 4, as: Int32.self)
                let segment = RingSegment.readable(memory.physical.rawValue + UInt64(offset), UInt32(Self.eventByteCount))
                let segments: InlineArray<1, RingSegment> = [segment]
                let head: UInt16? = segments.span.withUnsafeBufferPointer { pointer in status.withRing { $0.add(pointer) } }
                guard let head else { return false }
                buffers.isStatusBusy[index] = true
                buffers.statusOwners[Int(head) & 63] = UInt8(index)
                return true
            }
            return false
        }
        if isQueued { status.notify() }
    }
}

/// Events go to all who have the device open: work for a thread.
private final class VirtioInputInterrupt: ThreadedInterrupt {
    override var name: StaticString { "virtio input" }
    /// Input devices are never taken away.
    private unowned(unsafe) let device: VirtioInput
    init(_ device: VirtioInput) { self.device = device }
    override func work() { device.takeEvents() }
}

/// Drives virtio input devices.
public final class VirtioInputDriver: PCIDriver {
    /// Keeps the devices alive.
    private var devices: [VirtioInput] = []

    public init() { super.init(name: "virtio-input", matches: [PCIMatch(vendor: 0x1AF4, device: 0x1052)]) }

    public override func attach(_ device: PCIDevice) -> Bool {
        guard let virtio = VirtioDevice(device), let input = VirtioInput(virtio, address: device.description) else {
            return false
        }
        devices.append(input)
        return true
    }
}
