import LineDiscipline
import Processor
import Support
import Terminals

/// A 16550 UART on a PC's ports (National Semiconductor PC16550D data sheet): interrupts for both directions, FIFOs of 16
/// bytes.
///
/// The kernel's log writes to the same port by polling; each byte that it sends only delays ours.
public final class UART16550: SerialPort {
    private enum Register {
        static let data: UInt16 = 0
        static let interruptEnable: UInt16 = 1
        /// Read: what interrupts; write: FIFO control.
        static let identification: UInt16 = 2
        static let lineControl: UInt16 = 3
        static let modemControl: UInt16 = 4
        static let lineStatus: UInt16 = 5
        static let modemStatus: UInt16 = 6
        static let scratch: UInt16 = 7
    }
    private enum Status {
        static let dataReady: UInt8 = 0x01
        static let overrun: UInt8 = 0x02
        static let breakSignal: UInt8 = 0x10
        static let transmitterEmpty: UInt8 = 0x20
    }
    private static let receiveInterrupt: UInt8 = 1
    private static let transmitInterrupt: UInt8 = 2
    private static let statusInterrupt: UInt8 = 4
    private static let fifoBytes = 16
    /// Bytes handled in one interrupt; a port that has more interrupts again.
    private static let burst = 256

    private struct State: ~Copyable {
        var received = ByteRing(capacity: 1024)
        var sawBreak = false
        /// The value of the interrupt enable register.
        var enabled: UInt8 = 0
    }

    private let base: UInt16
    private let irq: UInt8
    private let state = SpinLock(State())

    /// Finds a port.
    /// - Returns: nil when nothing answers there.
    public init?(base: UInt16 = 0x3f8, irq: UInt8 = 4) {
        self.base = base
        self.irq = irq
        super.init()
        // A register without a function keeps what is written, if there is a UART.
        for pattern: UInt8 in [0x5A, 0xA5] {
            Port.out8(base + Register.scratch, pattern)
            if Port.in8(base + Register.scratch) != pattern { return nil }
        }
    }

    public override func start() {
        guard Interrupts.routeLegacy(irq: irq, to: Handler(self)) else {
            Log.warning("serial: no interrupt for the port at \(hex(base)); it only takes the log")
            return
        }
        Port.out8(base + Register.interruptEnable, 0)
        // 115200 baud, 8 bits, no parity, one stop bit.
        Port.out8(base + Register.lineControl, 0x80)
        Port.out8(base + Register.data, 1)
        Port.out8(base + Register.interruptEnable, 0)
        Port.out8(base + Register.lineControl, 0x03)
        // FIFOs on and empty, interrupt at 8 bytes or after a pause.
        Port.out8(base + Register.identification, 0x87)
        // DTR, RTS, and OUT2, which lets interrupts through on a PC.
        Port.out8(base + Register.modemControl, 0x0B)
        for register in [Register.lineStatus, Register.data, Register.identification, Register.modemStatus] {
            _ = Port.in8(base + register)
        }
        enable(Self.receiveInterrupt | Self.statusInterrupt)
    }

    private func enable(_ bits: UInt8) {
        state.withLock { state in
            guard state.enabled & bits != bits else { return }
            state.enabled |= bits
            Port.out8(base + Register.interruptEnable, state.enabled)
        }
    }

    /// An empty transmitter interrupts as soon as it may.
    public override func startTransmission() { enable(Self.transmitInterrupt) }

    public override func receive(into target: UnsafeMutableBufferPointer<UInt8>) -> (count: Int, sawBreak: Bool) {
        state.withLock { state in
            let sawBreak = state.sawBreak
            state.sawBreak = false
            return (state.received.take(into: target), sawBreak)
        }
    }

    // MARK: Interrupts

    private final class Handler: InterruptHandler {
        override var name: StaticString { "serial port" }
        private let port: UART16550
        init(_ port: UART16550) { self.port = port }
        override func handle() { port.interrupt() }
    }

    /// What the port's interrupt does.
    func interrupt() {
        var hasReceived = false
        for _ in 0..<Self.burst {
            // Bit 0 clear: something interrupts.
            let cause = Port.in8(base + Register.identification)
            if cause & 1 != 0 { break }
            let status = Port.in8(base + Register.lineStatus)
            if status == 0xFF { break }
            if receive(status) { hasReceived = true }
            if cause & 0x0E == 0x02 || status & Status.transmitterEmpty != 0 { transmit() }
            if cause & 0x0E == 0 { _ = Port.in8(base + Register.modemStatus) }
        }
        if hasReceived { client?.received() }
    }

    /// Empties the receiver.
    private func receive(_ first: UInt8) -> Bool {
        var status = first
        var isAny = false
        for _ in 0..<Self.burst {
            if status & (Status.dataReady | Status.breakSignal) == 0 { break }
            let byte = Port.in8(base + Register.data)
            state.withLock { state in
                if status & Status.breakSignal != 0 {
                    state.sawBreak = true
                } else if state.received.room > 0 {
                    state.received.append(byte)
                }
            }
            isAny = true
            status = Port.in8(base + Register.lineStatus)
        }
        return isAny
    }

    /// Fills the transmitter's FIFO, and stops asking for more when there is nothing.
    private func transmit() {
        // The interrupt is switched off first, in the port too: what another processor supplies in the meantime switches it on
        // again, and only that makes an empty transmitter interrupt once more.
        let isWanted = state.withLock { state in
            guard state.enabled & Self.transmitInterrupt != 0 else { return false }
            state.enabled &= ~Self.transmitInterrupt
            Port.out8(base + Register.interruptEnable, state.enabled)
            return true
        }
        guard isWanted else { return }
        let count: Int = withUnsafeTemporaryAllocation(of: UInt8.self, capacity: Self.fifoBytes) { piece in
            let count = client?.nextBytes(into: piece) ?? 0
            for index in 0..<count { Port.out8(base + Register.data, piece[index]) }
            return count
        }
        if count > 0 { enable(Self.transmitInterrupt) }
    }
}
