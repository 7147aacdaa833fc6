import ABI
import Files
import Scheduling
import Support

/// `mount -t ext2`.
public final class Ext2FileSystemType: FileSystemType {
    public init() { super.init(name: "ext2", needsDevice: true) }

    public override func mount(device: BlockDevice?, options: [UInt8], readOnly: Bool) throws(Errno) -> FileSystem {
        guard let device else { throw .notBlockDevice }
        return try Ext2FileSystem(device: device, number: BlockRegistry.number(of: device) ?? DeviceNumber(major: 0, minor: 19),
                                  readOnly: readOnly)
    }
}

/// Writes dirty data back from time to time, so that a loss of power costs at most the last half minute.
public enum WriteBack {
    private static let periodNanoseconds: UInt64 = 30_000_000_000

    /// Starts the thread. Called once at boot.
    /// - Parameter threadID: the number of the kernel thread.
    public static func start(threadID: Int32) {
        guard let thread = Thread(id: threadID, name: "writeback", entry: { _ in WriteBack.run() }) else {
            Log.error("no memory for the write-back thread")
            return
        }
        Scheduler.launch(thread)
    }

    private static func run() -> Never {
        let queue = WaitQueue()
        while true {
            _ = queue.waitUninterruptibly(deadline: machineMonotonicNanoseconds() &+ periodNanoseconds) { false }
            MountTable.synchronizeAll()
        }
    }
}
