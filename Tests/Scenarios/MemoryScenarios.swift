// Memory that runs short: caches give way, one process is chosen and killed, and the system goes on.

import Foundation
import TestDriver

let memoryScenarios: [Scenario] = [
    Scenario("memory/hog-is-killed", "a process that takes all memory is killed; the others live, and its memory comes back") {
        test in
        let shell = try startSmall(memoryMiB: 96, test)
        try shell.check("sleep 1000 & echo $! > /tmp/bystander")
        try hog(shell)
        try shell.check("kill -0 $(cat /tmp/bystander)")
        try shell.check("dmesg | grep 'out of memory: process .* killing process .* (sh), which has'")
        try requireFree(shell, kilobytes: 40_000)
    },
    Scenario("memory/adjustment-chooses", "oom_score_adj says who is killed first, and who never") { test in
        let shell = try startSmall(memoryMiB: 96, test)
        try shell.check(
            "sleep 1000 & echo $! > /tmp/first; echo 1000 > /proc/$!/oom_score_adj; cat /proc/$!/oom_score_adj | grep -qx 1000")
        try shell.check("sleep 1001 & echo $! > /tmp/never; echo -1000 > /proc/$!/oom_score_adj; grep -qx 0 /proc/$!/oom_score")
        try shell.check("! echo 1001 > /proc/self/oom_score_adj")
        try hog(shell)
        try shell.check("! kill -0 $(cat /tmp/first) 2>/dev/null && kill -0 $(cat /tmp/never)")
        try shell.check("dmesg | grep 'killing process' | head -n 1 | grep '(sleep).*adjustment 1000'")
    },
    Scenario("memory/files-larger-than-memory", "256 MiB of files are read on a machine with 64 MiB") { test in
        let disk = FileManager.default.temporaryDirectory.appending(path: "martlet-sparse-\(UUID().uuidString)")
        try Data().write(to: disk)
        defer { try? FileManager.default.removeItem(at: disk) }
        let handle = try FileHandle(forWritingTo: disk)
        try handle.truncate(atOffset: 256 << 20)
        try handle.close()
        let shell = try startSmall(memoryMiB: 64, disk: disk, test)
        let output = try shell.check("cat /dev/vdb | wc -c; dd if=/dev/vdb bs=1M count=32 | wc -c", seconds: 120)
        try require(output.contains("\(256 << 20)") && output.contains("\(32 << 20)"), "the file was not read whole: \(output)")
        try shell.check("! dmesg | grep 'out of memory'")
        try shell.expect("echo $((6 * 7))", prints: "42")
    },
]

/// A shell on a machine with little memory.
private func startSmall(memoryMiB: Int, disk: URL? = nil, _ test: ScenarioContext) throws -> GuestShell {
    var configuration = test.kernelConfiguration("console=ttyS0 root=/dev/vda init=/bin/sh quiet")
    configuration.memoryMiB = memoryMiB
    if let disk { configuration.media.append(.virtioDisk(disk, .dropped)) }
    let shell = try GuestShell(on: test.start(configuration))
    try shell.check(
        "mount | grep -q ' /proc ' || mount -t proc proc /proc; mount | grep -q ' /tmp ' || mount -t tmpfs tmpfs /tmp")
    return shell
}

/// Runs a shell that doubles a string until it is killed.
private func hog(_ shell: GuestShell) throws {
    let (output, status) = try shell.run("sh -c 'x=0123456789abcdef; while :; do x=$x$x; done'", seconds: 60)
    try require(status == 137, "the hog ended with \(status):\n\(output)")
}

private func requireFree(_ shell: GuestShell, kilobytes: Int) throws {
    try Deadline.poll(seconds: 10, "the memory of what was killed") { () -> Void? in
        let text = try shell.check("awk '/^MemFree|^Cached/ { n += $2 } END { print n }' /proc/meminfo")
        return (Int(text.split(separator: "\n").last ?? "") ?? 0) >= kilobytes ? () : nil
    }
}
