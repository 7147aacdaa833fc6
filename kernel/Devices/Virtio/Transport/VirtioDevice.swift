import Frames
import PCI
import PCIConfiguration
import Processor
import Support
import VirtioQueue

/// A modern virtio device on PCI (Virtual I/O Device 1.2, 4.1): status, features, configuration, queues and interrupts.
///
/// The order of a driver's life: `start` (reset, features), `makeQueue` for each queue, `run`.
public final class VirtioDevice {
    /// Registers of the common configuration structure (4.1.4.3).
    private enum Common {
        static var deviceFeatureSelect: Int { 0x00 }
        static var deviceFeature: Int { 0x04 }
        static var driverFeatureSelect: Int { 0x08 }
        static var driverFeature: Int { 0x0C }
        static var configVector: Int { 0x10 }
        static var queueCount: Int { 0x12 }
        static var status: Int { 0x14 }
        static var generation: Int { 0x15 }
        static var queueSelect: Int { 0x16 }
        static var queueSize: Int { 0x18 }
        static var queueVector: Int { 0x1A }
        static var queueEnable: Int { 0x1C }
        static var queueNotifyOffset: Int { 0x1E }
        static var queueDescriptors: Int { 0x20 }
        static var queueAvailable: Int { 0x28 }
        static var queueUsed: Int { 0x30 }
    }
    private static var noVector: UInt16 { 0xFFFF }

    public let pci: PCIDevice
    private let common: MappedWindow
    private let notification: MappedWindow
    private let notifyMultiplier: Int
    private let interruptStatus: MappedWindow
    /// The device-specific configuration; nil for devices without one.
    private let device: MappedWindow?
    /// Features that both sides agreed on.
    public private(set) var features: UInt64 = 0
    /// Whether each source has a vector of its own; otherwise all share the INTx line.
    private var usesMessages = false
    private var line: VirtioLine?
    private var polledDoorbell = 0

    /// Finds and maps the device's structures.
    /// - Returns: nil when it is not a modern device or its structures make no sense.
    public init?(_ pci: PCIDevice) {
        let found = VirtioCapabilities(pci.access, pci.address)
        func window(_ capability: VirtioCapability?) -> MappedWindow? {
            guard let capability else { return nil }
            return pci.window(capability.bar)?.part(offset: capability.offset, byteCount: capability.byteCount)
        }
        pci.enable()
        guard let common = window(found.common), let notification = window(found.notification),
            let interruptStatus = window(found.interruptStatus)
        else { return nil }
        self.pci = pci
        self.common = common
        self.notification = notification
        notifyMultiplier = found.notification?.notifyMultiplier ?? 0
        self.interruptStatus = interruptStatus
        device = window(found.device)
    }

    // MARK: Status and features

    /// Resets the device and agrees on features.
    /// - Returns: false when the device does not reset, is a legacy one, lacks a required feature or rejects the choice.
    public func start(wanted: UInt64, required: UInt64 = 0) -> Bool {
        guard reset() else { return false }
        addStatus(VirtioStatus.acknowledge)
        addStatus(VirtioStatus.driver)
        common.write32(Common.deviceFeatureSelect, 0)
        let low = common.read32(Common.deviceFeature)
        common.write32(Common.deviceFeatureSelect, 1)
        let offered = UInt64(common.read32(Common.deviceFeature)) << 32 | UInt64(low)
        guard let accepted = negotiateVirtioFeatures(offered: offered, wanted: wanted, required: required) else { return fail() }
        common.write32(Common.driverFeatureSelect, 0)
        common.write32(Common.driverFeature, UInt32(truncatingIfNeeded: accepted))
        common.write32(Common.driverFeatureSelect, 1)
        common.write32(Common.driverFeature, UInt32(truncatingIfNeeded: accepted >> 32))
        addStatus(VirtioStatus.featuresOK)
        guard common.read8(Common.status) & VirtioStatus.featuresOK != 0 else { return fail() }
        features = accepted
        usesMessages = pci.prepareMessages() > 0
        return true
    }

    /// Tells the device that its driver is ready: from here on it may use the queues.
    public func run() { addStatus(VirtioStatus.driverOK) }

    /// Stops the device, so that it forgets all buffers: at once, but at most 100 ms long.
    /// - Returns: false when it did not obey; its bus mastering is taken away then.
    @discardableResult
    public func reset() -> Bool {
        common.write8(Common.status, 0)
        let deadline = machineMonotonicNanoseconds() + 100_000_000
        while common.read8(Common.status) != 0 {
            if machineMonotonicNanoseconds() > deadline {
                pci.disableBusMaster()
                return false
            }
            machinePause()
        }
        return true
    }

    /// Gives the device up: it forgets all memory that it was given and sends no more interrupts.
    /// - Returns: false, for the caller to pass on.
    @discardableResult
    public func fail() -> Bool {
        reset()
        addStatus(VirtioStatus.failed)
        pci.releaseVectors()
        return false
    }

    private func addStatus(_ bit: UInt8) { common.write8(Common.status, common.read8(Common.status) | bit) }

    // MARK: Device configuration

    /// Bytes of device-specific configuration.
    public var configurationByteCount: Int { device?.byteCount ?? 0 }
    public func readConfiguration8(_ offset: Int) -> UInt8 {
        guard let device, offset < device.byteCount else { return 0 }
        return device.read8(offset)
    }
    public func readConfiguration16(_ offset: Int) -> UInt16 {
        guard let device, offset + 2 <= device.byteCount else { return 0 }
        return device.read16(offset)
    }
    public func readConfiguration32(_ offset: Int) -> UInt32 {
        guard let device, offset + 4 <= device.byteCount else { return 0 }
        return device.read32(offset)
    }
    /// A 64-bit value, read consistently.
    public func readConfiguration64(_ offset: Int) -> UInt64? {
        readStableConfiguration(generation: { common.read8(Common.generation) }) {
            UInt64(readConfiguration32(offset + 4)) << 32 | UInt64(readConfiguration32(offset))
        }
    }
    public func writeConfiguration8(_ offset: Int, _ value: UInt8) {
        if let device, offset < device.byteCount { device.write8(offset, value) }
    }
    public func writeConfiguration32(_ offset: Int, _ value: UInt32) {
        if let device, offset + 4 <= device.byteCount { device.write32(offset, value) }
    }

    // MARK: Queues

    /// Sets a queue up.
    /// - Parameters:
    ///   - maxSize: the most descriptors to use.
    ///   - handler: told in interrupt context that the device has finished something in this queue.
    /// - Returns: nil when the device has no such queue or there is no memory or no interrupt for it.
    public func makeQueue(_ index: UInt16, maxSize: UInt16, handler: InterruptHandler) -> VirtioQueueHandle? {
        guard index < common.read16(Common.queueCount) else { return nil }
        common.write16(Common.queueSelect, index)
        var size = common.read16(Common.queueSize)
        guard size > 0, size & (size - 1) == 0 else { return nil }
        while size > maxSize { size /= 2 }
        let notifyOffset = Int(common.read16(Common.queueNotifyOffset)) * notifyMultiplier
        guard notifyOffset + 2 <= notification.byteCount, notifyOffset & 1 == 0,
            let memory = DMABuffer(byteCount: SplitRing.Layout(size: size).byteCount)
        else { return nil }
        let layout = SplitRing.Layout(size: size)
        let physical = memory.physical.rawValue
        guard let ring = SplitRing(memory: memory.pointer, size: size) else { return nil }
        common.write16(Common.queueSize, size)
        guard connect(handler, vectorRegister: Common.queueVector) else { return nil }
        write64(Common.queueDescriptors, physical)
        write64(Common.queueAvailable, physical + UInt64(layout.availableOffset))
        write64(Common.queueUsed, physical + UInt64(layout.usedOffset))
        common.write16(Common.queueEnable, 1)
        guard let doorbell = notification.part(offset: notifyOffset, byteCount: 2) else { return nil }
        return VirtioQueueHandle(index: index, memory: memory, ring: ring, doorbell: doorbell)
    }

    /// Sets the handler of changes of the configuration.
    public func setConfigurationHandler(_ handler: InterruptHandler) -> Bool {
        connect(handler, vectorRegister: Common.configVector)
    }

    private func connect(_ handler: InterruptHandler, vectorRegister: Int) -> Bool {
        if usesMessages {
            if let entry = pci.addMessageHandler(handler) {
                common.write16(vectorRegister, UInt16(entry))
                if common.read16(vectorRegister) == UInt16(entry) { return true }
            }
            common.write16(vectorRegister, Self.noVector)
            return false
        }
        if let line { return line.add(handler) }
        let line = VirtioLine(status: interruptStatus)
        guard line.add(handler), pci.addLineHandler(line) else { return false }
        self.line = line
        return true
    }

    // MARK: After a panic

    /// Resets the device and gives it one queue (number 0) that is polled. Allocates nothing and takes no lock: for the panic
    /// screen, when the device's driver can no longer be relied on.
    /// - Parameter ring: zeroed memory for a queue of `size` descriptors.
    public func restartPolled(ring: PhysicalAddress, size: UInt16) -> Bool {
        guard reset() else { return false }
        addStatus(VirtioStatus.acknowledge)
        addStatus(VirtioStatus.driver)
        common.write32(Common.driverFeatureSelect, 0)
        common.write32(Common.driverFeature, 0)
        common.write32(Common.driverFeatureSelect, 1)
        common.write32(Common.driverFeature, UInt32(truncatingIfNeeded: VirtioFeature.version1 >> 32))
        addStatus(VirtioStatus.featuresOK)
        guard common.read8(Common.status) & VirtioStatus.featuresOK != 0 else { return false }
        common.write16(Common.queueSelect, 0)
        guard common.read16(Common.queueSize) >= size else { return false }
        let layout = SplitRing.Layout(size: size)
        common.write16(Common.queueSize, size)
        common.write16(Common.queueVector, Self.noVector)
        write64(Common.queueDescriptors, ring.rawValue)
        write64(Common.queueAvailable, ring.rawValue + UInt64(layout.availableOffset))
        write64(Common.queueUsed, ring.rawValue + UInt64(layout.usedOffset))
        common.write16(Common.queueEnable, 1)
        polledDoorbell = Int(common.read16(Common.queueNotifyOffset)) * notifyMultiplier
        run()
        return polledDoorbell + 2 <= notification.byteCount
    }

    /// Tells the device about new entries in the polled queue.
    public func ringPolledQueue() { notification.write16(polledDoorbell, 0) }

    private func write64(_ offset: Int, _ value: UInt64) {
        common.write32(offset, UInt32(truncatingIfNeeded: value))
        common.write32(offset + 4, UInt32(truncatingIfNeeded: value >> 32))
    }
}

/// A device's INTx line: reading the status acknowledges the interrupt and tells whether it was this device's at all.
final class VirtioLine: InterruptHandler {
    override var name: StaticString { "virtio" }
    private let status: MappedWindow
    private struct State: ~Copyable {
        var handlers: InlineArray<4, InterruptHandler?> = .init(repeating: nil)
        var count = 0
    }
    private let state = SpinLock(State())

    init(status: MappedWindow) { self.status = status }

    func add(_ handler: InterruptHandler) -> Bool {
        state.withLock { state in
            guard state.count < 4 else { return false }
            state.handlers[state.count] = handler
            state.count += 1
            return true
        }
    }

    override func serve() -> InterruptOutcome {
        guard status.read8(0) & 3 != 0 else { return .notMine }
        let count = state.withLock { $0.count }
        for index in 0..<count {
            let handler = state.withLock { $0.handlers[index] }
            handler?.handle()
        }
        return .served
    }
}
