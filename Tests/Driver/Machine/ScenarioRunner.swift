// Plays scenarios, two at a time, and prints one line each.

import Foundation

/// Runs a list of scenarios on a few threads.
public final class ScenarioRunner: @unchecked Sendable {
    private let workspace: Workspace
    private let isApproving: Bool
    private let lock = NSLock()
    private var waiting: [Scenario]
    private var failures: [(name: String, message: String)] = []
    private var passedCount = 0

    public init(_ scenarios: [Scenario], workspace: Workspace, isApproving: Bool) {
        (waiting, self.workspace, self.isApproving) = (scenarios.reversed(), workspace, isApproving)
    }

    /// Runs them all; answers with how many passed and failed.
    public func run(jobs: Int) -> (passed: Int, failed: Int) {
        let group = DispatchGroup()
        for _ in 0..<max(1, jobs) {
            group.enter()
            let thread = Thread { [self] in
                while let scenario = lock.withLock({ waiting.popLast() }) { play(scenario) }
                group.leave()
            }
            thread.stackSize = 8 << 20
            thread.start()
        }
        group.wait()
        for failure in failures { print("\n--- \(failure.name)\n\(failure.message)") }
        return (passedCount, failures.count)
    }

    private func play(_ scenario: Scenario) {
        let start = ContinuousClock.now
        var message: String?
        do {
            let context = try ScenarioContext(workspace: workspace, name: scenario.name, isApproving: isApproving)
            defer { context.stopMachines() }
            do {
                try scenario.body(context)
            } catch {
                context.reportStates()
                throw error
            }
        } catch {
            message = "\(error)"
        }
        let seconds = start.duration(to: .now).components
        let time = String(format: "%.1f s", Double(seconds.seconds) + Double(seconds.attoseconds) * 1e-18)
        lock.withLock {
            if let message { failures.append((scenario.name, message)) } else { passedCount += 1 }
            print("\(message == nil ? "ok  " : "FAIL") \(scenario.name) (\(time))")
            fflush(nil)
        }
    }
}
