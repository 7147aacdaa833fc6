// Many processors at once: the storms of /usr/lib/martlet/tests/storm, whose counters must agree, and after which the system is as
// it was.

import Foundation
import TestDriver

/// The storms with the arguments that bound them; each has its own seed, which its last line shows.
private let storms = ["memory", "fork", "pipe", "futex", "fpu", "timer", "signal", "files", "clock", "locks"]

let processorScenarios: [Scenario] =
    [1, 2, 4].flatMap { count in
        storms.map { name in
            Scenario("processors/\(name)-\(count)", "the storm \(name) on \(count) processors finds nothing wrong") { test in
                try play([name], milliseconds: 1200, processors: count, test)
            }
        }
    } + [
        Scenario("processors/mix-8", "short storms of every kind on 8 processors find nothing wrong") { test in
            try play(storms, milliseconds: 300, processors: 8, test)
        },
        Scenario("processors/all-start", "every processor is started") { test in
            var configuration = test.kernelConfiguration("console=ttyS0 root=/dev/vda init=/bin/sh")
            configuration.processors = 4
            let shell = try GuestShell(on: test.start(configuration))
            try require(shell.machine.serial.text.contains("processors: 4 of 4 run"), "the kernel does not say that all run")
        },
        Scenario("processors/stale-is-noticed", "without shootdown the memory storm sees stale translations: it can fail") {
            test in
            let shell = try startForStorms(processors: 4, options: "martlet.test=no-shootdown", test)
            let (output, status) = try shell.run(stormCommand("memory", seed: 1, milliseconds: 2500, folder: "/tmp"), seconds: 60)
            try require(status != 0, "the storm ended with \(status):\n\(output)")
            try require(
                output.contains("stale translations") || output.contains("found the past"), "it failed otherwise:\n\(output)")
        },
    ]

func stormCommand(_ name: String, seed: Int, milliseconds: Int, folder: String) -> String {
    "/usr/lib/martlet/tests/storm \(name) \(seed) \(milliseconds) \(folder)"
}

/// A shell whose /tmp is in memory, for a kernel with more words on its command line.
func startForStorms(processors: Int, options: String = "", _ test: ScenarioContext) throws -> GuestShell {
    var configuration = test.kernelConfiguration("console=ttyS0 root=/dev/vda init=/bin/sh quiet \(options)")
    configuration.media = [.virtioDisk(test.workspace.testRootImage, .dropped)]
    configuration.processors = processors
    let shell = try GuestShell(on: test.start(configuration))
    try shell.check(
        "mount | grep -q ' /proc ' || mount -t proc proc /proc; mount | grep -q ' /tmp ' || mount -t tmpfs tmpfs /tmp")
    return shell
}

private func play(_ names: [String], milliseconds: Int, processors: Int, _ test: ScenarioContext) throws {
    let shell = try startForStorms(processors: processors, test)
    // The first round fills caches that stay.
    for name in names { try round(shell, name, seed: 1, milliseconds: milliseconds / 3) }
    let before = try usedKilobytes(shell)
    for name in names { try round(shell, name, seed: processors * 100 + 7, milliseconds: milliseconds) }
    try Deadline.poll(seconds: 10, "the end of what the storms started, and their memory back") { () -> Void? in
        let after = try usedKilobytes(shell)
        return after <= before + 2048 ? () : nil
    }
    try shell.expect("ls /proc | grep -c storm; grep -l storm /proc/[0-9]*/comm | wc -l", prints: "0\n0")
    try require(!shell.machine.serial.text.contains("Kernel panic"), "the kernel panicked")
}

private func round(_ shell: GuestShell, _ name: String, seed: Int, milliseconds: Int) throws {
    for folder in name == "files" ? ["/tmp", "/root"] : ["/tmp"] {
        let (output, status) = try shell.run(
            stormCommand(name, seed: seed, milliseconds: milliseconds, folder: folder), seconds: 60)
        try require(status == 0 && output.contains("failures 0"), "\(name) in \(folder) ended with \(status):\n\(output)")
    }
}

/// Memory in use that is no cache of files.
private func usedKilobytes(_ shell: GuestShell) throws -> Int {
    let text = try shell.check(
        "awk '/^MemTotal|^MemFree|^Cached/ { v[$1] = $2 } END { print v[\"MemTotal:\"] - v[\"MemFree:\"] - v[\"Cached:\"] }' /proc/meminfo"
    )
    guard let number = Int(text.split(separator: "\n").last ?? "") else { throw TestFailure("no figure of memory: \(text)") }
    return number
}
