// `martlet-test shell` and `martlet-test boot`: a machine driven from the command line.

import Foundation
import TestDriver

enum MachineCommand {
    /// The machine that the options so far describe.
    private struct Options {
        var configuration = MachineConfiguration()
        var kernel: URL
        var append = ""
        var disk: URL?
        var firmware: MachineConfiguration.Firmware?
        var media: [MachineConfiguration.Medium] = []
        var logs = "by-hand"

        init(_ workspace: Workspace) {
            kernel = workspace.kernel
            if FileManager.default.fileExists(atPath: workspace.rootImage.path) { disk = workspace.rootImage }
        }

        /// Takes one option; answers false for a word that is none.
        mutating func take(_ word: String, _ arguments: inout Arguments) throws -> Bool {
            switch word {
            case "--memory": configuration.memoryMiB = try arguments.number(of: word)
            case "--cpus": configuration.processors = try arguments.number(of: word)
            case "--append": append += (append.isEmpty ? "" : " ") + (try arguments.value(of: word))
            case "--kernel": kernel = URL(filePath: try arguments.value(of: word))
            case "--disk": disk = URL(filePath: try arguments.value(of: word))
            case "--cdrom": media.append(.cdrom(URL(filePath: try arguments.value(of: word))))
            case "--usb": media.append(.usbStick(URL(filePath: try arguments.value(of: word))))
            case "--bios": firmware = .bios
            case "--uefi": firmware = .uefi
            case "--display":
                let name = try arguments.value(of: word)
                guard let display = MachineConfiguration.Display(rawValue: name) else {
                    throw TestFailure("unknown display \(name)")
                }
                configuration.display = display
            case "--input":
                let inputs: [String: MachineConfiguration.Input] = ["virtio": .virtioTablet, "mouse": .virtioMouse, "ps2": .ps2]
                let name = try arguments.value(of: word)
                guard let input = inputs[name] else { throw TestFailure("unknown input \(name)") }
                configuration.input = input
            case "--icount": (configuration.countsInstructions, configuration.processor) = (true, "max,-erms")
            case "--trace": configuration.traceEvents.append(try arguments.value(of: word))
            case "--qemu": configuration.extraArguments.append(try arguments.value(of: word))
            case "--logs": logs = try arguments.value(of: word)
            default: return false
            }
            return true
        }

        func start(_ workspace: Workspace, commandLine: String) throws -> Machine {
            var configuration = configuration
            configuration.firmware = firmware ?? .kernel(kernel, commandLine: commandLine)
            configuration.media = media
            if firmware == nil, let disk { configuration.media.append(.virtioDisk(disk, .dropped)) }
            return try Machine(configuration, logs: workspace.testLogs.appending(path: logs))
        }
    }

    /// Runs each argument as a command line of a shell that is the guest's process 1.
    static func shell(_ arguments: inout Arguments) throws {
        let workspace = try Workspace()
        var (options, commands) = (Options(workspace), [String]())
        while let word = arguments.next() {
            if try !options.take(word, &arguments) { commands.append(word) }
        }
        let machine = try options.start(
            workspace,
            commandLine: "console=ttyS0 root=/dev/vda init=/bin/sh \(options.append.isEmpty ? "quiet" : options.append)")
        defer { machine.stop() }
        let shell = try GuestShell(on: machine)
        for command in commands {
            let (output, status) = try shell.run(command, seconds: 60)
            print(output, terminator: "")
            if status != 0 { print("[status \(status)] \(command)") }
        }
    }

    /// Boots and does the steps in order, with the serial port shown.
    static func boot(_ arguments: inout Arguments) throws {
        let workspace = try Workspace()
        var options = Options(workspace)
        var steps: [(word: String, value: String)] = []
        while let word = arguments.next() {
            if try options.take(word, &arguments) { continue }
            switch word {
            case "--still", "--hold": steps.append((word, ""))
            case "--expect", "--seconds", "--send", "--type", "--press", "--click", "--picture":
                steps.append((word, try arguments.value(of: word)))
            default: throw TestFailure("unknown option \(word); see martlet-test help")
            }
        }
        let commandLine = options.append.isEmpty ? "console=ttyS0 root=/dev/vda" : options.append
        let machine = try options.start(workspace, commandLine: commandLine)
        defer {
            print(machine.serial.text)
            machine.stop()
        }
        var seconds = 30.0
        for step in steps { try play(step, on: machine, seconds: &seconds) }
    }

    private static func play(_ step: (word: String, value: String), on machine: Machine, seconds: inout Double) throws {
        switch step.word {
        case "--expect": try machine.serial.expect(step.value, seconds: seconds)
        case "--seconds": seconds = Double(step.value) ?? seconds
        case "--send": try machine.serial.send(step.value.replacing("\\n", with: "\n"))
        case "--type": try machine.type(step.value.replacing("\\n", with: "\n"))
        case "--press": try machine.press(step.value.split(separator: "+").map { Key(String($0)) })
        case "--click":
            let numbers = step.value.split(separator: ",").compactMap { Int($0) }
            guard numbers.count == 2 else { throw TestFailure("--click wants X,Y") }
            let screen = try machine.picture()
            try machine.click(x: numbers[0], y: numbers[1], screen: (screen.width, screen.height))
        case "--still": try machine.waitUntilStill("still screen", seconds: seconds)
        case "--picture": try machine.picture().writePNG(to: URL(filePath: step.value))
        default:
            print("holding; serial port and QMP stay connected, logs in \(machine.logs.path); Ctrl-C ends the machine")
            while machine.isRunning { Thread.sleep(forTimeInterval: 0.5) }
        }
    }
}
