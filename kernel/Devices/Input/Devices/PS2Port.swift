import Processor
import Support

/// The controller's two ports, with bounded waits.
enum PS2Port {
    static var outputFull: UInt8 { 0x01 }
    static var inputFull: UInt8 { 0x02 }
    static var fromMouse: UInt8 { 0x20 }

    static var status: UInt8 { Port.in8(0x64) }
    static var data: UInt8 { Port.in8(0x60) }

    /// Sends a command to the controller.
    static func command(_ byte: UInt8) -> Bool {
        guard waitWritable(milliseconds: 50) else { return false }
        Port.out8(0x64, byte)
        return true
    }

    /// Sends a byte to the keyboard, or where the last command directed it.
    static func write(_ byte: UInt8) -> Bool {
        guard waitWritable(milliseconds: 50) else { return false }
        Port.out8(0x60, byte)
        return true
    }

    /// Sends a byte from an interrupt handler: waits 100 µs at most.
    static func writeQuickly(_ byte: UInt8) {
        let deadline = machineMonotonicNanoseconds() + 100_000
        while status & inputFull != 0 {
            if machineMonotonicNanoseconds() > deadline { return }
        }
        Port.out8(0x60, byte)
    }

    /// The next byte that arrives.
    static func read(milliseconds: UInt64 = 50) -> UInt8? {
        let deadline = machineMonotonicNanoseconds() + milliseconds * 1_000_000
        while status & outputFull == 0 {
            if machineMonotonicNanoseconds() > deadline { return nil }
            machinePause()
        }
        return data
    }

    /// Throws away what has arrived.
    static func drain() {
        for _ in 0..<64 where status & outputFull != 0 { _ = data }
    }

    private static func waitWritable(milliseconds: UInt64) -> Bool {
        let deadline = machineMonotonicNanoseconds() + milliseconds * 1_000_000
        while status & inputFull != 0 {
            if machineMonotonicNanoseconds() > deadline { return false }
            machinePause()
        }
        return true
    }
}
