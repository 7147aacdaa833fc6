import ABI
import Support

/// Opens the files of one kind of device. Subclassed by drivers.
open class DeviceOpener {
    public init() {}
    open func open(flags: OpenFlags, inode: Inode, path: PathNode?) throws(Errno) -> OpenFile { throw .noDeviceOrAddress }
}

/// A registered character or block device.
public final class DeviceRecord {
    public let number: DeviceNumber
    /// The path below /dev, for example `dri/card0`.
    public let name: [UInt8]
    /// Permission bits of the node.
    public let mode: UInt32
    public let isBlock: Bool
    let opener: DeviceOpener?
    public let blockDevice: BlockDevice?

    init(number: DeviceNumber, name: [UInt8], mode: UInt32, opener: DeviceOpener?, blockDevice: BlockDevice?) {
        self.number = number
        self.name = name
        self.mode = mode
        isBlock = blockDevice != nil
        self.opener = opener
        self.blockDevice = blockDevice
    }
}

/// Learns about devices that come and go: the file system behind /dev.
open class DeviceObserver {
    public init() {}
    open func added(_ device: DeviceRecord) {}
    open func removed(_ device: DeviceRecord) {}
}

/// All devices that have a number. Registering one makes its node appear in /dev.
public enum DeviceRegistry {
    struct State: ~Copyable {
        var devices: [DeviceRecord] = []
        var observers: [DeviceObserver] = []
    }
    static let state = SpinLock(State())

    /// Registers a character device.
    /// - Parameter name: the path below /dev; it may contain folders: `input/event0`.
    public static func registerCharacter(major: UInt32, minor: UInt32, name: String, mode: UInt32, opener: DeviceOpener) {
        add(
            DeviceRecord(
                number: DeviceNumber(major: major, minor: minor), name: Array(name.utf8), mode: mode,
                opener: opener, blockDevice: nil))
    }

    static func add(_ device: DeviceRecord) {
        let observers = state.withLock { state in
            state.devices.append(device)
            return state.observers
        }
        for observer in observers { observer.added(device) }
    }

    /// Takes a character device away; files that are open stay as they are.
    public static func unregisterCharacter(major: UInt32, minor: UInt32) {
        let number = DeviceNumber(major: major, minor: minor)
        let (device, observers): (DeviceRecord?, [DeviceObserver]) = state.withLock { state in
            guard let index = state.devices.firstIndex(where: { $0.number == number && !$0.isBlock }) else { return (nil, []) }
            return (state.devices.remove(at: index), state.observers)
        }
        guard let device else { return }
        for observer in observers { observer.removed(device) }
    }

    /// Shows an observer every device there is and every one that comes.
    public static func observe(_ observer: DeviceObserver) {
        let known = state.withLock { state in
            state.observers.append(observer)
            return state.devices
        }
        for device in known { observer.added(device) }
    }

    /// All devices, for /proc/devices.
    public static var all: [DeviceRecord] { state.withLock { $0.devices } }

    static func find(_ number: DeviceNumber, isBlock: Bool) -> DeviceRecord? {
        state.withLock { state in
            for device in state.devices where device.number == number && device.isBlock == isBlock { return device }
            return nil
        }
    }

    /// Opens the device that a character node names.
    static func open(_ inode: Inode, flags: OpenFlags, path: PathNode?) throws(Errno) -> OpenFile {
        guard let opener = find(inode.special, isBlock: false)?.opener else { throw .noDeviceOrAddress }
        return try opener.open(flags: flags, inode: inode, path: path)
    }
}
