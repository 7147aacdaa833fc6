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
    Scenario(
        "memory/files-larger-than-memory",
        "a file of 256 MiB is written, read and used through a mapping on a machine with 64 MiB: nothing is lost, nobody is killed"
    ) { test in
        let disk = try emptyDisk(mebibytes: 300)
        defer { try? FileManager.default.removeItem(at: disk) }
        let shell = try startSmall(memoryMiB: 64, disk: disk, test)
        try shell.check("mkdir -p /tmp/disk && mount -t ext2 /dev/vdb /tmp/disk")
        let before = try MemoryFigures(shell)
        let output = try shell.check(stormCommand("pressure", seed: 1, milliseconds: 1024, folder: "/tmp/disk"), seconds: 400)
        try require(output.contains("failures 0"), "a page was not what it should be: \(output)")
        try shell.check("! dmesg | grep 'out of memory'")
        let after = try MemoryFigures(shell)
        // Almost everything is done in the background; those who need memory seldom have to do it.
        let (background, direct) = (after["pgsteal_kswapd"] - before["pgsteal_kswapd"], after["pgsteal_direct"])
        try require(
            background + direct > 65536 && background > 10000, "\(background) pages in the background, \(direct) directly")
        try require(after["file_pages_unmapped"] > 10000, "mapped pages were not given back")
        try require(after["pgscan_kswapd"] >= after["pgsteal_kswapd"], "more pages were dropped than looked at")
        // Most pages that are looked at can be dropped: those that cannot are not looked at again and again.
        let (looked, dropped) = (after["pgscan_kswapd"] + after["pgscan_direct"], background + direct)
        try require(looked < dropped * 16, "\(looked) pages were looked at to drop \(dropped)")
        try shell.check("umount /tmp/disk && ! grep -q /tmp/disk /proc/mounts")
        try shell.expect("echo $((6 * 7))", prints: "42")
    },
    Scenario("memory/watermarks", "zoneinfo and meminfo say what is kept free, and the figures agree") { test in
        let shell = try startSmall(memoryMiB: 96, test)
        let zones = try shell.check("cat /proc/zoneinfo")
        for mark in ["min", "low", "high"] {
            try require(zones.contains("        \(mark) "), "no \(mark) in zoneinfo: \(zones)")
        }
        func sum(_ name: String) throws -> Int {
            try number(shell, "awk '$1 == \"\(name)\" { n += $2 } END { print n }' /proc/zoneinfo")
        }
        let (min, low, high) = (try sum("min"), try sum("low"), try sum("high"))
        try require(min >= 200 && low > min && high > low, "watermarks are \(min), \(low) and \(high)")
        let (managed, total) = (try sum("managed") * 4, try number(shell, "awk '/^MemTotal/ { print $2 }' /proc/meminfo"))
        try require(managed == total, "the zones have \(managed) KiB, meminfo says \(total)")
    },
    Scenario(
        "memory/threads-without-end", "a program that makes ever more threads is refused before the kernel's reserve is gone"
    ) {
        test in
        let shell = try startSmall(memoryMiB: 64, test)
        let output = try shell.check(stormCommand("threads", seed: 1, milliseconds: 1000, folder: "/tmp"), seconds: 120)
        try require(output.contains("failures 0"), output)
        try shell.expect("echo $((6 * 7))", prints: "42")
        try requireFree(shell, kilobytes: 20_000)
    },
    Scenario("memory/fork-bomb", "processes without end leave the system alive, and their memory comes back") { test in
        let shell = try startSmall(memoryMiB: 96, test)
        let output = try shell.check(stormCommand("bomb", seed: 1, milliseconds: 4000, folder: "/tmp"), seconds: 120)
        try require(output.contains("failures 0"), output)
        try shell.expect("echo $((6 * 7))", prints: "42")
        try requireFree(shell, kilobytes: 40_000)
    },
    Scenario("memory/desktop-lives", "a hog and then a fork bomb leave the desktop alive: it is the same one, and takes commands")
    {
        test in
        let desktop = try Desktop.start(test, memoryMiB: 192, processors: 2)
        let shell = try desktop.shell()
        let before = try shell.check("pidof compositor")
        try shell.check("grep -qx -- -900 /proc/$(pidof compositor)/oom_score_adj && grep -qx 0 /proc/self/oom_score_adj")
        // Whoever watches shall see the end.
        try shell.check("echo -1000 > /proc/$$/oom_score_adj")
        try hog(shell)
        let output = try shell.check(stormCommand("bomb", seed: 1, milliseconds: 4000, folder: "/tmp"), seconds: 120)
        try require(output.contains("failures 0"), output)
        try shell.check("dmesg | grep 'out of memory' && ! dmesg | grep 'killing process .*(compositor)'")
        try require(try shell.check("pidof compositor") == before, "another compositor runs")
        try desktop.openTerminal()
        try desktop.typeAndWait("echo alive", marker: "alive", shell: shell)
    },
    Scenario(
        "memory/frames-without-shared-locks", "eight threads on four processors take pages almost always without a shared lock"
    ) {
        test in
        let shell = try startForStorms(processors: 4, test)
        try shell.check(stormCommand("frames", seed: 1, milliseconds: 200, folder: "/tmp"), seconds: 60)
        let before = try number(shell, "cat /proc/martlet/frame_shared_locks")
        let output = try shell.check(stormCommand("frames", seed: 2, milliseconds: 1500, folder: "/tmp"), seconds: 60)
        let locks = try number(shell, "cat /proc/martlet/frame_shared_locks") - before
        guard let field = output.components(separatedBy: "taken ").last, let taken = Int(field.prefix { $0.isNumber }) else {
            throw TestFailure("the storm does not say how many pages it took: \(output)")
        }
        try require(locks * 12 < taken, "\(locks) locks for \(taken) pages")
    },
]

/// A shell on a machine with little memory.
private func startSmall(memoryMiB: Int, disk: URL? = nil, _ test: ScenarioContext) throws -> GuestShell {
    var configuration = test.kernelConfiguration("console=ttyS0 root=/dev/vda init=/bin/sh quiet")
    configuration.media = [.virtioDisk(test.workspace.testRootImage, .dropped)]
    configuration.memoryMiB = memoryMiB
    if let disk { configuration.media.append(.virtioDisk(disk, .dropped)) }
    let shell = try GuestShell(on: test.start(configuration))
    try shell.check(
        "mount | grep -q ' /proc ' || mount -t proc proc /proc; mount | grep -q ' /tmp ' || mount -t tmpfs tmpfs /tmp")
    return shell
}

/// Runs a shell that doubles a string until it is killed.
private func hog(_ shell: GuestShell) throws {
    let (output, status) = try shell.run(
        "sh -c 'echo 0 > /proc/self/oom_score_adj; x=0123456789abcdef; while :; do x=$x$x; done'", seconds: 60)
    try require(status == 137, "the hog ended with \(status):\n\(output)")
}

private func requireFree(_ shell: GuestShell, kilobytes: Int) throws {
    try Deadline.poll(seconds: 10, "the memory of what was killed") { () -> Void? in
        let text = try shell.check("awk '/^MemFree|^Cached/ { n += $2 } END { print n }' /proc/meminfo")
        return (Int(text.split(separator: "\n").last ?? "") ?? 0) >= kilobytes ? () : nil
    }
}

/// A disk with an empty file system.
private func emptyDisk(mebibytes: Int) throws -> URL {
    let disk = FileManager.default.temporaryDirectory.appending(path: "martlet-disk-\(UUID().uuidString)")
    let maker = Process()
    maker.executableURL = URL(filePath: "/usr/bin/env")
    maker.arguments = ["mke2fs", "-q", "-t", "ext2", "-b", "4096", disk.path, "\(mebibytes)M"]
    var environment = ProcessInfo.processInfo.environment
    environment["PATH"] = (environment["PATH"] ?? "") + ":/usr/sbin:/sbin"
    maker.environment = environment
    maker.standardError = FileHandle.nullDevice
    try maker.run()
    maker.waitUntilExit()
    try require(maker.terminationStatus == 0, "mke2fs ended with \(maker.terminationStatus)")
    return disk
}

/// /proc/vmstat.
private struct MemoryFigures {
    private var values: [String: Int] = [:]

    init(_ shell: GuestShell) throws {
        for line in try shell.check("cat /proc/vmstat").split(separator: "\n") {
            let words = line.split(separator: " ")
            if words.count == 2, let value = Int(words[1]) { values[String(words[0])] = value }
        }
    }

    subscript(_ name: String) -> Int { values[name] ?? 0 }
}
