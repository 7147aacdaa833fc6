// A booted desktop, and what a person does on it.

import Foundation
import TestDriver

/// A machine whose screen shows the desktop.
public struct Desktop {
    /// What the compositor writes to /dev/kmsg when its first frame is on the screen.
    public static let readyLine = "martlet: desktop ready"

    public let machine: Machine
    public let size: (width: Int, height: Int)
    private let context: ScenarioContext

    /// Regions that change by themselves: the panel's clock in the middle, its indicators at the right.
    public var changing: [PictureRegion] {
        [
            PictureRegion(x: size.width / 2 - 140, y: 0, width: 280, height: 30),
            PictureRegion(x: size.width - 280, y: 0, width: 280, height: 30),
        ]
    }

    /// Boots the kernel by PVH to the desktop on virtio-gpu. The serial port has a root shell beside it.
    public static func start(
        _ context: ScenarioContext, tracing: Bool = false, memoryMiB: Int = 512, processors: Int = 1
    ) throws -> Desktop {
        var configuration = context.kernelConfiguration("console=ttyS0 root=/dev/vda martlet.shell=ttyS0")
        if FileManager.default.fileExists(atPath: context.workspace.testRootImage.path) {
            configuration.media = [.virtioDisk(context.workspace.testRootImage, .dropped)]
        }
        (configuration.display, configuration.input) = (.virtioGPU, .virtioTablet)
        (configuration.memoryMiB, configuration.processors) = (memoryMiB, processors)
        if tracing { configuration.traceEvents = ["virtio_gpu_cmd_res_flush"] }
        return try start(configuration, context)
    }

    /// Boots a machine to the desktop.
    public static func start(
        _ configuration: MachineConfiguration, _ context: ScenarioContext, seconds: Double = 60
    ) throws -> Desktop {
        let machine = try context.start(configuration)
        try machine.serial.expect(readyLine, seconds: seconds)
        let picture = try machine.waitForPicture("the desktop", seconds: 20) { $0.colorCount() >= 64 }
        return Desktop(machine: machine, size: (picture.width, picture.height), context: context)
    }

    /// A root shell on the serial port, beside the desktop.
    public func shell() throws -> GuestShell {
        try machine.serial.send("\n")
        return try GuestShell(on: machine)
    }

    /// Opens a terminal through the launcher and waits until its window stands still.
    public func openTerminal() throws {
        let before = try still("the desktop")
        try machine.press(.super)
        try machine.waitUntilStill("the launcher", seconds: 15, masking: changing) { changed($0, before) > 2_000 }
        try machine.type("term")
        try still("the launcher's answer")
        try machine.press(.enter)
        try machine.waitUntilStill("a terminal", seconds: 20, masking: changing) { changed($0, before) > 20_000 }
    }

    /// Waits until the screen outside the changing regions stands still.
    @discardableResult
    public func still(_ what: String, seconds: Double = 15) throws -> Picture {
        try machine.waitUntilStill(what, seconds: seconds, masking: changing)
    }

    /// Pixels that differ between two pictures, outside the changing regions.
    public func changed(_ a: Picture, _ b: Picture) -> Int {
        a.masking(changing).difference(from: b.masking(changing), tolerance: 2).count
    }

    /// Types a command in the focused terminal whose effect is a file that the serial shell can see.
    public func typeAndWait(_ command: String, marker: String, shell: GuestShell, seconds: Double = 20) throws {
        try shell.check("rm -f /tmp/\(marker)")
        try machine.type("\(command); touch /tmp/\(marker)\n")
        try Deadline.poll(seconds: seconds, "\"\(command)\" to end in the terminal") {
            try shell.run("test -e /tmp/\(marker)").status == 0 ? () : nil
        }
    }

    /// Memory that is not available to programs, by /proc/meminfo.
    public func memoryInUseKiB() throws -> Int {
        let text = try shell().check("cat /proc/meminfo")
        func value(_ key: String) throws -> Int {
            guard let line = text.split(separator: "\n").first(where: { $0.hasPrefix(key + ":") }),
                let number = line.split(separator: " ").dropFirst().first.flatMap({ Int($0) })
            else { throw TestFailure("/proc/meminfo has no \(key)") }
            return number
        }
        return try value("MemTotal") - value("MemAvailable")
    }

    /// Bytes that one typed letter makes the driver flush, pressing and releasing included.
    public func bytesFlushedByKey() throws -> Int {
        try still("the terminal")
        try waitForMinute(leaving: 20, shell: shell())
        _ = try quietFlushCount(seconds: 1.2)
        let before = try machine.flushes().count
        try machine.press("a")
        try Deadline.poll(seconds: 10, "a flush after the key") { try machine.flushes().count > before ? () : nil }
        _ = try quietFlushCount(seconds: 1.2)
        return try machine.flushes().dropFirst(before).reduce(0) { $0 + $1.byteCount }
    }

    /// Waits until the panel's clock will not change for some seconds: its change is damage of its own.
    private func waitForMinute(leaving seconds: Int, shell: GuestShell) throws {
        try Deadline.poll(seconds: 75, every: 0.5, "a minute that has \(seconds) seconds left") {
            let second = try shell.check("date +%S")
            return (Int(second) ?? 60) < 60 - seconds ? () : nil
        }
    }

    /// Waits until no flush has come for the time; answers with how many there are by then.
    private func quietFlushCount(seconds: Double) throws -> Int {
        var (count, since) = (try machine.flushes().count, ContinuousClock.now)
        return try Deadline.poll(
            seconds: 30, "quiet of \(seconds) s without a flush",
            {
                let current = try machine.flushes().count
                if current != count { (count, since) = (current, .now) }
                return since.duration(to: .now) > .seconds(seconds) ? count : nil
            })
    }

    /// Flushes in a stretch of time in which the clock's minute does not turn.
    public func flushesWhileIdle(seconds: Int) throws -> Int {
        try waitForMinute(leaving: seconds + 2, shell: shell())
        _ = try quietFlushCount(seconds: 1.5)
        let before = try machine.flushes().count
        // The passing of this time is what is measured; no state is waited for.
        Thread.sleep(forTimeInterval: Double(seconds))
        return try machine.flushes().count - before
    }
}
