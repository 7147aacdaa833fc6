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
    } + [
        Scenario("memory/fragments", "where free memory lies in single pages, blocks of 2 MiB are assembled, and nothing is lost")
        { test in
            let shell = try startForStorms(processors: 2, test)
            let output = try shell.check(stormCommand("fragments", seed: 1, milliseconds: 4000, folder: "/tmp"), seconds: 120)
            try require(output.contains("failures 0"), output)
            func figure(_ name: String) throws -> Int {
                let output = try shell.check("awk '$1 == \"\(name)\" { print $2 }' /proc/vmstat")
                return Int(output.split(separator: "\n").last ?? "") ?? -1
            }
            let (assembled, moved) = (try figure("compact_success"), try figure("pgmigrate_success"))
            try require(assembled >= 4 && moved > assembled, "\(assembled) blocks were assembled of \(moved) pages")
        },
        Scenario(
            "memory/pages-on-the-move", "pages that are moved all the time hold what was written to them"
        ) {
            test in
            let shell = try startForStorms(processors: 4, test)
            for (seed, folder) in [(1, "/tmp"), (2, "/root")] {
                let output = try shell.check(stormCommand("move", seed: seed, milliseconds: 2500, folder: folder), seconds: 120)
                try require(output.contains("failures 0"), output)
            }
            let moved = try shell.check("awk '$1 == \"pgmigrate_success\" { print $2 }' /proc/vmstat")
            try require((Int(moved.split(separator: "\n").last ?? "") ?? 0) > 20, "pages moved: \(moved)")
        },
    ]
