// Commands for a shell on the guest's serial port.

import Foundation

/// An interactive shell at the other end of the serial line.
public struct GuestShell: Sendable {
    public let machine: Machine
    private var serial: SerialPort { machine.serial }

    /// Waits until the shell answers.
    public init(on machine: Machine, seconds: Double = 30) throws {
        self.machine = machine
        // The prompt itself is not a proof: it may be the echo of a line that nobody reads.
        let deadline = Deadline(seconds: seconds)
        try machine.serial.expect("# ", seconds: seconds)
        try machine.serial.send("echo re\"\"ady\n")
        try machine.serial.expect("ready", seconds: deadline.remainingSeconds + 1)
    }

    /// Runs a command line; answers with everything it printed and its exit status.
    public func run(_ command: String, seconds: Double = 20) throws -> (output: String, status: Int) {
        // The markers are spelled with quotes inside, so the echo of this line does not match them.
        try serial.send("echo '@@'BEGIN; \(command); echo '@@'END $?\n")
        try serial.expect("@@BEGIN\n", seconds: seconds)
        let output = try serial.expect("@@END ", seconds: seconds)
        let status = try serial.expect("\n", seconds: seconds)
        guard let number = Int(status) else { throw TestFailure("no exit status after \(command): \"\(status)\"") }
        return (output, number)
    }

    /// Runs a command that must succeed; answers with what it printed, without the last line end.
    @discardableResult
    public func check(_ command: String, seconds: Double = 20) throws -> String {
        let (output, status) = try run(command, seconds: seconds)
        try require(status == 0, "\"\(command)\" ended with \(status):\n\(output)")
        return output.hasSuffix("\n") ? String(output.dropLast()) : output
    }

    /// Runs a command and requires what it prints.
    public func expect(_ command: String, prints expected: String, seconds: Double = 20) throws {
        let output = try check(command, seconds: seconds)
        try require(output == expected, "\"\(command)\" printed:\n\(output)\nwanted:\n\(expected)")
    }
}
