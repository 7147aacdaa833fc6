// Message-signalled interrupts with a table (PCI Local Bus Specification 3.0, 6.8.2).

/// The MSI-X capability of a function: where its table lies and how to switch it on.
public struct MSIXCapability: Equatable, Sendable {
    public let offset: UInt16
    /// Vectors that the device has, 1…2048.
    public let vectorCount: Int
    /// The base address register whose range holds the table.
    public let tableBAR: Int
    public let tableOffset: Int

    public static let entryByteCount = 16

    /// Decodes the capability; nil when it names a base address register that does not exist.
    public init?<Access: PCIConfigAccess>(_ access: Access, _ address: PCIAddress, at offset: UInt16) {
        let control = access.read16(address, offset + 2)
        let table = access.read32(address, offset + 4)
        guard table & 7 < 6 else { return nil }
        self.offset = offset
        vectorCount = Int(control & 0x7FF) + 1
        tableBAR = Int(table & 7)
        tableOffset = Int(table & ~7)
    }

    /// Switches the function over to MSI-X, with no vector masked by the function mask, and INTx off.
    public func enable<Access: PCIConfigAccess>(_ access: Access, _ address: PCIAddress) {
        let control = access.read16(address, offset + 2)
        access.write16(address, offset + 2, (control | 0x8000) & ~0x4000)
    }

    public func disable<Access: PCIConfigAccess>(_ access: Access, _ address: PCIAddress) {
        let control = access.read16(address, offset + 2)
        access.write16(address, offset + 2, control & ~0x8000)
    }
}

/// The table of a function's vectors, in its memory space.
public struct MSIXTable<Window: RegisterWindow> {
    public let window: Window
    public let vectorCount: Int

    /// - Parameter window: starts at the table.
    /// - Returns: nil when the window is too small for the table.
    public init?(window: Window, vectorCount: Int) {
        guard vectorCount > 0, vectorCount <= 2048, window.byteCount >= vectorCount * MSIXCapability.entryByteCount else {
            return nil
        }
        self.window = window
        self.vectorCount = vectorCount
    }

    /// Masks every vector: the state to start from.
    public func maskAll() {
        for vector in 0..<vectorCount { mask(vector) }
    }

    /// Says what a vector writes, and where; then lets it through.
    ///
    /// The vector is masked while it changes: the device must not send half of a new message.
    public func program(_ vector: Int, address: UInt64, data: UInt32) {
        guard vector >= 0, vector < vectorCount else { return }
        let entry = vector * MSIXCapability.entryByteCount
        mask(vector)
        window.write32(entry, UInt32(truncatingIfNeeded: address))
        window.write32(entry + 4, UInt32(truncatingIfNeeded: address >> 32))
        window.write32(entry + 8, data)
        unmask(vector)
    }

    public func mask(_ vector: Int) { changeControl(vector) { $0 | 1 } }
    public func unmask(_ vector: Int) { changeControl(vector) { $0 & ~1 } }

    private func changeControl(_ vector: Int, _ change: (UInt32) -> UInt32) {
        guard vector >= 0, vector < vectorCount else { return }
        let control = vector * MSIXCapability.entryByteCount + 12
        window.write32(control, change(window.read32(control)))
    }
}
