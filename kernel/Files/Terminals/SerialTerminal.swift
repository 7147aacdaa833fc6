import ABI
import Files
import LineDiscipline
import Scheduling
import Support
import Synchronization

/// A serial line, as terminals see it. Drivers subclass it.
open class SerialPort {
    /// Who takes what arrives and supplies what leaves; set before the port is started.
    public unowned(unsafe) var client: SerialClient?

    public init() {}

    /// Starts receiving.
    open func start() {}
    /// There is something to transmit: the port pulls it from its client, here or in its interrupt handler.
    open func startTransmission() {}
    /// Takes up to as many received bytes as fit in `target`.
    /// - Returns: bytes stored, and whether a break condition was seen.
    open func receive(into target: UnsafeMutableBufferPointer<UInt8>) -> (count: Int, sawBreak: Bool) { (0, false) }
}

/// What a serial port works for.
open class SerialClient {
    public init() {}
    /// Something has arrived. Called in the interrupt handler.
    open func received() {}
    /// Supplies bytes to transmit. Called in the interrupt handler.
    open func nextBytes(into target: UnsafeMutableBufferPointer<UInt8>) -> Int { 0 }
}

/// A terminal on a serial line (/dev/ttyS0).
///
/// Received bytes go through the line discipline in a kernel thread of its own: editing and signals are too much for an
/// interrupt handler.
public final class SerialTerminal: Terminal {
    private let port: SerialPort
    private let link: SerialLink
    private let index: Int

    /// Makes the terminal and starts the port.
    /// - Returns: nil when there is no memory for its thread.
    public init?(port: SerialPort, index: Int) {
        self.port = port
        self.index = index
        link = SerialLink()
        super.init(number: DeviceNumber(major: 4, minor: 64 + UInt32(index)), outputCapacity: 4096)
        var termios = Termios()
        termios.control |= ControlMode.hangUpOnClose
        _ = state.withLock { $0.discipline.setTermios(termios, &$0.output) }
        link.terminal = self
        port.client = link
        guard let thread = Thread(id: 0, name: "serial", entry: { [self] _ in run() }) else { return nil }
        Scheduler.launch(thread)
        port.start()
    }

    override public var name: String { "/dev/ttyS" + String(index) }
    override var waitsForTransmission: Bool { true }
    public override func transmit() { port.startTransmission() }

    private func run() -> Never {
        while true {
            link.arrival.waitUninterruptibly { link.hasArrived.load(ordering: .acquiring) }
            link.hasArrived.store(false, ordering: .releasing)
            while takeInput() {}
        }
    }

    /// Moves a piece from the port to the discipline; what has no room is lost, as on any full line.
    private func takeInput() -> Bool {
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 64) { piece in
            let (count, sawBreak) = port.receive(into: piece)
            if sawBreak { perform(state.withLock { $0.discipline.receiveBreak(&$0.output) }) }
            if count > 0 { _ = receive(UnsafeBufferPointer(rebasing: piece[0..<count])) }
            return count > 0 || sawBreak
        }
    }
}

/// Between a port's interrupt handler and the terminal.
final class SerialLink: SerialClient {
    unowned(unsafe) var terminal: SerialTerminal?
    let arrival = WaitQueue()
    let hasArrived = Atomic<Bool>(false)

    override func received() {
        hasArrived.store(true, ordering: .releasing)
        arrival.wake()
    }

    override func nextBytes(into target: UnsafeMutableBufferPointer<UInt8>) -> Int {
        guard let terminal else { return 0 }
        if terminal.state.withLock({ $0.discipline.isStopped }) { return 0 }
        return terminal.takeOutput(into: target)
    }
}

/// A terminal without a screen or a line: output vanishes, input never comes. It stands in as the console of a machine that
/// has nothing better.
public final class NullTerminal: Terminal {
    public init() { super.init(number: DeviceNumber(major: 4, minor: 0), outputCapacity: 1024) }
    public override func transmit() {
        state.withLock { $0.output.discard() }
        writable.wake(events: PollEvents.writable.rawValue)
    }
}
