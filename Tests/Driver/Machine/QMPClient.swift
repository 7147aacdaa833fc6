// QEMU's control protocol: one JSON object a line, commands answered in order, events in between.
// https://qemu.readthedocs.io/en/v7.2.0/interop/qmp-spec.html

import Foundation

/// A JSON value, as far as QMP needs it.
public indirect enum JSON: Sendable {
    case null, bool(Bool), int(Int), double(Double), string(String), array([JSON]), object([String: JSON])

    init(_ value: Any) {
        switch value {
        case let number as NSNumber where CFBooleanLike.isBoolean(number): self = .bool(number.boolValue)
        case let number as NSNumber:
            self = number.doubleValue.rounded() == number.doubleValue ? .int(number.intValue) : .double(number.doubleValue)
        case let text as String: self = .string(text)
        case let list as [Any]: self = .array(list.map(JSON.init))
        case let table as [String: Any]: self = .object(table.mapValues(JSON.init))
        default: self = .null
        }
    }

    var foundationObject: Any {
        switch self {
        case .null: NSNull()
        case .bool(let value): value
        case .int(let value): value
        case .double(let value): value
        case .string(let value): value
        case .array(let list): list.map(\.foundationObject)
        case .object(let table): table.mapValues(\.foundationObject)
        }
    }

    /// A member of an object.
    public subscript(_ key: String) -> JSON? {
        if case .object(let table) = self { table[key] } else { nil }
    }

    public var stringValue: String? { if case .string(let value) = self { value } else { nil } }
    public var intValue: Int? { if case .int(let value) = self { value } else { nil } }
}

private enum CFBooleanLike {
    static func isBoolean(_ number: NSNumber) -> Bool { String(cString: number.objCType) == "c" }
}

/// A connection to a machine's control socket.
public final class QMPClient: @unchecked Sendable {
    private let socket: UnixSocket
    private let condition = NSCondition()
    private let commandLock = NSLock()
    private var replies: [JSON] = []
    private var seenEvents: [String] = []
    private var greeted = false
    private var ended = false

    init(_ socket: UnixSocket) throws {
        self.socket = socket
        let thread = Thread { [self] in readLoop() }
        thread.stackSize = 1 << 20
        thread.start()
        try wait(seconds: 10, "QMP greeting") { greeted ? () : nil }
        try execute("qmp_capabilities")
    }

    private func readLoop() {
        var pending: [UInt8] = []
        while true {
            let bytes = socket.read()
            pending += bytes
            while let end = pending.firstIndex(of: 10) {
                let line = Data(pending[..<end])
                pending.removeSubrange(...end)
                if let object = try? JSONSerialization.jsonObject(with: line) { receive(JSON(object)) }
            }
            if bytes.isEmpty { break }
        }
        condition.withLock {
            ended = true; condition.broadcast()
        }
    }

    private func receive(_ message: JSON) {
        condition.withLock {
            if message["QMP"] != nil {
                greeted = true
            } else if let event = message["event"]?.stringValue {
                seenEvents.append(event)
            } else {
                replies.append(message)
            }
            condition.broadcast()
        }
    }

    private func wait<Value>(seconds: Double, _ what: String, _ probe: () -> Value?) throws -> Value {
        let deadline = Deadline(seconds: seconds)
        condition.lock()
        defer { condition.unlock() }
        while true {
            if let value = probe() { return value }
            if ended { throw TestFailure("\(what): QEMU has ended") }
            let left = deadline.remainingSeconds
            if left == 0 { throw TestFailure("\(what): not within \(seconds) s") }
            _ = condition.wait(until: Date(timeIntervalSinceNow: left))
        }
    }

    /// Runs a command and answers with its result.
    @discardableResult
    public func execute(_ command: String, _ arguments: [String: JSON] = [:], seconds: Double = 30) throws -> JSON {
        commandLock.lock()
        defer { commandLock.unlock() }
        let request = JSON.object(["execute": .string(command), "arguments": .object(arguments)])
        let data = try JSONSerialization.data(withJSONObject: request.foundationObject)
        try socket.write(Array(data) + [10])
        let reply: JSON = try wait(seconds: seconds, "QMP \(command)") { replies.isEmpty ? nil : replies.removeFirst() }
        if let error = reply["error"] {
            throw TestFailure("QMP \(command): \(error["desc"]?.stringValue ?? "unknown error")")
        }
        return reply["return"] ?? .null
    }

    /// Runs a command of the human monitor and answers with its text.
    public func monitor(_ line: String) throws -> String {
        try execute("human-monitor-command", ["command-line": .string(line)]).stringValue ?? ""
    }

    /// Whether an event of this name has arrived since the start.
    public func hasSeen(event: String) -> Bool { condition.withLock { seenEvents.contains(event) } }

    /// Waits for an event, past ones included.
    public func expect(event: String, seconds: Double) throws {
        try wait(seconds: seconds, "QMP event \(event)") { seenEvents.contains(event) ? () : nil }
    }

    func shutDown() { socket.shutDown() }
}
