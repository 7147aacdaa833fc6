// martlet-test: plays scenarios in QEMU, and drives a machine by hand. Usage: docs/testing.md.

import Foundation
import TestDriver

private let usage = """
    usage: martlet-test [run] [--filter TEXT] [--jobs N] [--cpus N] [--approve] [--list]
           martlet-test shell [MACHINE OPTION...] COMMAND...      run commands in the guest, print their output
           martlet-test boot [MACHINE OPTION...] [STEP...]        boot and do the steps in order
           martlet-test bench                                     figures beside those of Linux
           martlet-test disassembly KERNEL                        fail on floating-point and vector instructions
    machine options: --memory MiB  --cpus N  --append TEXT  --kernel FILE  --disk FILE  --cdrom FILE  --usb FILE
                     --bios  --uefi  --display virtio-gpu-pci|virtio-vga|VGA|none  --input virtio|mouse|ps2
                     --icount  --trace EVENT  --logs NAME  --qemu ARGUMENT
    steps: --expect TEXT  --seconds N (bound of the following waits)  --send TEXT (serial)  --type TEXT  --press KEY+KEY
           --click X,Y  --still  --picture FILE.png  --hold (until Ctrl-C)
    """

@main
struct Main {
    static func main() {
        RunningPrograms.shared.stopOnSignals()
        var arguments = Arguments(CommandLine.arguments.dropFirst())
        do {
            exit(try run(&arguments))
        } catch {
            print("martlet-test: \(error)")
            exit(1)
        }
    }

    private static func run(_ arguments: inout Arguments) throws -> Int32 {
        var rest = arguments
        switch arguments.next() {
        case "help", "--help": print(usage)
        case "shell": try MachineCommand.shell(&arguments)
        case "boot": try MachineCommand.boot(&arguments)
        case "bench": return try BenchCommand.run(&arguments)
        case "disassembly":
            guard let file = arguments.next() else { throw TestFailure("disassembly needs a file") }
            let offenders = try KernelDisassembly.offenders(in: URL(filePath: file))
            offenders.forEach { print($0) }
            return offenders.isEmpty ? 0 : 1
        case "run": return try RunCommand.run(&arguments)
        default: return try RunCommand.run(&rest)
        }
        return 0
    }
}
