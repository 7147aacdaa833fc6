// Swift source for one side of a protocol.

public enum Side: String, Sendable {
    case client, server
}

/// Writes the bindings of `description` for `side`.
///
/// Each interface becomes a caseless enum that holds: its name and version; its enumerations; the messages that this
/// side receives, as an enum with a checked decoder (`Request` or `Event`); and a small struct whose functions encode
/// the messages that this side sends (`Resource` on the server, `Proxy` on the client).
public func generateBindings(_ description: ProtocolDescription, side: Side) -> String {
    var output = SourceWriter()
    output.line("// Generated from the protocol \"\(description.name)\". Do not edit.")
    output.line("")
    output.line("import WaylandWire")
    for interface in description.interfaces {
        output.line("")
        output.documentation(interface.summary)
        output.block("public enum \(SwiftName.type(interface.name))") { body in
            body.line("@inlinable public static var interfaceName: String { \"\(interface.name)\" }")
            body.line("/// The newest version that these bindings know.")
            body.line("@inlinable public static var version: UInt32 { \(interface.version) }")
            for enumeration in interface.enumerations { write(enumeration, to: &body) }
            let received = side == .server ? interface.requests : interface.events
            let sent = side == .server ? interface.events : interface.requests
            if !received.isEmpty { writeReceived(received, in: interface.name, side: side, to: &body) }
            writeSent(sent, in: interface.name, side: side, to: &body)
        }
    }
    return output.text
}

private func write(_ enumeration: EnumerationDescription, to body: inout SourceWriter) {
    body.line("")
    body.documentation(enumeration.summary)
    let name = SwiftName.enumeration(enumeration.name)
    let conformance = enumeration.isBitfield ? "OptionSet" : "RawRepresentable, Equatable"
    body.block("public struct \(name): \(conformance), Sendable") { body in
        body.line("public let rawValue: UInt32")
        body.line("@inlinable public init(rawValue: UInt32) { self.rawValue = rawValue }")
        for entry in enumeration.entries {
            body.documentation(entry.summary)
            let value = enumeration.isBitfield && entry.value == 0 ? "[]" : "\(name)(rawValue: \(entry.value))"
            body.line("@inlinable public static var \(SwiftName.member(entry.name)): \(name) { \(value) }")
        }
    }
}

// MARK: Received messages

private func writeReceived(_ messages: [MessageDescription], in interface: String, side: Side, to body: inout SourceWriter) {
    let name = side == .server ? "Request" : "Event"
    body.line("")
    body.block("public enum \(name)") { body in
        for message in messages {
            body.documentation(message.summary)
            let arguments = message.arguments.map { "\(SwiftName.label($0.name)): \(receivedType($0, in: interface))" }
            body.line(
                "case \(SwiftName.member(message.name))" + (arguments.isEmpty ? "" : "(\(arguments.joined(separator: ", ")))"))
        }
        body.line("")
        body.line("/// Reads a message to an object that was bound with `version`.")
        body.block("public static func decode(_ wire: inout IncomingMessage, version: UInt32) throws(WireError) -> \(name)") {
            body in
            body.block("switch wire.opcode") { body in
                for (opcode, message) in messages.enumerated() {
                    let condition = message.since > 1 ? " where version >= \(message.since)" : ""
                    body.line("case \(opcode)\(condition):")
                    body.indented { writeDecoder(message, in: interface, to: &$0) }
                }
                body.line("default: throw .unknownOpcode")
            }
        }
        let destructors = messages.enumerated().filter { $0.element.isDestructor }.map { String($0.offset) }
        body.line("")
        body.line("/// Whether a message with this opcode ends its object.")
        let test = destructors.isEmpty ? "false" : destructors.map { "opcode == \($0)" }.joined(separator: " || ")
        body.line("@inlinable public static func isDestructor(_ opcode: UInt16) -> Bool { \(test) }")
    }
}

private func writeDecoder(_ message: MessageDescription, in interface: String, to body: inout SourceWriter) {
    for argument in message.arguments {
        body.line("let \(SwiftName.member(argument.name)) = \(decodeExpression(argument, in: interface))")
    }
    body.line("try wire.finish()")
    let values = message.arguments.map { "\(SwiftName.label($0.name)): \(SwiftName.member($0.name))" }
    body.line("return .\(SwiftName.member(message.name))" + (values.isEmpty ? "" : "(\(values.joined(separator: ", ")))"))
}

private func receivedType(_ argument: ArgumentDescription, in interface: String) -> String {
    if let enumeration = argument.enumeration { return SwiftName.enumerationReference(enumeration, in: interface) }
    return plainType(argument)
}

/// A descriptor that is sent stays the sender's; one that came is the receiver's.
private func sentType(_ argument: ArgumentDescription, in interface: String) -> String {
    argument.kind == .fd ? "borrowing Descriptor" : receivedType(argument, in: interface)
}

private func plainType(_ argument: ArgumentDescription) -> String {
    switch argument.kind {
    case .int: "Int32"
    case .uint: "UInt32"
    case .fixed: "Fixed"
    case .object: argument.allowsNull ? "ObjectID?" : "ObjectID"
    case .new_id: argument.interface == nil ? "UntypedNewID" : "ObjectID"
    case .string: argument.allowsNull ? "String?" : "String"
    case .array: "[UInt8]"
    case .fd: "ReceivedDescriptor"
    }
}

private func decodeExpression(_ argument: ArgumentDescription, in interface: String) -> String {
    if let enumeration = argument.enumeration {
        return "\(SwiftName.enumerationReference(enumeration, in: interface))(rawValue: try wire.uint())"
    }
    return switch argument.kind {
    case .int: "try wire.int()"
    case .uint: "try wire.uint()"
    case .fixed: "try wire.fixed()"
    case .object: argument.allowsNull ? "try wire.optionalObjectID()" : "try wire.objectID()"
    case .new_id: argument.interface == nil ? "try wire.untypedNewID()" : "try wire.objectID()"
    case .string: argument.allowsNull ? "try wire.optionalString()" : "try wire.string()"
    case .array: "try wire.array()"
    case .fd: "try wire.descriptor()"
    }
}

// MARK: Sent messages

private func writeSent(_ messages: [MessageDescription], in interface: String, side: Side, to body: inout SourceWriter) {
    let name = side == .server ? "Resource" : "Proxy"
    body.line("")
    body.line("/// One object of this interface, as the sender of its \(side == .server ? "events" : "requests").")
    body.block("public struct \(name)") { body in
        body.line("public let outbox: Outbox")
        body.line("public let id: ObjectID")
        body.line("/// The version that was bound: newer messages are not sent.")
        body.line("public let version: UInt32")
        body.block("@inlinable public init(_ outbox: Outbox, _ id: ObjectID, version: UInt32)") { body in
            body.line("self.outbox = outbox")
            body.line("self.id = id")
            body.line("self.version = version")
        }
        for (opcode, message) in messages.enumerated() {
            body.line("")
            body.documentation(message.summary)
            let parameters = message.arguments.map { argument in
                "\(SwiftName.label(argument.name)): \(sentType(argument, in: interface))"
            }
            body.block("public func \(SwiftName.member(message.name))(\(parameters.joined(separator: ", ")))") { body in
                if message.since > 1 { body.line("guard self.version >= \(message.since) else { return }") }
                writeEncoder(message, opcode: opcode, to: &body)
            }
        }
    }
}

private func writeEncoder(_ message: MessageDescription, opcode: Int, to body: inout SourceWriter) {
    var words = 0
    var extra: [String] = []
    var steps: [String] = []
    for argument in message.arguments {
        let name = SwiftName.member(argument.name)
        switch argument.kind {
        case .fd: steps.append("outbox.descriptor(\(name))")
        case .string, .array:
            words += 1
            extra.append("Outbox.size(of: \(name))")
            steps.append("outbox.\(argument.kind.rawValue)(\(name))")
        case .new_id where argument.interface == nil:
            words += 3
            extra.append("Outbox.size(of: \(name).interface)")
            steps += ["outbox.string(\(name).interface)", "outbox.uint(\(name).version)", "outbox.object(\(name).id)"]
        case .object, .new_id:
            words += 1
            steps.append("outbox.object(\(name))")
        case .int, .uint, .fixed:
            words += 1
            steps.append(
                argument.enumeration == nil ? "outbox.\(argument.kind.rawValue)(\(name))" : "outbox.uint(\(name).rawValue)")
        }
    }
    let size = extra.isEmpty ? "" : ", extra: " + extra.joined(separator: " + ")
    body.line("outbox.begin(self.id, opcode: \(opcode), argumentWords: \(words)\(size))")
    for step in steps { body.line(step) }
    body.line("outbox.finish()")
}

// MARK: Text

/// Lines with their indentation.
struct SourceWriter {
    private(set) var text = ""
    private var depth = 0

    mutating func line(_ content: String) {
        text += content.isEmpty ? "\n" : String(repeating: "    ", count: depth) + content + "\n"
    }

    mutating func documentation(_ summary: String) {
        let words = summary.split(whereSeparator: \.isWhitespace).joined(separator: " ")
        if !words.isEmpty { line("/// \(words)") }
    }

    mutating func block(_ head: String, _ content: (inout SourceWriter) -> Void) {
        line(head + " {")
        indented(content)
        line("}")
    }

    mutating func indented(_ content: (inout SourceWriter) -> Void) {
        depth += 1
        content(&self)
        depth -= 1
    }
}
