/// Finds every function that can be reached from bus 0 through bridges that the firmware has configured.
///
/// Each bus is visited once, whatever the bridges claim, so a loop in the bus numbers cannot hang the walk.
public func enumeratePCI<Access: PCIConfigAccess>(_ access: Access, _ found: (PCIAddress, PCIIdentity) -> Void) {
    var visited: (UInt64, UInt64, UInt64, UInt64) = (1, 0, 0, 0)
    var pending: [UInt8] = [0]
    func markFirstVisit(_ bus: UInt8) -> Bool {
        let bit = UInt64(1) << UInt64(bus & 63)
        switch bus >> 6 {
        case 0: if visited.0 & bit != 0 { return false }; visited.0 |= bit
        case 1: if visited.1 & bit != 0 { return false }; visited.1 |= bit
        case 2: if visited.2 & bit != 0 { return false }; visited.2 |= bit
        default: if visited.3 & bit != 0 { return false }; visited.3 |= bit
        }
        return true
    }
    while let bus = pending.popLast() {
        for device in UInt8(0)..<32 {
            guard let first = PCIAddress(bus: bus, device: device, function: 0),
                PCIIdentity(access, first) != nil
            else { continue }
            let isMultifunction = access.read8(first, PCIRegister.headerType) & 0x80 != 0
            for function in UInt8(0)..<(isMultifunction ? 8 : 1) {
                guard let address = PCIAddress(bus: bus, device: device, function: function),
                    let identity = PCIIdentity(access, address)
                else { continue }
                found(address, identity)
                if identity.headerType == 1 {
                    let secondary = UInt8(truncatingIfNeeded: access.read32(address, PCIRegister.busNumbers) >> 8)
                    if secondary != 0, markFirstVisit(secondary) { pending.append(secondary) }
                }
            }
        }
    }
}
