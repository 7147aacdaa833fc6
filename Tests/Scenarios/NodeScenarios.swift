// Machines whose memory is in several nodes.

import Foundation
import TestDriver

let nodeScenarios: [Scenario] = [
    Scenario("memory/nodes", "memory comes from the processor's own node, from the other when that is full, and goes back") {
        test in
        let shell = try startWithNodes(test)
        try require(shell.machine.serial.text.contains("memory: node 1 has "), "the boot log does not name the nodes")
        func free() throws -> [Int] { try (0..<2).map { try number(shell, freeFrames(ofNode: $0)) } }
        func misses() throws -> Int { try number(shell, "sed -n 's/^numa_miss //p' /proc/vmstat") }
        // Each processor writes a file of 32 MiB into memory: 8,192 pages.
        for (mask, node) in [(1, 0), (8, 1), (2, 0), (4, 1)] {
            let before = try free()
            try shell.check("taskset \(mask) dd if=/dev/zero of=/tmp/own bs=1M count=32 2>/dev/null")
            let after = try free()
            try require(
                before[node] - after[node] > 8000 && before[1 - node] - after[1 - node] < 500,
                "a processor of node \(node) took \(before[0] - after[0]) and \(before[1] - after[1]) pages")
            try shell.check("rm /tmp/own")
        }
        let early = try misses()
        try require(early == 0, "there were \(early) misses though both nodes have memory")
        // More than one node has.
        let start = try free()
        try shell.check("taskset 8 dd if=/dev/urandom of=/tmp/seed bs=1M count=1 2>/dev/null")
        try shell.check("for i in $(seq 300); do taskset 8 cat /tmp/seed; done > /tmp/large", seconds: 60)
        let late = try misses()
        try require(late > 8000, "only \(late) pages came from the other node")
        let digest =
            "[ $(for i in $(seq 300); do cat /tmp/seed; done | md5sum | cut -c1-32) = $(md5sum < /tmp/large | cut -c1-32) ]"
        try shell.check(digest, seconds: 60)
        try shell.check("rm /tmp/seed /tmp/large")
        let end = try free()
        try require(
            abs(end[0] - start[0]) < 1500 && abs(end[1] - start[1]) < 1500,
            "free pages were \(start) and are \(end) after the files went")
        // Programs learn on which node they run.
        let output = try shell.check(stormCommand("fpu", seed: 1, milliseconds: 800, folder: "/tmp"), seconds: 60)
        try require(
            output.contains("failures 0") && !output.contains("on-other-nodes 0,"), "getcpu knows no other node: \(output)")
    },
    Scenario("memory/nodes-in-order", "the storms of memory, on a machine with two nodes") { test in
        let shell = try startWithNodes(test)
        for name in ["memory", "frames", "large", "fragments", "fork", "move"] {
            let output = try shell.check(stormCommand(name, seed: 3, milliseconds: 1500, folder: "/tmp"), seconds: 120)
            try require(output.contains("failures 0"), output)
        }
    },
]

/// The free frames in the zones of a node.
private func freeFrames(ofNode node: Int) -> String {
    "awk '/^Node/ { own = $2 == \"\(node),\" } own && /pages free/ { sum += $3 } END { print sum }' /proc/zoneinfo"
}

/// A shell on a machine with two nodes of 256 MiB and two processors each.
private func startWithNodes(_ test: ScenarioContext) throws -> GuestShell {
    var configuration = test.kernelConfiguration("console=ttyS0 root=/dev/vda init=/bin/sh")
    configuration.media = [.virtioDisk(test.workspace.testRootImage, .dropped)]
    configuration.processors = 4
    configuration.extraArguments = [
        "-object", "memory-backend-ram,id=near,size=256M", "-object", "memory-backend-ram,id=far,size=256M",
        "-numa", "node,nodeid=0,cpus=0-1,memdev=near", "-numa", "node,nodeid=1,cpus=2-3,memdev=far",
        "-numa", "dist,src=0,dst=1,val=21",
    ]
    let shell = try GuestShell(on: test.start(configuration))
    try shell.check("mount -t proc proc /proc; mount -t tmpfs -o size=400M tmpfs /tmp")
    return shell
}
