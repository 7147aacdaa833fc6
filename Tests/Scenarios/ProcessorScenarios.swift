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
    }
    + [2, 8].map { count in
        Scenario(
            "processors/all-at-once-\(count)",
            "all storms at the same time on \(count) processors, beside a busy disk, find nothing wrong"
        ) { test in try playTogether(processors: count, test) }
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
        Scenario("processors/silent", "a processor that never answers its start-up is reported and left out") { test in
            var configuration = test.kernelConfiguration("console=ttyS0 root=/dev/vda init=/bin/sh martlet.test=silent-processor")
            configuration.processors = 4
            let shell = try GuestShell(on: test.start(configuration))
            let log = shell.machine.serial.text
            try require(log.contains("processors: number 238 does not start"), "the log does not name it:\n\(log)")
            try require(log.contains("processors: 4 of 5 run"), "the log does not count it out:\n\(log)")
            try shell.check("mount -t proc proc /proc; test $(grep -c ^processor /proc/cpuinfo) = 4")
            // The processor after it works like the others.
            try shell.check("for n in 0 1 2 3; do taskset $((1 << n)) true || exit 1; done; grep -q '^cpu3 ' /proc/stat")
        },
        Scenario("processors/stale-is-noticed", "without shootdown the memory storm fails, or stands still: it can fail") {
            test in
            do {
                let shell = try startForStorms(processors: 4, options: "martlet.test=no-shootdown", test)
                for seed in 1...4 {
                    let command = stormCommand("memory", seed: seed, milliseconds: 2500, folder: "/tmp")
                    let (_, status) = try shell.run(command, seconds: 40)
                    if status != 0 { return }
                }
            } catch {
                // Whatever else became of such a kernel has been noticed too.
                return
            }
            throw TestFailure("four storms found nothing")
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
    let before = try Counters(shell)
    for name in names { try round(shell, name, seed: processors * 100 + 7, milliseconds: milliseconds) }
    try requireQuiet(shell, before)
}

/// Every storm at once, and a disk that is read meanwhile: interrupts come in the middle of everything.
private func playTogether(processors: Int, _ test: ScenarioContext) throws {
    let shell = try startForStorms(processors: processors, test)
    for name in storms { try round(shell, name, seed: 1, milliseconds: 100) }
    let before = try Counters(shell)
    let reading = "dd if=/dev/vda of=/dev/null bs=4096 count=2000; cat /proc/[0-9]*/stat /proc/interrupts"
    try shell.check("{ (while [ ! -e /tmp/over ]; do \(reading); done) > /dev/null 2>&1 & }")
    for name in storms {
        // One that writes files does so on the disk.
        let folder = name == "files" ? "/root" : "/tmp"
        let storm = stormCommand(name, seed: processors, milliseconds: 2500, folder: folder)
        try shell.check("{ (\(storm); echo status $?) > /tmp/\(name).log 2>&1 & }", seconds: 60)
    }
    try Deadline.poll(seconds: 180, "the end of all storms") { () -> Void? in
        let ended = try number(shell, "grep -l '^status' /tmp/*.log 2>/dev/null | wc -l")
        return ended == storms.count ? () : nil
    }
    try shell.check("touch /tmp/over; wait", seconds: 60)
    for name in storms {
        let output = try shell.check("cat /tmp/\(name).log")
        try require(output.contains("failures 0") && output.contains("status 0"), "\(name), beside the others:\n\(output)")
    }
    try shell.check("rm /tmp/*.log /tmp/over")
    try require(try Counters(shell).diskInterrupts > before.diskInterrupts, "the disk was silent meanwhile")
    try requireQuiet(shell, before)
}

/// What a system shows that has nothing to do.
private struct Counters {
    /// Memory in use that is no cache of files.
    var usedKilobytes: Int
    var threads: Int
    var diskInterrupts: Int

    init(_ shell: GuestShell) throws {
        usedKilobytes = try number(
            shell,
            "awk '/^MemTotal|^MemFree|^Cached/ { v[$1] = $2 } END { print v[\"MemTotal:\"] - v[\"MemFree:\"] - v[\"Cached:\"] }' /proc/meminfo"
        )
        threads = try number(shell, "cut -d/ -f2 /proc/loadavg | cut -d' ' -f1")
        diskInterrupts = try number(
            shell,
            "awk '/virtio/ { for (i = 2; i <= NF; i++) if ($i ~ /^[0-9]+$/) n += $i } END { print n + 0 }' /proc/interrupts")
    }
}

/// Requires that what the storms started has ended and that its memory is back.
private func requireQuiet(_ shell: GuestShell, _ before: Counters) throws {
    var seen = ""
    do {
        try Deadline.poll(seconds: 15, "the end of what the storms started, and their memory back") { () -> Void? in
            let after = try Counters(shell)
            seen = "\(after), before \(before)"
            return after.usedKilobytes <= before.usedKilobytes + 2048 && after.threads <= before.threads ? () : nil
        }
    } catch { throw TestFailure("\(error): \(seen)") }
    try shell.expect("ls /proc | grep -c storm; grep -l storm /proc/[0-9]*/comm | wc -l", prints: "0\n0")
    try require(!shell.machine.serial.text.contains("Kernel panic"), "the kernel panicked")
}

private func round(_ shell: GuestShell, _ name: String, seed: Int, milliseconds: Int) throws {
    for folder in name == "files" ? ["/tmp", "/root"] : ["/tmp"] {
        let (output, status) = try shell.run(
            stormCommand(name, seed: seed, milliseconds: milliseconds, folder: folder), seconds: 120)
        try require(status == 0 && output.contains("failures 0"), "\(name) in \(folder) ended with \(status):\n\(output)")
    }
}

/// The number that a command prints last.
func number(_ shell: GuestShell, _ command: String) throws -> Int {
    let text = try shell.check(command)
    guard let number = Int(text.split(separator: "\n").last ?? "") else {
        throw TestFailure("\(command) gives no number: \(text)")
    }
    return number
}
