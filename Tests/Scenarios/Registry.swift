// Every scenario, in the order in which they are played.

import TestDriver

/// All scenarios: the cheap ones that explain later failures come first.
public let allScenarios: [Scenario] =
    bootScenarios + kernelScenarios + clockScenarios + lockScenarios + processorScenarios + schedulingScenarios
    + memoryScenarios + desktopScenarios + mediaScenarios + differentialScenarios

/// Scenarios that the system does not pass yet, each with what is missing. They are not part of `make test`; `martlet-test run
/// --pending` plays them, and one that passes is taken off this list.
public let pendingScenarios: [String: String] = [
    "processors/locks-1": "as locks-2",
    "processors/locks-2":
        "rarely, with deaths and time limits, a lock that inherits priority has the wrong owner (EINVAL or EPERM)",
    "processors/locks-4": "as locks-2",
    "processors/stale-is-noticed": "a kernel that does not shoot down may also stand still instead of failing the storm",
    "processors/futex-2": "as futex-4",
    "processors/futex-4": "stood still once, for minutes: a wake-up is lost, or the host's",
    "processors/mix-8": "contains the storm futex",
    "locks/storms-in-order": "contains the storm futex",
].merging(rarelyPlayed) { known, _ in known }

/// Storms that have passed, but not often enough on busy machines to be trusted.
private let rarelyPlayed = Dictionary(
    uniqueKeysWithValues: (["all-at-once-2", "all-at-once-8"] + ["timer", "signal", "clock"].flatMap { ["\($0)-2", "\($0)-4"] }
        + ["fork-4", "pipe-4", "fpu-4"]).map { ("processors/\($0)", "passes; to be played more often before it counts") })
