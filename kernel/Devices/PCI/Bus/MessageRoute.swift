import PCIConfiguration
import Processor
import Support

/// An entry of a function's MSI-X table as the way of an interrupt.
final class MessageRoute: InterruptRoute {
    private let table: MSIXTable<MappedWindow>
    private let entry: Int
    private let vector: UInt8

    init(_ table: MSIXTable<MappedWindow>, entry: Int, vector: UInt8) {
        self.table = table
        self.entry = entry
        self.vector = vector
    }

    override var kind: StaticString { "PCI-MSIX" }
    override func direct(to identifier: UInt32) {
        table.program(entry, address: Interrupts.messageAddress(for: identifier), data: Interrupts.messageData(vector))
    }
    override func mask() { table.mask(entry) }
}
