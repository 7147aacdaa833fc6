import ABI
import Files
import Support

/// `mount -t ext2`.
public final class Ext2FileSystemType: FileSystemType {
    public init() { super.init(name: "ext2", needsDevice: true) }

    public override func mount(device: BlockDevice?, options: [UInt8], readOnly: Bool) throws(Errno) -> FileSystem {
        guard let device else { throw .notBlockDevice }
        return try Ext2FileSystem(
            device: device, number: BlockRegistry.number(of: device) ?? DeviceNumber(major: 0, minor: 19),
            readOnly: readOnly)
    }
}
