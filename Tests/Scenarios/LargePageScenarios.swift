// Pages of 2 MiB that programs get without asking.

import Foundation
import TestDriver

let largePageScenarios: [Scenario] =
    [1, 4].map { count in
        Scenario(
            "memory/large-pages-\(count)",
            "large pages that are cut, moved and forked on \(count) processors hold what was written"
        ) {
            test in
            let shell = try startForStorms(processors: count, test)
            for seed in 1...3 {
                let output = try shell.check(stormCommand("large", seed: seed, milliseconds: 1200, folder: "/tmp"), seconds: 90)
                try require(output.contains("failures 0"), output)
            }
            func figure(_ name: String) throws -> Int {
                let output = try shell.check("awk '$1 == \"\(name)\" { print $2 }' /proc/vmstat /proc/meminfo")
                return Int(output.split(separator: "\n").last ?? "") ?? -1
            }
            let (made, cut) = (try figure("thp_fault_alloc"), try figure("thp_split_page"))
            try require(made > 30 && cut > 10, "\(made) large pages were made and \(cut) cut")
            let left = try figure("AnonHugePages:")
            try require(left == 0, "\(left) KiB of large pages are left")
        }
    }
