// The checked kernel's heap: each kind of damage is found and told, and what nobody refers to any more is listed.

import Foundation
import TestDriver

let heapScenarios: [Scenario] =
    [
        ("heap-overrun", "was written behind its end, at offset 100"),
        ("heap-use-after-free", "was written after it was freed, at offset 40"), ("heap-double-free", "was freed twice"),
    ].map { name, message in
        Scenario("memory/\(name)", "the checked kernel stops at it and says what it found") { test in
            let machine = try test.start(checked("console=ttyS0 root=/dev/vda init=/bin/sh quiet martlet.test=\(name)", test))
            try Deadline.poll(seconds: 60, "the report") { machine.serial.text.contains("the heap was damaged") ? () : nil }
            try require(machine.serial.text.contains(message), "it is not called by its name")
            try require(machine.serial.text.contains("of size class 128"), "the class is not told")
        }
    } + [
        Scenario("memory/leaks-are-found", "objects that were lost are counted and told, with size and address") { test in
            let usual = try leaks(try start("", test))
            let shell = try start("martlet.test=heap-leak", test)
            // A few may be named by what happens to lie on a stack.
            let found = try leaks(shell) - usual
            try require((36...40).contains(found), "\(found) leaks, not 40")
            try shell.check("[ $(dmesg | grep -c 'leak: 100 bytes at 0x.*first word is 0x1eac') -ge 8 ]")
        },
        Scenario("memory/heap-in-order", "the checked kernel at work finds no damage and no leak") { test in
            let shell = try start("", test)
            // What is made once at boot and kept for ever has a reference nowhere, some of it.
            let usual = try leaks(shell)
            try require(usual <= 8, "\(usual) objects without a reference after the start")
            try shell.check(
                "i=0; while [ $i -lt 20 ]; do ls -R /etc /dev > /tmp/list; wc /tmp/list > /dev/null; i=$((i + 1)); done",
                seconds: 120)
            for (seed, storm) in ["memory", "fork", "pipe", "futex", "files"].enumerated() {
                let output = try shell.check(stormCommand(storm, seed: seed, milliseconds: 1500, folder: "/tmp"), seconds: 120)
                try require(output.contains("failures 0"), output)
            }
            if try leaks(shell) > usual {
                throw TestFailure("objects without a reference: \(try shell.check("dmesg | grep leak"))")
            }
        },
    ]

private func checked(_ words: String, _ test: ScenarioContext) -> MachineConfiguration {
    var configuration = test.kernelConfiguration(words)
    configuration.firmware = .kernel(test.workspace.build.appending(path: "kernel-lockdep.elf"), commandLine: words)
    configuration.media = [.virtioDisk(test.workspace.testRootImage, .dropped)]
    (configuration.memoryMiB, configuration.processors) = (128, 2)
    return configuration
}

private func start(_ option: String, _ test: ScenarioContext) throws -> GuestShell {
    let shell = try GuestShell(on: test.start(checked("console=ttyS0 root=/dev/vda init=/bin/sh quiet \(option)", test)))
    try shell.check(
        "mount | grep -q ' /proc ' || mount -t proc proc /proc; mount | grep -q ' /tmp ' || mount -t tmpfs tmpfs /tmp")
    return shell
}

private func leaks(_ shell: GuestShell) throws -> Int {
    let output = try shell.check("cat /proc/martlet/leaks", seconds: 120)
    guard let count = Int(output.split(separator: "\n").last ?? "") else { throw TestFailure("no number of leaks: \(output)") }
    return count
}
