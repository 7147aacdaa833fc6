// From XML events to a protocol description.

public enum ProtocolError: Error, Equatable, Sendable {
    case xml(XMLError)
    case missingAttribute(element: String, attribute: String)
    case badValue(element: String, attribute: String, value: String)
    case misplacedElement(String)
}

extension ProtocolDescription {
    /// Reads a description; everything after the first mistake is ignored.
    public init(xml bytes: [UInt8]) throws(ProtocolError) {
        self.init()
        var reader = ProtocolReader(parser: XMLPullParser(bytes))
        try reader.read()
        self = reader.result
    }
}

private struct ProtocolReader {
    var parser: XMLPullParser
    var result = ProtocolDescription()
    /// Which list the message that is being read belongs to.
    enum Context { case none, request, event, enumeration }
    var context = Context.none

    mutating func read() throws(ProtocolError) {
        while true {
            let event: XMLEvent?
            do throws(XMLError) { event = try parser.next() } catch { throw .xml(error) }
            guard let event else { return }
            switch event {
            case .start(let name, let attributes): try start(name, attributes)
            case .end(let name):
                if name == "request" || name == "event" || name == "enum" { context = .none }
            case .text: break
            }
        }
    }

    mutating func start(_ element: String, _ attributes: [String: String]) throws(ProtocolError) {
        switch element {
        case "protocol": result.name = try required(element, attributes, "name")
        case "interface":
            var interface = InterfaceDescription()
            interface.name = try required(element, attributes, "name")
            interface.version = try number(element, attributes, "version") ?? 1
            result.interfaces.append(interface)
        case "request", "event": try message(element, attributes)
        case "enum":
            var enumeration = EnumerationDescription()
            enumeration.name = try required(element, attributes, "name")
            enumeration.isBitfield = attributes["bitfield"] == "true"
            try editInterface(element) { $0.enumerations.append(enumeration) }
            context = .enumeration
        case "entry": try entry(attributes)
        case "arg": try argument(attributes)
        case "description": try summary(attributes["summary"] ?? "")
        default: break  // copyright and whatever later versions add
        }
    }

    mutating func message(_ element: String, _ attributes: [String: String]) throws(ProtocolError) {
        var message = MessageDescription()
        message.name = try required(element, attributes, "name")
        message.since = try number(element, attributes, "since") ?? 1
        message.isDestructor = attributes["type"] == "destructor"
        try editInterface(element) {
            if element == "request" { $0.requests.append(message) } else { $0.events.append(message) }
        }
        context = element == "request" ? .request : .event
    }

    mutating func entry(_ attributes: [String: String]) throws(ProtocolError) {
        var entry = EntryDescription()
        entry.name = try required("entry", attributes, "name")
        let text = try required("entry", attributes, "value")
        let value = text.hasPrefix("0x") ? UInt32(text.dropFirst(2), radix: 16) : UInt32(text)
        guard let value else { throw .badValue(element: "entry", attribute: "value", value: text) }
        entry.value = value
        entry.summary = attributes["summary"] ?? ""
        guard context == .enumeration else { throw .misplacedElement("entry") }
        try editInterface("entry") { $0.enumerations[$0.enumerations.count - 1].entries.append(entry) }
    }

    mutating func argument(_ attributes: [String: String]) throws(ProtocolError) {
        var argument = ArgumentDescription()
        argument.name = try required("arg", attributes, "name")
        let type = try required("arg", attributes, "type")
        guard let kind = ArgumentDescription.Kind(rawValue: type) else {
            throw .badValue(element: "arg", attribute: "type", value: type)
        }
        argument.kind = kind
        argument.interface = attributes["interface"]
        argument.enumeration = attributes["enum"]
        argument.allowsNull = attributes["allow-null"] == "true"
        let isRequest = context == .request
        guard isRequest || context == .event else { throw .misplacedElement("arg") }
        try editInterface("arg") {
            if isRequest {
                $0.requests[$0.requests.count - 1].arguments.append(argument)
            } else {
                $0.events[$0.events.count - 1].arguments.append(argument)
            }
        }
    }

    mutating func summary(_ text: String) throws(ProtocolError) {
        guard !result.interfaces.isEmpty else { return }
        let context = self.context
        try editInterface("description") {
            switch context {
            case .none: $0.summary = text
            case .request: $0.requests[$0.requests.count - 1].summary = text
            case .event: $0.events[$0.events.count - 1].summary = text
            case .enumeration: $0.enumerations[$0.enumerations.count - 1].summary = text
            }
        }
    }

    mutating func editInterface(_ element: String, _ edit: (inout InterfaceDescription) -> Void) throws(ProtocolError) {
        guard !result.interfaces.isEmpty else { throw .misplacedElement(element) }
        edit(&result.interfaces[result.interfaces.count - 1])
    }

    func required(_ element: String, _ attributes: [String: String], _ name: String) throws(ProtocolError) -> String {
        guard let value = attributes[name] else { throw .missingAttribute(element: element, attribute: name) }
        return value
    }

    func number(_ element: String, _ attributes: [String: String], _ name: String) throws(ProtocolError) -> Int? {
        guard let text = attributes[name] else { return nil }
        guard let value = Int(text), value >= 1 else { throw .badValue(element: element, attribute: name, value: text) }
        return value
    }
}
