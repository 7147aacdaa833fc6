// Who runs: policies, sessions, several processors, and how long the kernel keeps others waiting.

import Foundation
import TestDriver

let schedulingScenarios: [Scenario] =
    [1, 4].flatMap { count in
        [("policies", "real-time threads come first, in their order"), ("groups", "a session counts as one")].map { name, text in
            Scenario("scheduling/\(name)-\(count)", "\(text), with processors: \(count)") { test in
                try play(name, processors: count, test)
            }
        }
    } + [
        Scenario("scheduling/balance-4", "three busy threads on two processors get two thirds each") { test in
            try play("balance", processors: 4, test)
        },
        Scenario("scheduling/preemption", "long calls keep nobody waiting: the kernel is preempted") { test in
            let worst = try LatencyFigures.longestHold(test)
            try require(worst < 100_000, "somebody waited for \(worst) instructions")
        },
        Scenario("scheduling/no-preemption", "without preemption they do: the test above can fail") { test in
            let worst = try LatencyFigures.longestHold(test, option: "martlet.test=no-preemption")
            try require(worst > 1_000_000, "nobody waited longer than \(worst) instructions")
        },
        Scenario("scheduling/desktop-under-load", "beside four busy loops a key is shown at most a frame later") { test in
            let (idle, busy) = try LatencyFigures.keyToFrame(test)
            try require(idle > 0 && busy <= idle + 16_667_000, "\(idle) ns without load, \(busy) ns with it")
        },
    ]

private func play(_ name: String, processors: Int, _ test: ScenarioContext) throws {
    let shell = try startForStorms(processors: processors, test)
    let (output, status) = try shell.run(stormCommand(name, seed: 1, milliseconds: 500, folder: "/tmp"), seconds: 60)
    try require(status == 0 && output.contains("failures 0"), "\(name) ended with \(status):\n\(output)")
}
