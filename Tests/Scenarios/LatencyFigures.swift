// How long somebody has to wait, in guest time where a nanosecond is an instruction.

import Foundation
import TestDriver

/// Figures of latency, by the names of Tests/Bench/linux-figures.txt.
public enum LatencyFigures {
    public static func measure(_ workspace: Workspace) throws -> [String: Int] {
        let context = try ScenarioContext(workspace: workspace, name: "bench-latency", isApproving: false)
        defer { context.stopMachines() }
        return ["longest that the kernel held the processor": try longestHold(context)]
    }

    /// The longest that the scheduler had to wait for the processor while a program made long calls, in instructions.
    static func longestHold(_ test: ScenarioContext, option: String = "") throws -> Int {
        var configuration = test.kernelConfiguration("console=ttyS0 root=/dev/vda init=/bin/sh quiet \(option)")
        configuration.media = [.virtioDisk(test.workspace.testRootImage, .dropped)]
        (configuration.countsInstructions, configuration.processor) = (true, "max,-erms")
        let shell = try GuestShell(on: test.start(configuration))
        try shell.check("mount -t proc proc /proc; mount -t tmpfs tmpfs /tmp; echo 0 > /proc/sys/kernel/sched_hold_worst_ns")
        let (output, status) = try shell.run(stormCommand("held", seed: 1, milliseconds: 100, folder: "/tmp"), seconds: 120)
        try require(status == 0 && output.contains("failures 0"), "the storm ended with \(status):\n\(output)")
        let text = try shell.check("cat /proc/sys/kernel/sched_hold_worst_ns")
        guard let number = Int(text.split(separator: "\n").last ?? "") else { throw TestFailure("no figure: \(text)") }
        return number
    }
}
