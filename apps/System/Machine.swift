// What only the first process does to the machine as a whole.

import CLibc

/// How a machine's run ends.
public enum PowerAction: Sendable {
    case powerOff, reboot, halt
}

public enum Machine {
    /// Mounts a file system (mount(2)).
    public static func mount(_ type: String, on path: String, flags: MountFlags = [], options: String = "") throws(Errno) {
        try callInt { CLibc.mount(type, path, type, UInt(flags.rawValue), options) }
    }

    /// Makes a mounted file system read-only, so that nothing is lost when the power goes.
    public static func remountReadOnly(_ path: String) throws(Errno) {
        try callInt { CLibc.mount(nil, path, nil, UInt(Linux.remount | MountFlags.readOnly.rawValue), nil) }
    }

    public static func setHostname(_ name: String) throws(Errno) { try callInt { sethostname(name, name.utf8.count) } }

    /// Writes everything that is only in memory to the disks.
    public static func sync() { CLibc.sync() }

    /// Ends the machine's run; returns only with an error.
    public static func end(_ action: PowerAction) -> Errno {
        let command: UInt32
        switch action {
        case .powerOff: command = 0x4321_FEDC
        case .reboot: command = 0x0123_4567
        case .halt: command = 0xCDEF_0123
        }
        _ = reboot(Int32(bitPattern: command))
        return lastError()
    }

    /// Sends a signal to every process but this one (if this is the first one).
    public static func signalAll(_ number: Int32) { _ = kill(-1, number) }
}

/// Flags of a mount.
public struct MountFlags: OptionSet, Sendable {
    public let rawValue: UInt32
    @inlinable public init(rawValue: UInt32) { self.rawValue = rawValue }

    public static var readOnly: MountFlags { MountFlags(rawValue: 1) }
    public static var noSetUser: MountFlags { MountFlags(rawValue: 2) }
    public static var noDevices: MountFlags { MountFlags(rawValue: 4) }
    public static var noExecution: MountFlags { MountFlags(rawValue: 8) }
}
