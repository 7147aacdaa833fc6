// How long somebody has to wait, in guest time where a nanosecond is an instruction.

import Foundation
import TestDriver

/// Figures of latency, by the names of Tests/Bench/linux-figures.txt.
public enum LatencyFigures {
    public static func measure(_ workspace: Workspace) throws -> [String: Int] {
        let context = try ScenarioContext(workspace: workspace, name: "bench-latency", isApproving: false)
        defer { context.stopMachines() }
        let (idle, busy) = try keyToFrame(context)
        return [
            "longest that the kernel held the processor": try longestHold(context),
            "desktop: key to frame, µs": idle / 1000,
            "desktop: key to frame beside 4 busy loops, µs": busy / 1000,
        ]
    }

    /// From a key's interrupt to the frame that shows it in the terminal, the median of some keys: on a desktop with nothing to do, and with
    /// four busy sessions on its processor, each of which wants all of it. In nanoseconds of guest time.
    static func keyToFrame(_ test: ScenarioContext) throws -> (idle: Int, busy: Int) {
        var configuration = test.kernelConfiguration("console=ttyS0 root=/dev/vda martlet.shell=ttyS0")
        configuration.media = [.virtioDisk(test.workspace.testRootImage, .dropped)]
        (configuration.display, configuration.input) = (.virtioGPU, .virtioTablet)
        (configuration.countsInstructions, configuration.processor) = (true, "max,-erms")
        let desktop = try Desktop.start(configuration, test)
        try desktop.openTerminal()
        let shell = try desktop.shell()
        let idle = try keyToFrame(desktop, shell)
        try shell.check("for i in 1 2 3 4; do setsid sh -c 'while :; do :; done' & done")
        let busy = try keyToFrame(desktop, shell)
        return (idle, busy)
    }

    private static func keyToFrame(_ desktop: Desktop, _ shell: GuestShell) throws -> Int {
        func number(_ file: String) throws -> Int {
            let text = try shell.check("cat /proc/martlet/\(file)")
            guard let number = Int(text.split(separator: "\n").last ?? "") else { throw TestFailure("no figure: \(text)") }
            return number
        }
        var times: [Int] = []
        for _ in 0..<9 {
            let before = try number("keys_shown")
            try desktop.machine.press("x")
            try Deadline.poll(seconds: 60, "a frame after a key") { try number("keys_shown") > before ? () : nil }
            times.append(try number("key_to_frame_ns"))
        }
        return times.sorted()[times.count / 2]
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
