import ACPI
import Processor
import Support
import Syscalls

/// Ways to turn the machine off or start it again.
enum Power {
    static func install(_ acpi: ACPITables) {
        let ports = acpi.powerControlPorts
        let type = acpi.softOffType
        let reset = acpi.resetRegister
        SystemCalls.powerHandler = { action in
            Log.notice(action == .restart ? "restarting" : action == .powerOff ? "powering off" : "halted")
            _ = machineInterruptSave()
            // Nobody may write to a disk from now on. A panic that is under way comes first.
            if ProcessorStop.claim() == .refused { CPU.stop() }
            ProcessorStop.stopOthers()
            switch action {
            case .powerOff:
                // PM1 control: sleep type in bits 12:10, sleep enable in bit 13 (ACPI 6.5, 4.8.3.2).
                if let type {
                    if ports.0 != 0 { Port.out16(ports.0, UInt16(type.0 & 7) << 10 | 1 << 13) }
                    if ports.1 != 0 { Port.out16(ports.1, UInt16(type.1 & 7) << 10 | 1 << 13) }
                }
            case .restart:
                if let reset { Port.out8(reset.port, reset.value) }
                // The keyboard controller's reset line, then port 0xCF9: both exist on ordinary PCs.
                Port.out8(0x64, 0xfe)
                Port.out8(0xcf9, 6)
            case .halt:
                break
            }
            CPU.stop()
        }
    }
}
