// One QEMU process with its control socket and serial port, from its start to its end.

import Foundation

/// A running virtual PC. It ends when `stop` is called, or when it is released.
public final class Machine: @unchecked Sendable {
    public let configuration: MachineConfiguration
    /// Where `serial.log`, `qemu.log`, `trace.log` and the pictures of this run are.
    public let logs: URL
    public let serial: SerialPort
    public let qmp: QMPClient
    private let process: Subprocess
    private let scratch: URL

    /// Starts QEMU, connects to it, and lets the processor run.
    public init(_ configuration: MachineConfiguration, logs: URL) throws {
        if case .kernel(let kernel, _) = configuration.firmware {
            try require(
                FileManager.default.isReadableFile(atPath: kernel.path), "\(kernel.path) is missing: run `make image` first")
        }
        try FileManager.default.createDirectory(at: logs, withIntermediateDirectories: true)
        // Socket paths are limited to 107 bytes, so they do not live below the (possibly deep) log folder.
        var template = Array("/tmp/martlet-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw TestFailure("no temporary folder: errno \(errno)") }
        let path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        scratch = URL(filePath: path, directoryHint: .isDirectory)
        self.configuration = configuration
        self.logs = logs
        let started: (Subprocess, QMPClient, SerialPort)
        do {
            started = try Machine.start(configuration, scratch: URL(filePath: path), logs: logs)
        } catch {
            try? FileManager.default.removeItem(atPath: path)
            throw error
        }
        (process, qmp, serial) = started
        try qmp.execute("cont")
    }

    private static func start(_ configuration: MachineConfiguration, scratch: URL, logs: URL) throws
        -> (Subprocess, QMPClient, SerialPort)
    {
        let arguments = try configuration.arguments(scratch: scratch, logs: logs)
        try (arguments.joined(separator: " ") + "\n").write(
            to: logs.appending(path: "command.log"), atomically: false, encoding: .utf8)
        let log = logs.appending(path: "qemu.log")
        let process = try Subprocess(arguments, output: log)
        do {
            let control = try UnixSocket(connectingTo: scratch.path + "/qmp", seconds: 15, whileRunning: process)
            let line = try UnixSocket(connectingTo: scratch.path + "/serial", seconds: 15, whileRunning: process)
            return (process, try QMPClient(control), SerialPort(line))
        } catch {
            process.stop()
            let said = (try? String(contentsOf: log, encoding: .utf8)) ?? ""
            throw TestFailure("\(error)\n\(said)")
        }
    }

    deinit { stop() }

    /// Ends QEMU, whatever state the guest is in.
    public func stop() {
        process.stop()
        serial.shutDown()
        qmp.shutDown()
        try? FileManager.default.removeItem(at: scratch)
    }

    /// Whether QEMU still runs.
    public var isRunning: Bool { process.status == nil }

    /// Waits until the guest ends the machine (power-off, isa-debug-exit); answers with QEMU's exit status.
    @discardableResult
    public func waitForExit(seconds: Double) throws -> Int32 { try process.wait(seconds: seconds, "the machine") }

    /// Pauses and resumes the processors.
    public func pause() throws { try qmp.execute("stop") }
    public func resume() throws { try qmp.execute("cont") }
}
