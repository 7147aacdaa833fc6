import ABI
import Files
import Frames
import Processes
import Processor
import Scheduling
import Support
import Synchronization
import VirtualMemory

/// The texts of the files in /proc that are about the whole system.
public enum KernelTexts {
    /// Processor time is told in units of 1/100 s.
    static let nanosecondsPerTick: UInt64 = 10_000_000

    static func version(_ environment: ProcEnvironment) -> [UInt8] {
        let text: KernelString = "Linux version \(environment.release) (martlet) \(environment.build)\n"
        return text.utf8
    }

    static func loadAverage() -> [UInt8] {
        var text = KernelString()
        for load in LoadAverage.hundredths {
            text.append(hundredths: load)
            text += " "
        }
        text += "\(max(1, Scheduler.runnableCount))/\(ProcessTable.counts.threads) \(LoadAverage.lastProcessID)\n"
        return text.utf8
    }

    static func fileSystems() -> [UInt8] {
        var text = KernelString()
        for type in FileSystemTypes.all { text += type.needsDevice ? "\t\(type.name)\n" : "nodev\t\(type.name)\n" }
        return text.utf8
    }

    /// Majors and the first component of their devices' names.
    static func devices() -> [UInt8] {
        var text: KernelString = "Character devices:\n"
        list(blocks: false, &text)
        text += "\nBlock devices:\n"
        list(blocks: true, &text)
        return text.utf8
    }

    private static func list(blocks: Bool, _ text: inout KernelString) {
        var seen: [UInt32] = []
        for device in DeviceRegistry.all where device.isBlock == blocks && !seen.contains(device.number.major) {
            seen.append(device.number.major)
            text.append(padded: device.number.major, to: 3)
            let name = device.name.prefix { $0 != UInt8(ascii: "/") && !($0 >= 48 && $0 <= 57) }
            text += " \(name)\n"
        }
    }

    static func partitions() -> [UInt8] {
        var text: KernelString = "major minor  #blocks  name\n\n"
        for device in DeviceRegistry.all {
            guard let disk = device.blockDevice else { continue }
            text.append(padded: device.number.major, to: 4)
            text.append(padded: device.number.minor, to: 9)
            text.append(padded: disk.sectorCount / 2, to: 11)
            text += " \(device.name)\n"
        }
        return text.utf8
    }

    /// The mounts as a process with a given root sees them.
    public static func mounts(root: PathNode?) -> [UInt8] {
        var text = KernelString()
        for mount in MountTable.all {
            guard let node = mount.root, let fileSystem = mount.fileSystem else { continue }
            text.append(escaped: mount.source.isEmpty ? fileSystem.typeName.bytes : mount.source)
            text += " "
            text.append(escaped: node.absolutePath(root: root))
            text += " \(fileSystem.typeName) "
            text += mountOptions(mount, fileSystem)
            text += " 0 0\n"
        }
        return text.utf8
    }

    static func mountInformation(root: PathNode?) -> [UInt8] {
        var text = KernelString()
        for mount in MountTable.all {
            guard let node = mount.root, let fileSystem = mount.fileSystem else { continue }
            text += "\(mount.identifier) 1 \(fileSystem.device.major):\(fileSystem.device.minor) / "
            text.append(escaped: node.absolutePath(root: root))
            text += " "
            text += mountOptions(mount, fileSystem)
            text += " - \(fileSystem.typeName) "
            text.append(escaped: mount.source.isEmpty ? fileSystem.typeName.bytes : mount.source)
            text += " rw\n"
        }
        return text.utf8
    }

    private static func mountOptions(_ mount: Mount, _ fileSystem: FileSystem) -> KernelString {
        let isReadOnly = mount.flags.contains(.readOnly) || fileSystem.isReadOnly.load(ordering: .relaxed)
        var text: KernelString = isReadOnly ? "ro" : "rw"
        if mount.flags.contains(.noSetUser) { text += ",nosuid" }
        if mount.flags.contains(.noDevices) { text += ",nodev" }
        if mount.flags.contains(.noExecution) { text += ",noexec" }
        text += mount.flags.contains(.noAccessTime) ? ",noatime" : ",relatime"
        text += "\(fileSystem.mountOptions)"
        return text
    }
}
