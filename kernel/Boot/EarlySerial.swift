import Processor
import Support

/// Polled output on the first serial port (16550 UART at 0x3f8): the console that works before and after everything else.
enum EarlySerial {
    private static let port: UInt16 = 0x3f8
    nonisolated(unsafe) private static var isPresent = false
    nonisolated(unsafe) static var isEnabled = true

    /// Detects the UART by its scratch register and sets 115200 baud, 8N1, FIFOs on.
    static func start() {
        Port.out8(port + 7, 0x5a)
        guard Port.in8(port + 7) == 0x5a else { return }
        Port.out8(port + 1, 0)
        Port.out8(port + 3, 0x80)
        Port.out8(port, 1)
        Port.out8(port + 1, 0)
        Port.out8(port + 3, 3)
        Port.out8(port + 2, 0xc7)
        Port.out8(port + 4, 0x0b)
        isPresent = true
    }

    static func write(_ bytes: UnsafeBufferPointer<UInt8>) {
        guard isPresent else { return }
        for byte in bytes {
            if byte == 10 { put(13) }
            put(byte)
        }
    }

    private static func put(_ byte: UInt8) {
        // Bounded: a UART that never empties must not hang the kernel.
        for _ in 0..<100_000 {
            if Port.in8(port + 5) & 0x20 != 0 { break }
            machinePause()
        }
        Port.out8(port, byte)
    }
}

/// `Log` writes to the consoles through this.
@c(martlet_console_write)
public func consoleWrite(_ text: UnsafePointer<UInt8>, _ count: Int) {
    if EarlySerial.isEnabled { EarlySerial.write(UnsafeBufferPointer(start: text, count: count)) }
}
