import ABI
import InputModel
import Processor
import Scheduling
import Support

/// The i8042 controller with its keyboard and mouse ports (IBM PS/2 Hardware Interface Technical Reference, keyboard and
/// auxiliary device controller). PCs exist without one: every wait has a bound, and silence means that it is not there.
public final class PS2Controller {
    private enum Command {
        static var readConfiguration: UInt8 { 0x20 }
        static var writeConfiguration: UInt8 { 0x60 }
        static var disableMouse: UInt8 { 0xA7 }
        static var enableMouse: UInt8 { 0xA8 }
        static var testMousePort: UInt8 { 0xA9 }
        static var selfTest: UInt8 { 0xAA }
        static var testKeyboardPort: UInt8 { 0xAB }
        static var disableKeyboard: UInt8 { 0xAD }
        static var enableKeyboard: UInt8 { 0xAE }
        static var toMouse: UInt8 { 0xD4 }
    }
    private enum Configuration {
        static var keyboardInterrupt: UInt8 { 1 << 0 }
        static var mouseInterrupt: UInt8 { 1 << 1 }
        static var keyboardClockOff: UInt8 { 1 << 4 }
        static var mouseClockOff: UInt8 { 1 << 5 }
        static var translation: UInt8 { 1 << 6 }
    }
    private static let acknowledge: UInt8 = 0xFA

    private struct Devices: ~Copyable {
        var keyboard: PS2Keyboard?
        var mouse: PS2Mouse?
    }
    private let devices = SpinLock(Devices())

    private init() {}

    /// Looks for the controller and starts what is connected to it. Sleeps not, but may take a second on slow hardware.
    /// - Returns: nil when there is none.
    public static func start() -> PS2Controller? {
        guard PS2Port.status != 0xFF else { return nil }
        let controller = PS2Controller()
        return controller.bringUp() ? controller : nil
    }

    private func bringUp() -> Bool {
        guard PS2Port.command(Command.disableKeyboard), PS2Port.command(Command.disableMouse) else { return false }
        PS2Port.drain()
        guard PS2Port.command(Command.readConfiguration), var configuration = PS2Port.read() else { return false }
        let quiet = configuration & ~(Configuration.keyboardInterrupt | Configuration.mouseInterrupt) | Configuration.translation
        guard PS2Port.command(Command.selfTest), PS2Port.read(milliseconds: 500) == 0x55, write(configuration: quiet) else {
            return false
        }

        // A controller with a second port lets its clock go when it is enabled.
        var hasMousePort = false
        if PS2Port.command(Command.enableMouse), PS2Port.command(Command.readConfiguration), let enabled = PS2Port.read() {
            hasMousePort = enabled & Configuration.mouseClockOff == 0
        }
        let hasKeyboardPort = PS2Port.command(Command.testKeyboardPort) && PS2Port.read() == 0
        if hasMousePort { hasMousePort = PS2Port.command(Command.testMousePort) && PS2Port.read() == 0 }

        configuration = quiet & ~(Configuration.keyboardClockOff | Configuration.mouseClockOff)
        guard write(configuration: configuration) else { return false }
        if hasKeyboardPort, PS2Port.command(Command.enableKeyboard), let keyboard = makeKeyboard() {
            configuration |= Configuration.keyboardInterrupt
            devices.withLock { $0.keyboard = keyboard }
        }
        if hasMousePort, PS2Port.command(Command.enableMouse), let mouse = makeMouse() {
            configuration |= Configuration.mouseInterrupt
            devices.withLock { $0.mouse = mouse }
        }
        PS2Port.drain()
        let (keyboard, mouse) = devices.withLock { ($0.keyboard, $0.mouse) }
        guard keyboard != nil || mouse != nil else { return false }
        let interrupt = PS2Interrupt(self)
        interrupt.start()
        if keyboard != nil, !Interrupts.routeLegacy(irq: 1, to: interrupt) { return false }
        if mouse != nil, !Interrupts.routeLegacy(irq: 12, to: interrupt) { return false }
        keyboard?.register()
        mouse?.register()
        return write(configuration: configuration)
    }

    private func write(configuration: UInt8) -> Bool {
        PS2Port.command(Command.writeConfiguration) && PS2Port.write(configuration)
    }

    /// Resets the keyboard and finds out which scan codes arrive.
    private func makeKeyboard() -> PS2Keyboard? {
        guard send(0xFF), PS2Port.read(milliseconds: 800) == 0xAA else { return nil }
        _ = send(0xF0) && send(0x02)
        guard PS2Port.command(Command.readConfiguration), let configuration = PS2Port.read() else { return nil }
        let set: PS2KeyboardDecoder.ScanCodeSet = configuration & Configuration.translation != 0 ? .one : .two
        guard send(0xF4) else { return nil }
        return PS2Keyboard(set: set)
    }

    /// Resets the mouse and asks for wheel reports with the sample rates that IntelliMouse listens for.
    private func makeMouse() -> PS2Mouse? {
        guard sendToMouse(0xFF), PS2Port.read(milliseconds: 800) == 0xAA, PS2Port.read() != nil else { return nil }
        for rate: UInt8 in [200, 100, 80] {
            guard sendToMouse(0xF3), sendToMouse(rate) else { return nil }
        }
        guard sendToMouse(0xF2), let identifier = PS2Port.read() else { return nil }
        guard sendToMouse(0xF3), sendToMouse(100), sendToMouse(0xF4) else { return nil }
        return PS2Mouse(hasWheel: identifier == 3 || identifier == 4)
    }

    private func send(_ byte: UInt8) -> Bool { PS2Port.write(byte) && PS2Port.read(milliseconds: 100) == Self.acknowledge }
    private func sendToMouse(_ byte: UInt8) -> Bool {
        PS2Port.command(Command.toMouse) && PS2Port.write(byte) && PS2Port.read(milliseconds: 100) == Self.acknowledge
    }

    /// Takes what has arrived, all of it: the controller raises no further interrupt before. Bounded, for one that never gets empty.
    fileprivate func takeBytes() {
        for _ in 0..<4096 {
            let status = PS2Port.status
            guard status & PS2Port.outputFull != 0, status != 0xFF else { return }
            let byte = PS2Port.data
            let (keyboard, mouse) = devices.withLock { ($0.keyboard, $0.mouse) }
            if status & PS2Port.fromMouse != 0 {
                mouse?.take(byte, at: machineMonotonicNanoseconds())
            } else {
                keyboard?.take(byte)
            }
        }
    }
}

/// Bytes are fetched by slow port accesses, and events go to all who have the device open: work for a thread.
private final class PS2Interrupt: ThreadedInterrupt {
    override var name: StaticString { "keyboard controller" }
    private let controller: PS2Controller
    init(_ controller: PS2Controller) { self.controller = controller }
    override func work() { controller.takeBytes() }
}
