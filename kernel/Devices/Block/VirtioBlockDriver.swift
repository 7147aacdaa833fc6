import Files
import PCI
import Support
import Virtio

/// Drives virtio disks and registers them as vda, vdb …
public final class VirtioBlockDriver: PCIDriver {
    private var diskCount: UInt8 = 0

    public init() {
        // The transitional device has the modern structures too.
        super.init(name: "virtio-blk", matches: [PCIMatch(vendor: 0x1AF4, device: 0x1042), PCIMatch(vendor: 0x1AF4, device: 0x1001)])
    }

    public override func attach(_ device: PCIDevice) -> Bool {
        guard diskCount < 26, let virtio = VirtioDevice(device), let disk = VirtioDisk(virtio) else { return false }
        let letter = Unicode.Scalar(0x61 + diskCount)
        let name = "vd" + String(Character(letter))
        diskCount += 1
        Log.info("virtio-blk: \(name): \(disk.sectorCount / 2048) MiB\(disk.isReadOnly ? ", read-only" : "")")
        BlockRegistry.register(name, disk)
        return true
    }
}
