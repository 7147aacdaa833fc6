import ABI
import Files
import InputModel
import Processor
import Scheduling
import Support

/// The clock of an event's time stamp, by its Linux number.
enum EventClock: Int32 {
    case realtime = 0
    case monotonic = 1
    case boottime = 7
}

/// What one open file has of a device. Everything but the queue is protected by the device's lock.
final class EvdevClient {
    fileprivate(set) var ring = EvdevRing()
    fileprivate(set) var clock = EventClock.realtime
    fileprivate(set) var isRevoked = false
    let readers = WaitQueue()
}

/// A keyboard, mouse, tablet …: takes events from its driver and hands them to every open file, or to the one that grabbed it.
///
/// Drivers subclass it for output (LEDs), describe it before `register`, and call `report` and `synchronize` from their
/// interrupt handlers.
open class InputDevice {
    // Whatever subclasses do not override is final. Otherwise every importing module emits a stand-in for the method that was
    // optimised away, and they collide in the linker.
    struct Core: ~Copyable {
        var state = InputState()
        var clients: [EvdevClient] = []
        var grabber: EvdevClient?
        var keyRepeat = KeyRepeat()
    }
    public let name: String
    public let physicalPath: String
    public let uniqueName: String
    public let identity: InputIdentity
    let core = SpinLock(Core())
    private final var repeatTimer: RepeatTimer?

    public init(name: String, physicalPath: String, uniqueName: String = String(), identity: InputIdentity) {
        self.name = name
        self.physicalPath = physicalPath
        self.uniqueName = uniqueName
        self.identity = identity
        repeatTimer = RepeatTimer(self)
    }

    /// Sends something to the device: an LED, a sound. Called in a thread; must not sleep.
    open func output(type: UInt16, code: UInt16, value: Int32) {}

    /// Describes what the device can do; before `register`.
    public final func describe(_ body: (inout InputState) -> Void) { core.withLock { body(&$0.state) } }

    /// Makes it appear as /dev/input/eventN.
    public final func register() { InputRegistry.add(self) }

    /// Opens the device.
    public final func makeFile(flags: OpenFlags, inode: Inode? = nil, path: PathNode? = nil) -> OpenFile {
        EvdevFile(self, flags: flags, inode: inode, path: path)
    }

    // MARK: From the driver

    /// Reports an event. Callable in interrupts.
    public final func report(type: UInt16, code: UInt16, value: Int32) {
        core.withLock { core in _ = deliver(type, code, value, &core) }
    }

    /// Ends a packet of events. Callable in interrupts.
    public final func synchronize() {
        core.withLock { core in endPacket(&core) }
    }

    private final func deliver(_ type: UInt16, _ code: UInt16, _ value: Int32, _ core: inout Core) -> Bool {
        guard core.state.accept(type: type, code: code, value: value) else { return false }
        let now = machineMonotonicNanoseconds()
        if type == InputCode.evKey, value == 1, code < 0x100 { KeyLatency.keyPressed(at: now) }
        if type == InputCode.evKey, value != 2, core.state.supportedCodes(0).contains(InputCode.evRepeat), code < 0x100 {
            if let due = core.keyRepeat.keyChanged(code, isPressed: value != 0, at: now) { repeatTimer?.arm(at: due) }
        }
        push(type, code, value, now, &core)
        return true
    }

    private final func endPacket(_ core: inout Core) {
        guard deliver(InputCode.evSynchronize, InputCode.synReport, 0, &core) else { return }
        if let grabber = core.grabber {
            grabber.readers.wake()
        } else {
            for client in core.clients { client.readers.wake() }
        }
    }

    private final func push(_ type: UInt16, _ code: UInt16, _ value: Int32, _ now: UInt64, _ core: inout Core) {
        var event = InputEvent(type: type, code: code, value: value)
        if let grabber = core.grabber {
            event.stamp(now, grabber.clock)
            grabber.ring.push(event)
            return
        }
        for client in core.clients where !client.isRevoked {
            event.stamp(now, client.clock)
            client.ring.push(event)
        }
    }

    /// A held key is due again: called by the timer.
    fileprivate final func repeatKey() {
        core.withLock { core in
            guard let key = core.keyRepeat.key, deliver(InputCode.evKey, key, 2, &core) else { return }
            endPacket(&core)
            repeatTimer?.arm(at: core.keyRepeat.next(after: machineMonotonicNanoseconds()))
        }
    }

    // MARK: From the files

    final func addClient() -> EvdevClient {
        let client = EvdevClient()
        core.withLock { $0.clients.append(client) }
        return client
    }

    final func removeClient(_ client: EvdevClient) {
        core.withLock { core in
            if core.grabber === client { core.grabber = nil }
            core.clients.removeAll { $0 === client }
        }
    }

    final func take(_ client: EvdevClient) -> InputEvent? { core.withLock { _ in client.ring.pop() } }
    final func readableCount(_ client: EvdevClient) -> Int { core.withLock { _ in client.ring.readableCount } }
    final func isRevoked(_ client: EvdevClient) -> Bool { core.withLock { _ in client.isRevoked } }

    /// An event that a program writes: what the device can output goes to it, and everybody sees it.
    final func inject(_ event: InputEvent) {
        if event.type == InputCode.evSynchronize {
            synchronize()
            return
        }
        let isAccepted = core.withLock { core in deliver(event.type, event.code, event.value, &core) }
        if isAccepted, event.type == InputCode.evLED || event.type == InputCode.evSound {
            output(type: event.type, code: event.code, value: event.value)
        }
    }

    final func setClock(_ clock: EventClock, of client: EvdevClient) {
        core.withLock { _ in
            if client.clock == clock { return }
            client.clock = clock
            var time = InputEvent()
            time.stamp(machineMonotonicNanoseconds(), clock)
            client.ring.removeAllAndReport(at: time)
        }
    }

    final func grab(_ client: EvdevClient) throws(Errno) {
        let isFree = core.withLock { core in
            guard core.grabber == nil else { return false }
            core.grabber = client
            return true
        }
        if !isFree { throw .busy }
    }

    final func ungrab(_ client: EvdevClient) throws(Errno) {
        let wasGrabbed = core.withLock { core in
            guard core.grabber === client else { return false }
            core.grabber = nil
            return true
        }
        if !wasGrabbed { throw .invalidArgument }
    }

    final func revoke(_ client: EvdevClient) {
        core.withLock { core in
            client.isRevoked = true
            client.ring.removeAll()
            if core.grabber === client { core.grabber = nil }
        }
        client.readers.wake()
    }
}

/// Repeats a held key, for devices that have EV_REP.
private final class RepeatTimer: KernelTimer {
    /// Devices are never taken away, so the timer does not outlive its own.
    private unowned(unsafe) let device: InputDevice
    init(_ device: InputDevice) { self.device = device }
    override func fire() { device.repeatKey() }
}

extension InputEvent {
    /// Puts a monotonic time in, converted to another clock where one is asked for.
    mutating func stamp(_ monotonic: UInt64, _ clock: EventClock) {
        let time = clock == .realtime ? Clock.realtime : monotonic
        seconds = Int64(time / 1_000_000_000)
        microseconds = Int64(time % 1_000_000_000 / 1000)
    }
}

/// All input devices, numbered in the order in which they were found.
enum InputRegistry {
    private static let nextNumber = SpinLock<UInt32>(0)

    static func add(_ device: InputDevice) {
        let number = nextNumber.withLock { number in
            defer { number += 1 }
            return number
        }
        Log.info("input: event\(number): \(device.name)")
        DeviceRegistry.registerCharacter(
            major: 13, minor: 64 + number, name: "input/event\(number)", mode: 0o660, opener: EvdevOpener(device))
    }
}

final class EvdevOpener: DeviceOpener {
    private let device: InputDevice
    init(_ device: InputDevice) { self.device = device }
    override func open(flags: OpenFlags, inode: Inode, path: PathNode?) throws(Errno) -> OpenFile {
        device.makeFile(flags: flags, inode: inode, path: path)
    }
}
