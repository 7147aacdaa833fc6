import Frames
import PCIConfiguration
import Processor
import Support

/// A function on the bus, as its driver sees it: mapped registers, bus mastering and interrupts.
///
/// It is used by one driver, from one thread at a time.
public final class PCIDevice {
    public let address: PCIAddress
    public let identity: PCIIdentity
    public let access: PortConfigAccess
    private var windows: [(index: Int, window: MappedWindow)] = []
    private var msix: (capability: MSIXCapability, table: MSIXTable<MappedWindow>)?
    private var usedVectorCount = 0
    /// The machine's vectors that the table's entries use.
    private var vectors: [UInt8] = []

    init(address: PCIAddress, identity: PCIIdentity, access: PortConfigAccess) {
        self.address = address
        self.identity = identity
        self.access = access
    }

    /// How `lspci` would begin the line: `00:03.0 [1af4:1050]`.
    public var description: String {
        func twoDigits(_ value: UInt8) -> String {
            let pad: StaticString = value < 16 ? "0" : ""
            return "\(pad)\(String(value, radix: 16))"
        }
        let place: String = "\(twoDigits(address.bus)):\(twoDigits(address.device)).\(address.function)"
        return "\(place) [\(String(identity.vendor, radix: 16)):\(String(identity.device, radix: 16))]"
    }

    /// Lets the function decode its memory and start transfers by itself.
    public func enable() { changeCommand(set: [.memorySpace, .busMaster], clear: []) }

    /// Stops its transfers: for a device that no longer behaves.
    public func disableBusMaster() { changeCommand(set: [], clear: .busMaster) }

    private func changeCommand(set: PCICommand, clear: PCICommand) {
        let command = PCICommand(rawValue: access.read16(address, PCIRegister.command))
        access.write16(address, PCIRegister.command, command.union(set).subtracting(clear).rawValue)
    }

    /// The registers behind a base address register, mapped once.
    /// - Parameter limit: the most bytes to map, for devices that put a frame buffer there too.
    /// - Returns: nil when the register does not describe memory, or mapping it failed.
    public func window(_ index: Int, limit: Int = 16 << 20) -> MappedWindow? {
        for known in windows where known.index == index { return known.window }
        guard let bar = PCIBaseAddress(access, address, index: index), bar.space == .memory,
            let window = MappedWindow(physical: PhysicalAddress(bar.base), byteCount: Int(min(bar.byteCount, UInt64(limit))))
        else { return nil }
        windows.append((index, window))
        return window
    }

    // MARK: Interrupts

    /// Prepares message-signalled interrupts: finds the table and masks all of it.
    /// - Returns: the number of vectors; 0 when the function or the machine has none, and INTx is what is left.
    public func prepareMessages() -> Int {
        if let msix { return msix.table.vectorCount }
        guard Interrupts.supportsMessages else { return 0 }
        var found: MSIXCapability?
        forEachCapability(access, address) { entry in
            if entry.kind == PCICapabilityKind.msix, found == nil { found = MSIXCapability(access, address, at: entry.offset) }
        }
        guard let capability = found,
            let window = window(capability.tableBAR)?
                .part(offset: capability.tableOffset, byteCount: capability.vectorCount * MSIXCapability.entryByteCount),
            let table = MSIXTable(window: window, vectorCount: capability.vectorCount)
        else { return 0 }
        // The table can be reached only while memory is decoded; the messages themselves are bus mastering.
        enable()
        capability.enable(access, address)
        table.maskAll()
        changeCommand(set: .interruptDisable, clear: [])
        msix = (capability, table)
        return table.vectorCount
    }

    /// Connects the next free vector of the table to a handler.
    /// - Returns: its number in the table; nil when none is left there or in the machine.
    public func addMessageHandler(_ handler: InterruptHandler) -> Int? {
        guard let msix, usedVectorCount < msix.table.vectorCount, let vector = Interrupts.allocateVector(handler) else {
            return nil
        }
        let entry = usedVectorCount
        usedVectorCount += 1
        vectors.append(vector)
        Interrupts.setRoute(MessageRoute(msix.table, entry: entry, vector: vector), of: vector)
        return entry
    }

    /// Goes back from messages to INTx.
    public func abandonMessages() {
        guard let msix else { return }
        msix.table.maskAll()
        msix.capability.disable(access, address)
        changeCommand(set: [], clear: .interruptDisable)
        self.msix = nil
        releaseVectors()
    }

    /// Gives the vectors back: for a device that is given up. Its handlers do not run any more.
    public func releaseVectors() {
        for vector in vectors { Interrupts.releaseVector(vector) }
        vectors = []
        usedVectorCount = 0
    }

    /// Connects the function's INTx line to a handler, which may be called for interrupts of other devices too.
    /// - Returns: false when the firmware assigned no line, or nothing routes it.
    public func addLineHandler(_ handler: InterruptHandler) -> Bool {
        guard access.read8(address, PCIRegister.interruptPin) != 0 else { return false }
        return SharedLines.add(handler, line: access.read8(address, PCIRegister.interruptLine))
    }
}
