// The ISO on machines of different kinds: firmware, display and input devices, CD and USB stick.

import Foundation
import TestDriver

/// A machine that boots the ISO and has nothing of virtio unless asked.
private func isoMachine(
    _ test: ScenarioContext, firmware: MachineConfiguration.Firmware, display: MachineConfiguration.Display,
    asStick: Bool = false, input: MachineConfiguration.Input = .ps2
) -> MachineConfiguration {
    var configuration = MachineConfiguration()
    configuration.firmware = firmware
    configuration.display = display
    configuration.input = input
    configuration.media = [asStick ? .usbStick(test.workspace.iso) : .cdrom(test.workspace.iso)]
    return configuration
}

/// Boots to the desktop and uses keyboard and mouse there.
private func useDesktop(_ configuration: MachineConfiguration, _ test: ScenarioContext) throws {
    let desktop = try Desktop.start(configuration, test, seconds: 240)
    let before = try desktop.still("the desktop", seconds: 40)
    try desktop.openTerminal()
    let open = try desktop.still("the terminal")
    try desktop.machine.type("echo typed\n")
    try desktop.machine.waitForPicture("the typed text") { desktop.changed($0, open) > 100 }
    // The pointer moves: to a corner first, for a mouse knows no places.
    let here = try desktop.still("the answer")
    if case .ps2 = configuration.input {
        try desktop.machine.movePointer(byX: -3000, y: -3000)
        try desktop.machine.movePointer(byX: 200, y: desktop.size.height - 150)
    } else {
        try desktop.machine.movePointer(x: 200, y: desktop.size.height - 150, screen: desktop.size)
    }
    // A cursor plane is not part of a screen dump; a cursor that is drawn is.
    if configuration.display == .standardVGA {
        try desktop.machine.waitForPicture("the pointer at another place") { desktop.changed($0, here) > 20 }
    }
    try require(before != open, "nothing happened on the desktop")
}

let mediaScenarios: [Scenario] = [
    Scenario("media/uefi-std-vga", "ISO on OVMF with a plain frame buffer, PS/2 keyboard and mouse, no virtio") { test in
        try useDesktop(isoMachine(test, firmware: .uefi, display: .standardVGA), test)
    },
    Scenario("media/uefi-usb-stick", "the same image as a USB stick") { test in
        try useDesktop(isoMachine(test, firmware: .uefi, display: .standardVGA, asStick: true), test)
    },
    Scenario("media/bios-vbe", "ISO on BIOS with a VBE frame buffer") { test in
        try useDesktop(isoMachine(test, firmware: .bios, display: .standardVGA), test)
    },
    Scenario("media/uefi-virtio-gpu", "ISO on OVMF where only virtio-gpu can show anything") { test in
        try useDesktop(isoMachine(test, firmware: .uefi, display: .virtioGPU, input: .virtioTablet), test)
    },
    Scenario("media/uefi-virtio-vga", "the native driver takes over from the firmware's frame buffer") { test in
        try useDesktop(isoMachine(test, firmware: .uefi, display: .virtioVGA, input: .virtioTablet), test)
    },
]
