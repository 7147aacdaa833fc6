import Block
import Display
import Files
import Input
import PCI
import Support

/// Starts the drivers.
public enum Devices {
    // Drivers live as long as the kernel. Written once at boot, by the thread that starts them.
    nonisolated(unsafe) private static var drivers: [PCIDriver] = []
    nonisolated(unsafe) private static var ps2: PS2Controller?

    /// Finds the devices and starts their drivers: disks, displays and input. They appear in /dev as they are found.
    ///
    /// Called once, in a thread that may sleep, with interrupts and the clock working.
    /// - Parameters:
    ///   - framebuffer: what the boot loader set up; used when no native driver drives the display.
    ///   - ramDisk: memory with a file system that the boot loader loaded; it becomes /dev/ram0.
    public static func start(framebuffer: BootFramebuffer?, ramDisk: (physical: PhysicalAddress, byteCount: UInt64)?) {
        if let ramDisk {
            BlockRegistry.register("ram0", RAMDisk(physical: ramDisk.physical, byteCount: ramDisk.byteCount))
        }
        let gpu = VirtioGPUDriver()
        drivers = [VirtioBlockDriver(), gpu, VirtioInputDriver()]
        PCI.start(drivers: drivers)
        if gpu.card == nil, let framebuffer, !FramebufferDriver.start(framebuffer) {
            Log.warning("display: the boot framebuffer is of a kind that cannot be used")
        }
        ps2 = PS2Controller.start()
        if ps2 == nil { Log.info("input: no PS/2 controller") }
    }
}
