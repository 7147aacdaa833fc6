import KernelSeams
import Terminals
import Testing

@testable import Serial

/// A 16550 as far as its transmitter goes, which sends at once. An interrupt for the transmitter comes when it becomes empty, and when the
/// interrupt is switched on while it is; reading the identification takes it back.
private final class SimulatedPort {
    static let base: UInt16 = 0x3f8
    private var enabled: UInt8 = 0
    private var scratch: UInt8 = 0
    private var isPending = false
    var sent: [UInt8] = []

    func read(_ port: UInt16) -> UInt8 {
        switch port &- Self.base {
        case 1: return enabled
        case 2:
            let cause: UInt8 = interrupts ? 0xC2 : 0xC1
            if interrupts { isPending = false }
            return cause
        case 5: return 0x60
        case 7: return scratch
        default: return 0
        }
    }

    func write(_ port: UInt16, _ value: UInt8) {
        switch port &- Self.base {
        case 0 where enabled != 0:
            sent.append(value)
            isPending = true
        case 1:
            if (enabled ^ value) & 2 != 0 { isPending = value & 2 != 0 }
            enabled = value
        case 7: scratch = value
        default: break
        }
    }

    var interrupts: Bool { enabled & 2 != 0 && isPending }
}

private final class Source: SerialClient {
    var bytes: [UInt8] = []
    /// What another processor does while the handler finds nothing to send.
    var meanwhile: (() -> Void)?

    override func nextBytes(into target: UnsafeMutableBufferPointer<UInt8>) -> Int {
        let count = min(bytes.count, target.count)
        for index in 0..<count { target[index] = bytes[index] }
        bytes.removeFirst(count)
        if count == 0, let action = meanwhile {
            meanwhile = nil
            action()
        }
        return count
    }
}

@Suite(.serialized) struct UARTTests {
    private func makePort(_ simulated: SimulatedPort, _ source: Source) -> UART16550? {
        FakePorts.read = { simulated.read($0) }
        FakePorts.write = { simulated.write($0, $1) }
        let port = UART16550(base: SimulatedPort.base, irq: 4)
        port?.client = source
        port?.start()
        return port
    }

    @Test func sendsEverything() throws {
        let (simulated, source) = (SimulatedPort(), Source())
        let port = try #require(makePort(simulated, source))
        source.bytes = Array(0..<100)
        port.startTransmission()
        #expect(simulated.interrupts)
        port.interrupt()
        #expect(simulated.sent == Array(0..<100))
        #expect(!simulated.interrupts)
    }

    /// The last byte is out, the handler asks for more and gets none; before it knows, another processor has supplied some. The
    /// transmitter is empty, so only switching its interrupt on anew lets it interrupt again.
    @Test func bytesThatComeWhileTheHandlerStopsAreSent() throws {
        let (simulated, source) = (SimulatedPort(), Source())
        let port = try #require(makePort(simulated, source))
        source.bytes = [1]
        source.meanwhile = {
            source.bytes = [2]
            port.startTransmission()
        }
        port.startTransmission()
        port.interrupt()
        while simulated.interrupts { port.interrupt() }
        #expect(simulated.sent == [1, 2])
    }
}
