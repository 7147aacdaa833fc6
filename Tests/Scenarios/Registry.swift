// Every scenario, in the order in which they are played.

import TestDriver

/// All scenarios: the cheap ones that explain later failures come first.
public let allScenarios: [Scenario] =
    bootScenarios + kernelScenarios + clockScenarios + lockScenarios + processorScenarios + schedulingScenarios
    + memoryScenarios + nodeScenarios + heapScenarios + largePageScenarios + desktopScenarios + mediaScenarios
    + differentialScenarios

/// Scenarios that the system does not pass yet, each with what is missing. They are not part of `make test`; `martlet-test run
/// --pending` plays them, and one that passes is taken off this list.
public let pendingScenarios: [String: String] = [:]
