// What a scenario asks of QEMU, as values; `arguments` turns it into a command line.

import Foundation

/// A virtual PC.
public struct MachineConfiguration: Sendable {
    /// The display device.
    public enum Display: String, Sendable, CaseIterable {
        case virtioGPU = "virtio-gpu-pci"
        case virtioVGA = "virtio-vga"
        case standardVGA = "VGA"
        case none
    }

    /// What runs first.
    public enum Firmware: Sendable {
        /// QEMU loads the kernel itself, by its PVH note.
        case kernel(URL, commandLine: String)
        /// SeaBIOS, which boots from the media.
        case bios
        /// OVMF, which boots from the media.
        case uefi
    }

    /// How the guest's writes to a disk are kept.
    public enum Writes: Sendable {
        /// In a temporary file that QEMU drops at its end; the image stays as it is.
        case dropped
        /// In a copy in the log folder, which can be examined after the run.
        case copied
    }

    /// Something to boot or mount.
    public enum Medium: Sendable {
        case virtioDisk(URL, Writes)
        case cdrom(URL)
        case usbStick(URL)
    }

    /// Keyboard and pointer.
    public enum Input: Sendable {
        case virtioTablet, virtioMouse, ps2
    }

    public var memoryMiB = 512
    public var processors = 1
    public var display = Display.none
    /// Size that virtio displays report; nil leaves QEMU's 1280×800.
    public var displaySize: (width: Int, height: Int)?
    public var firmware = Firmware.bios
    /// A root image that QEMU loads into memory beside the kernel.
    public var bootModule: URL?
    public var media: [Medium] = []
    public var input = Input.ps2
    /// `max`, or with ERMS off for figures that compare (see docs/testing.md).
    public var processor = "max"
    /// Virtual time counts instructions, so that a run repeats exactly.
    public var countsInstructions = false
    /// QEMU trace events that are written to `trace.log`.
    public var traceEvents: [String] = []
    /// VNC display for people who watch, such as `127.0.0.1:0`.
    public var vnc: String?
    /// Wait for gdb on TCP port 1234.
    public var waitsForDebugger = false
    public var extraArguments: [String] = []

    public init() {}

    /// The command line, with all files below `scratch` (sockets; short path) and `logs`.
    func arguments(scratch: URL, logs: URL) throws -> [String] {
        var list = ["qemu-system-x86_64", "-M", "q35", "-accel", countsInstructions ? "tcg" : "tcg,thread=multi"]
        list += ["-cpu", processor, "-smp", "\(processors)", "-m", "\(memoryMiB)M", "-nodefaults", "-no-reboot"]
        list += ["-display", vnc.map { "vnc=\($0)" } ?? "none", "-vga", "none", "-S"]
        list += ["-device", "isa-debug-exit,iobase=0xf4,iosize=4", "-object", "rng-random,id=rng0,filename=/dev/urandom"]
        let serial = "socket,id=serial0,server=on,wait=off,path=\(scratch.path)/serial,logfile=\(logs.path)/serial.log"
        list += ["-chardev", serial, "-serial", "chardev:serial0"]
        list += ["-chardev", "socket,id=qmp0,server=on,wait=off,path=\(scratch.path)/qmp", "-mon", "chardev=qmp0,mode=control"]
        if countsInstructions {
            list += ["-icount", "shift=0,sleep=off", "-seed", "1", "-rtc", "base=2026-01-01T00:00:00,clock=vm"]
        }
        switch display {
        case .none: break
        case .standardVGA: list += ["-device", "VGA,vgamem_mb=16"]
        case .virtioGPU, .virtioVGA:
            let size = displaySize.map { ",xres=\($0.width),yres=\($0.height)" } ?? ""
            list += ["-device", display.rawValue + size]
        }
        switch input {
        case .ps2: break
        case .virtioTablet: list += ["-device", "virtio-keyboard-pci", "-device", "virtio-tablet-pci"]
        case .virtioMouse: list += ["-device", "virtio-keyboard-pci", "-device", "virtio-mouse-pci"]
        }
        switch firmware {
        case .kernel(let kernel, let commandLine): list += ["-kernel", kernel.path, "-append", commandLine]
        case .bios: break
        case .uefi: list += try uefiArguments(logs: logs)
        }
        if let bootModule { list += ["-initrd", bootModule.path] }
        for (index, medium) in media.enumerated() { list += try mediumArguments(medium, index, logs: logs) }
        for event in traceEvents { list += ["-trace", "enable=\(event)"] }
        if !traceEvents.isEmpty { list += ["-msg", "timestamp=on", "-D", "\(logs.path)/trace.log"] }
        if waitsForDebugger { list += ["-s"] }
        return list + extraArguments
    }

    private func uefiArguments(logs: URL) throws -> [String] {
        let variables = logs.appending(path: "ovmf-vars.fd")
        try? FileManager.default.removeItem(at: variables)
        try FileManager.default.copyItem(at: URL(filePath: "/usr/share/OVMF/OVMF_VARS_4M.fd"), to: variables)
        return [
            "-drive", "if=pflash,format=raw,unit=0,readonly=on,file=/usr/share/OVMF/OVMF_CODE_4M.fd",
            "-drive", "if=pflash,format=raw,unit=1,file=\(variables.path)",
        ]
    }

    private func mediumArguments(_ medium: Medium, _ index: Int, logs: URL) throws -> [String] {
        let id = "medium\(index)"
        switch medium {
        case .virtioDisk(let image, let writes):
            try requireFile(image)
            let file: URL
            switch writes {
            case .dropped: file = image
            case .copied:
                file = logs.appending(path: image.lastPathComponent)
                if file.path != image.path {
                    try? FileManager.default.removeItem(at: file)
                    try FileManager.default.copyItem(at: image, to: file)
                }
            }
            let snapshot = if case .dropped = writes { ",snapshot=on" } else { "" }
            return [
                "-drive", "if=none,id=\(id),format=raw,file=\(file.path)\(snapshot)",
                "-device", "virtio-blk-pci,drive=\(id)",
            ]
        case .cdrom(let image):
            try requireFile(image)
            return [
                "-drive", "if=none,id=\(id),media=cdrom,format=raw,readonly=on,file=\(image.path)",
                "-device", "ide-cd,drive=\(id),bootindex=\(index)",
            ]
        case .usbStick(let image):
            try requireFile(image)
            return [
                "-drive", "if=none,id=\(id),format=raw,file=\(image.path),snapshot=on",
                "-device", "qemu-xhci,id=usb\(index)",
                "-device", "usb-storage,bus=usb\(index).0,drive=\(id),bootindex=\(index),removable=on",
            ]
        }
    }

    private func requireFile(_ file: URL) throws {
        try require(FileManager.default.isReadableFile(atPath: file.path), "\(file.path) is missing: run `make image` first")
    }
}
