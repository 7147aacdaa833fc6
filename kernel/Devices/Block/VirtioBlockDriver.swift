import Files
import PCI
import Support
import Virtio

/// Drives virtio disks and registers them as vda, vdb …
public final class VirtioBlockDriver: PCIDriver {
    private var diskCount: UInt8 = 0

    public init() {
        // The transitional device has the modern structures too.
        super.init(
            name: "virtio-blk", matches: [PCIMatch(vendor: 0x1AF4, device: 0x1042), PCIMatch(vendor: 0x1AF4, device: 0x1001)])
    }

    public override func attach(_ device: PCIDevice) -> Bool {
        guard diskCount < 26, let virtio = VirtioDevice(device), let disk = VirtioDisk(virtio) else { return false }
        let name = String([0x76, 0x64, 0x61 + diskCount])
        diskCount += 1
        let access: StaticString = disk.isReadOnly ? ", read-only" : ""
        Log.info("virtio-blk: \(name): \(disk.sectorCount / 2048) MiB\(access)")
        BlockRegistry.register(name, disk)
        return true
    }
}
