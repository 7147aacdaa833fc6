// The desktop in numbers: time to it, its size, its memory, what a key costs.

import Foundation
import TestDriver

/// Figures of the booted desktop, by the names of Tests/Bench/linux-figures.txt.
public enum DesktopFigures {
    public static func measure(_ workspace: Workspace) throws -> [String: Int] {
        var figures = ["desktop: kernel and root image, KiB": try imageKiB(workspace)]
        figures["desktop: guest time from reset, ms"] = try milliseconds(workspace)
        let context = try ScenarioContext(workspace: workspace, name: "bench-desktop", isApproving: false)
        defer { context.stopMachines() }
        let desktop = try Desktop.start(context, tracing: true)
        figures["desktop: memory in use, KiB"] = try desktop.memoryInUseKiB()
        try desktop.openTerminal()
        figures["desktop: bytes flushed for one key"] = try desktop.bytesFlushedByKey()
        figures["desktop: flushes in ten idle seconds"] = try desktop.flushesWhileIdle(seconds: 10)
        return figures
    }

    /// Kernel and root file system as the ISO carries them.
    public static func imageKiB(_ workspace: Workspace) throws -> Int {
        try [workspace.kernel, workspace.rootImage].reduce(0) { sum, file in
            let size = try FileManager.default.attributesOfItem(atPath: file.path)[.size] as? Int
            guard let size else { throw TestFailure("\(file.path) has no size") }
            return sum + size / 1024
        }
    }

    /// Virtual time at which the desktop was finished, with every instruction a nanosecond. The root image is in memory, as it is for
    /// the peer's figure: while a processor that counts instructions waits for the host's disk, its clock jumps to the next timer.
    public static func milliseconds(_ workspace: Workspace) throws -> Int {
        var configuration = MachineConfiguration()
        configuration.firmware = .kernel(workspace.kernel, commandLine: "console=ttyS0")
        configuration.bootModule = workspace.rootImage
        configuration.memoryMiB = 1024
        (configuration.display, configuration.input) = (.virtioGPU, .virtioTablet)
        (configuration.countsInstructions, configuration.processor) = (true, "max,-erms")
        let machine = try Machine(configuration, logs: workspace.testLogs.appending(path: "bench-boot"))
        defer { machine.stop() }
        let before = try machine.serial.expect(Desktop.readyLine, seconds: 120)
        // The kernel stamps each line with seconds since reset: `[    0.123456] martlet: desktop ready`.
        guard let stamp = before.split(separator: "\n").last?.firstMatch(of: /\[ *(\d+)\.(\d{6})\]/),
            let seconds = Int(stamp.1), let micros = Int(stamp.2)
        else { throw TestFailure("the line \"\(Desktop.readyLine)\" has no time before it") }
        return seconds * 1000 + micros / 1000
    }
}
