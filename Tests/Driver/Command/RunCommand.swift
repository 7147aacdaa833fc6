// `martlet-test run`: the scenarios.

import Foundation
import Scenarios
import TestDriver

enum RunCommand {
    /// Plays the scenarios that the options choose; answers with the exit status.
    static func run(_ arguments: inout Arguments) throws -> Int32 {
        var workspace = try Workspace()
        var (filter, jobs, isApproving, isListing, playsPending) = ("", 2, false, false, false)
        while let word = arguments.next() {
            switch word {
            case "--filter": filter = try arguments.value(of: word)
            case "--jobs": jobs = try arguments.number(of: word)
            case "--cpus": workspace.leastProcessors = try arguments.number(of: word)
            case "--approve": isApproving = true
            case "--list": isListing = true
            case "--pending": playsPending = true
            default: throw TestFailure("unknown option \(word); see martlet-test help")
            }
        }
        let chosen = allScenarios.filter {
            (filter.isEmpty || $0.name.contains(filter)) && (pendingScenarios[$0.name] != nil) == playsPending
        }
        if isListing {
            for scenario in chosen { print("\(scenario.name): \(scenario.summary)") }
            return 0
        }
        try require(!chosen.isEmpty, "no scenario's name contains \"\(filter)\"")
        let runner = ScenarioRunner(chosen, workspace: workspace, isApproving: isApproving)
        let (passed, failed) = runner.run(jobs: jobs)
        if !playsPending { print("pending (run --pending plays them): \(pendingScenarios.count)") }
        print("scenarios: \(passed) passed, \(failed) failed")
        return failed == 0 ? 0 : 1
    }
}
