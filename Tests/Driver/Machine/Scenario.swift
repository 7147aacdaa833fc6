// A scenario: one thing that a person can see or do, played in QEMU.

import Foundation

/// One story with a name.
public struct Scenario: Sendable {
    /// `area/what`, lower case with hyphens: also the folder of its logs.
    public let name: String
    /// One line for `--list`.
    public let summary: String
    let body: @Sendable (ScenarioContext) throws -> Void

    public init(_ name: String, _ summary: String, _ body: @escaping @Sendable (ScenarioContext) throws -> Void) {
        (self.name, self.summary, self.body) = (name, summary, body)
    }
}

/// What a running scenario has at hand.
public final class ScenarioContext: @unchecked Sendable {
    public let workspace: Workspace
    /// Logs and pictures of this scenario.
    public let logs: URL
    /// Pictures become the approved ones instead of being compared.
    public let isApproving: Bool
    private let lock = NSLock()
    private var machines: [Machine] = []

    public init(workspace: Workspace, name: String, isApproving: Bool) throws {
        (self.workspace, self.isApproving) = (workspace, isApproving)
        logs = workspace.testLogs.appending(path: name)
        try? FileManager.default.removeItem(at: logs)
        try FileManager.default.createDirectory(at: logs, withIntermediateDirectories: true)
    }

    /// Starts a machine; it ends with the scenario.
    public func start(_ configuration: MachineConfiguration) throws -> Machine {
        var configuration = configuration
        if !configuration.countsInstructions {
            configuration.processors = max(configuration.processors, workspace.leastProcessors)
        }
        let index = lock.withLock { machines.count }
        let machine = try Machine(configuration, logs: index == 0 ? logs : logs.appending(path: "machine-\(index + 1)"))
        lock.withLock { machines.append(machine) }
        return machine
    }

    /// The kernel by PVH with the root image on a virtio disk and the given command line.
    public func kernelConfiguration(_ commandLine: String) -> MachineConfiguration {
        var configuration = MachineConfiguration()
        configuration.firmware = .kernel(workspace.kernel, commandLine: commandLine)
        configuration.media = [.virtioDisk(workspace.rootImage, .dropped)]
        return configuration
    }

    /// The same as `startShell`, from the root image that has the test programs.
    /// - Parameter countsInstructions: an instruction is a nanosecond, so that a busy host takes no time from the guest.
    public func startTestShell(memoryMiB: Int = 512, processors: Int = 1, countsInstructions: Bool = false) throws -> GuestShell {
        var configuration = kernelConfiguration("console=ttyS0 root=/dev/vda init=/bin/sh quiet")
        configuration.media = [.virtioDisk(workspace.testRootImage, .dropped)]
        configuration.memoryMiB = memoryMiB
        configuration.processors = processors
        configuration.countsInstructions = countsInstructions
        let shell = try GuestShell(on: start(configuration))
        // A shell as process 1 has mounted nothing yet, except what the kernel has.
        try shell.check(
            "mount | grep -q ' /proc ' || mount -t proc proc /proc; mount | grep -q ' /tmp ' || mount -t tmpfs tmpfs /tmp")
        try shell.check("mount | grep -q ' /dev/pts ' || { mkdir -p /dev/pts; mount -t devpts devpts /dev/pts; }")
        return shell
    }

    /// A machine without display whose serial port has a root shell as process 1.
    public func startShell(memoryMiB: Int = 512, processors: Int = 1, options: String = "quiet") throws -> GuestShell {
        var configuration = kernelConfiguration("console=ttyS0 root=/dev/vda init=/bin/sh \(options)")
        configuration.memoryMiB = memoryMiB
        configuration.processors = processors
        return try GuestShell(on: start(configuration))
    }

    /// Requires the screen to show an approved picture.
    public func expectPicture(
        _ name: String, on machine: Machine, masked: [PictureRegion] = [], tolerance: Int = 2, allowedPixelCount: Int = 0,
        seconds: Double = 20
    ) throws {
        let picture = ApprovedPicture(
            name, in: workspace.approvedPictures, masked: masked, tolerance: tolerance, allowedPixelCount: allowedPixelCount)
        try picture.check(machine, approving: isApproving, seconds: seconds)
    }

    /// Has each kernel that still runs say on the serial port, which is recorded, what its processors and threads do.
    func reportStates() {
        for machine in lock.withLock({ machines }) where machine.isRunning {
            guard (try? machine.qmp.monitor("nmi")) != nil else { continue }
            // Not every guest is one of ours, or can still answer.
            _ = try? machine.serial.expect("end of the report of ", seconds: 8)
        }
    }

    /// Ends every machine that the scenario started.
    public func stopMachines() { lock.withLock { machines }.forEach { $0.stop() } }
}
