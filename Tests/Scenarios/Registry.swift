// Every scenario, in the order in which they are played.

import TestDriver

/// All scenarios: the cheap ones that explain later failures come first.
public let allScenarios: [Scenario] =
    bootScenarios + kernelScenarios + lockScenarios + processorScenarios + schedulingScenarios + memoryScenarios
    + desktopScenarios + mediaScenarios + differentialScenarios

/// Scenarios that the system does not pass yet, each with what is missing. They are not part of `make test`; `martlet-test run
/// --pending` plays them, and one that passes is taken off this list.
public let pendingScenarios: [String: String] = [
    "processors/locks-1": "as locks-2",
    "processors/locks-2":
        "rarely, with deaths and time limits, a lock that inherits priority has the wrong owner (EINVAL or EPERM)",
    "processors/locks-4": "as locks-2",
    "processors/stale-is-noticed": "a kernel that does not shoot down may also stand still instead of failing the storm",
    "processors/all-at-once-2": "new; not played often enough to count",
    "processors/all-at-once-8": "new; not played often enough to count",
]
