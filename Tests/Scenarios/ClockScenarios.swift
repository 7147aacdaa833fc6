// Machines that lack a timer or an interrupt controller: each falls back with a line in the log, and keeps time all the same.

import Foundation
import TestDriver

let clockScenarios: [Scenario] = [
    Scenario("clocks/without-hpet", "without an HPET the PM timer and the PIT measure the time-stamp counter") { test in
        let shell = try start(test, arguments: ["-machine", "hpet=off"])
        try require(shell.machine.serial.text.contains("clock: no HPET"), "the log does not say that there is none")
        try require(shell.machine.serial.text.contains("(PM timer, and PIT)"), "the others do not measure")
        try keepsTime(shell)
    },
    Scenario("clocks/without-apic", "without a local APIC the PIC and the PIT do") { test in
        let shell = try start(test, processor: "max,-apic")
        try require(shell.machine.serial.text.contains("no local APIC; using the legacy controller"), "the log does not say so")
        try require(shell.machine.serial.text.contains("timer interrupts by the PIT"), "the PIT is not used")
        try keepsTime(shell)
    },
    Scenario("clocks/hpet", "clocks that count by the HPET go on as by the time-stamp counter, in programs too") { test in
        let shell = try start(test, options: "clocksource=hpet", processors: 2)
        try require(shell.machine.serial.text.contains("clock: counting by hpet"), "the log does not say so")
        try keepsTime(shell)
        try playClocks(shell)
    },
    Scenario("clocks/pm-timer", "so do those that count by the PM timer, past the end of its 24 bits") { test in
        let shell = try start(test, options: "clocksource=acpi_pm", processors: 2)
        try require(shell.machine.serial.text.contains("clock: counting by acpi_pm"), "the log does not say so")
        try shell.check(
            "a=$(cut -d. -f1 /proc/uptime); sleep 12; b=$(cut -d. -f1 /proc/uptime); test $((b - a)) -ge 11", seconds: 40)
        try playClocks(shell)
    },
    Scenario("clocks/shared-object", "clocks that are read in programs and in the kernel agree, on four processors") { test in
        try playClocks(try start(test, processors: 4))
    },
    Scenario("clocks/nothing-at-all", "a machine without timers, clock and legacy controllers says what is missing") { test in
        var configuration = test.kernelConfiguration("console=ttyS0")
        configuration.extraArguments = ["-machine", "microvm,rtc=off,pit=off,pic=off"]
        configuration.media = []
        let machine = try test.start(configuration)
        try machine.serial.expect("clock: no HPET", seconds: 20)
        try machine.serial.expect("clock: no PM timer", seconds: 20)
        try machine.serial.expect("clock: no real-time clock", seconds: 20)
        try machine.serial.expect("cannot mount the root", seconds: 30)
    },
]

private func start(
    _ test: ScenarioContext, processor: String = "max", options: String = "", processors: Int = 1, arguments: [String] = []
) throws -> GuestShell {
    var configuration = test.kernelConfiguration("console=ttyS0 root=/dev/vda init=/bin/sh \(options)")
    configuration.media = [.virtioDisk(test.workspace.testRootImage, .dropped)]
    (configuration.processor, configuration.processors, configuration.extraArguments) = (processor, processors, arguments)
    let shell = try GuestShell(on: test.start(configuration))
    try shell.check(
        "mount | grep -q ' /proc ' || mount -t proc proc /proc; mount | grep -q ' /tmp ' || mount -t tmpfs tmpfs /tmp")
    return shell
}

/// A second lasts a second, by the clock of the day and by that of the kernel.
private func keepsTime(_ shell: GuestShell) throws {
    try shell.check(
        "a=$(date +%s); c=$(cut -d. -f1 /proc/uptime); sleep 3; b=$(date +%s); d=$(cut -d. -f1 /proc/uptime); "
            + "test $((b - a)) -ge 3 && test $((b - a)) -le 6 && test $((d - c)) -ge 2 && test $((d - c)) -le 6", seconds: 30)
}

private func playClocks(_ shell: GuestShell) throws {
    let (output, status) = try shell.run("/usr/lib/martlet/tests/storm clock 11 1500 /tmp", seconds: 60)
    try require(status == 0 && output.contains("failures 0"), "the storm ended with \(status):\n\(output)")
}
