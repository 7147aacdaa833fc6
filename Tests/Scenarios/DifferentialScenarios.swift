// The conformance program's families: what each prints on this machine's Linux it must print in Martlet.

import Foundation
import TestDriver

/// The families of `conformance list`.
private let families = [
    "files", "paths", "directories", "bulkfiles", "descriptors", "locks", "devices", "pipes", "fifos", "memory", "faults",
    "memfd",
    "processes", "groups", "exec", "badelf", "signals", "signalwaits", "sockets", "listeners", "rights", "polling", "epoll",
    "counters", "futex", "futexlocks", "threads", "clones", "terminals", "jobs", "registers", "badinput", "badpointers", "limits",
    "time", "proc",
    "credentials", "scheduling", "sharedobject", "timers", "vectorstates", "childkinds",
    "pidfds",
    "memorybounds", "largepages",
]

/// Families that exercise a file system run on the disk's too, not only in the memory of /tmp.
private let diskFamilies = ["files", "paths", "directories", "bulkfiles", "fifos", "exec", "listeners"]

/// Families that measure processor time: what a busy host takes from the guest would count as the guest's.
private let measuredFamilies = ["timers"]

let differentialScenarios: [Scenario] =
    families.map { family in
        Scenario("differential/\(family)", "system calls of the family \(family) answer as Linux does") { test in
            try compare(family, folder: "/tmp", test)
        }
    }
    + diskFamilies.map { family in
        Scenario("differential-disk/\(family)", "the family \(family) on ext2 answers as on Linux") { test in
            try compare(family, folder: "/root", test)
        }
    }
    + [
        Scenario("differential/complete", "every family of the conformance program is compared") { test in
            let listed = try Subprocess.check([test.workspace.conformance.path, "list"])
            try require(listed.split(separator: "\n").map(String.init) == families, "the list of families is another:\n\(listed)")
        }
    ]

private func compare(_ family: String, folder: String, _ test: ScenarioContext) throws {
    let expected = try linuxOutput(family, test)
    let shell = try test.startTestShell(countsInstructions: measuredFamilies.contains(family))
    let (actual, status) = try shell.run("/usr/lib/martlet/tests/conformance \(family) \(folder)", seconds: 150)
    try expected.write(to: test.logs.appending(path: "linux.txt"), atomically: false, encoding: .utf8)
    try actual.write(to: test.logs.appending(path: "martlet.txt"), atomically: false, encoding: .utf8)
    if expected == actual { return }
    let (count, report) = LineDifference.report(expected, actual, limit: 25)
    throw TestFailure("\(count) lines differ (status \(status)); - Linux, + Martlet:\n\(report)")
}

/// The program's output on this machine; as root, for permissions are part of what it checks.
private func linuxOutput(_ family: String, _ test: ScenarioContext) throws -> String {
    let sudo = getuid() == 0 ? [] : ["sudo", "-n"]
    let (status, output) = try Subprocess.run(sudo + [test.workspace.conformance.path, family, "/tmp"], seconds: 120)
    try require(status == 0, "on this machine \(family) ended with \(status):\n\(output.suffix(500))")
    return output
}
