// Locks of the kernel: what the checker of their orders says, and whether waiters lend their urgency.

import Foundation
import TestDriver

private let checkedStorms = ["memory", "fork", "pipe", "futex", "signal", "files", "locks"]

let lockScenarios: [Scenario] = [
    Scenario("locks/inversion-is-reported", "the debug kernel reports two locks that are taken in both orders, with both stacks")
    {
        test in
        let machine = try test.start(checkedKernel("martlet.test=lock-orders", test))
        try machine.serial.expect("test: two locks were taken in both orders")
        let report = try reports(machine.serial.text)
        try require(report.count == 1, "\(report.count) reports:\n" + report.joined(separator: "\n"))
        for part in [
            "locks are taken in both orders", "Boot/LockTests.swift", "LockTests.takeFirstThenSecond",
            "LockTests.takeSecondThenFirst",
        ] {
            try require(report[0].contains(part), "the report does not name \(part):\n\(report[0])")
        }
    },
    Scenario("locks/storms-in-order", "the debug kernel finds nothing wrong with the locks that the storms take") { test in
        var configuration = checkedKernel("", test)
        configuration.media = [.virtioDisk(test.workspace.testRootImage, .dropped)]
        configuration.processors = 4
        let shell = try GuestShell(on: test.start(configuration))
        try require(shell.machine.serial.text.contains("lockdep: orders of locks are checked"), "it does not check")
        try shell.check(
            "mount | grep -q ' /proc ' || mount -t proc proc /proc; mount | grep -q ' /tmp ' || mount -t tmpfs tmpfs /tmp")
        for name in checkedStorms {
            let (output, status) = try shell.run("/usr/lib/martlet/tests/storm \(name) 5 800 /tmp", seconds: 150)
            try require(status == 0, "\(name) ended with \(status):\n\(output)")
        }
        try shell.check("find / -xdev | wc -l; cat /proc/[0-9]*/stat /proc/[0-9]*/maps > /dev/null 2>&1; sync")
        try requireNoReports(shell.machine.serial.text)
    },
    Scenario("locks/desktop-in-order", "the debug kernel finds nothing wrong with the locks that the desktop takes") { test in
        var configuration = test.kernelConfiguration("")
        configuration.firmware = .kernel(
            test.workspace.build.appending(path: "kernel-lockdep.elf"), commandLine: "console=ttyS0 root=/dev/vda")
        configuration.processors = 2
        (configuration.display, configuration.input) = (.virtioGPU, .virtioTablet)
        let machine = try test.start(configuration)
        let text = try machine.serial.expect(Desktop.readyLine, seconds: 120)
        try require(text.contains("lockdep: orders of locks are checked"), "it does not check")
        try requireNoReports(text)
    },
    Scenario("locks/inheritance", "who waits for a lock lends its urgency to the owner, and to whom that one waits for") { test in
        let machine = try test.start(
            test.kernelConfiguration("console=ttyS0 root=/dev/vda init=/bin/sh martlet.test=inheritance"))
        try machine.serial.expect("test: the urgent thread waited")
        try machine.serial.expect("test: the busy thread ends")
        let text = machine.serial.text
        let words = text.split(separator: "\n").first { $0.contains("the urgent thread waited") }?.split(separator: " ") ?? []
        guard words.count > 2, let waited = Int(words[words.count - 2]) else { throw TestFailure("no figure:\n\(text)") }
        // The busy thread runs for 8 s if nobody stops it; the owner has 0.3 s of work to do.
        try require(waited < 4000, "the urgent thread waited for \(waited) ms")
    },
]

private func checkedKernel(_ options: String, _ test: ScenarioContext) -> MachineConfiguration {
    let words = "console=ttyS0 root=/dev/vda init=/bin/sh \(options)"
    var configuration = test.kernelConfiguration(words)
    configuration.firmware = .kernel(test.workspace.build.appending(path: "kernel-lockdep.elf"), commandLine: words)
    return configuration
}

/// What the checker said, report by report.
private func reports(_ text: String) throws -> [String] {
    var reports: [String] = []
    var current: [Substring]?
    for line in text.split(separator: "\n") {
        if line.contains("lockdep: end of report") {
            if let lines = current { reports.append(lines.joined(separator: "\n")) }
            current = nil
        } else if line.hasPrefix("lockdep: ") {
            current = [line]
        } else if current != nil {
            current!.append(line)
        }
    }
    if let lines = current { reports.append(lines.joined(separator: "\n")) }
    return reports
}

private func requireNoReports(_ text: String) throws {
    let found = try reports(text)
    try require(found.isEmpty, "\(found.count) reports, the first:\n\(found.first ?? "")")
}
