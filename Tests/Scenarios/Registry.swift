// Every scenario, in the order in which they are played.

import TestDriver

/// All scenarios: the cheap ones that explain later failures come first.
public let allScenarios: [Scenario] =
    bootScenarios + kernelScenarios + desktopScenarios + mediaScenarios + differentialScenarios
