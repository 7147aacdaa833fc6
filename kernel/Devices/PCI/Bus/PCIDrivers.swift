import PCIConfiguration
import Support

/// Which functions a driver is for.
public struct PCIMatch: Sendable {
    let vendor: UInt16
    let device: UInt16
    public init(vendor: UInt16, device: UInt16) {
        self.vendor = vendor
        self.device = device
    }
    func matches(_ identity: PCIIdentity) -> Bool { identity.vendor == vendor && identity.device == device }
}

/// A driver for functions on the bus.
open class PCIDriver {
    public let name: StaticString
    public let matches: [PCIMatch]

    public init(name: StaticString, matches: [PCIMatch]) {
        self.name = name
        self.matches = matches
    }

    /// Starts a device.
    /// - Returns: whether the driver drives it now. If not, it has left the device quiet.
    open func attach(_ device: PCIDevice) -> Bool { false }
}

/// The bus and its drivers.
public enum PCI {
    /// Finds all functions and gives each to the first driver that matches and takes it. Called once at boot, in a thread
    /// that may sleep, with interrupts working.
    public static func start(drivers: [PCIDriver]) {
        let access = PortConfigAccess()
        var devices: [PCIDevice] = []
        enumeratePCI(access) { address, identity in
            devices.append(PCIDevice(address: address, identity: identity, access: access))
        }
        Log.info("pci: \(devices.count) functions")
        // A driver decides the order among its kind (vda before vdb) by being offered the devices in bus order.
        for device in devices where device.identity.headerType == 0 { attach(device, drivers) }
    }

    private static func attach(_ device: PCIDevice, _ drivers: [PCIDriver]) {
        for driver in drivers {
            for match in driver.matches where match.matches(device.identity) {
                if driver.attach(device) { return }
                Log.warning("pci: \(device.description): \(driver.name) did not start it")
            }
        }
    }
}
