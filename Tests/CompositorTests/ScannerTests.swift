import Testing
import WaylandScannerCore

struct ScannerTests {
    static let xml = """
        <?xml version="1.0"?>
        <!-- a comment with <tags> -->
        <protocol name="toy">
          <copyright>Nobody &amp; sons</copyright>
          <interface name="toy_box" version="3">
            <description summary="a box &lt;of&gt; toys">Long text.</description>
            <enum name="error"><entry name="full" value="0" summary="no room"/></enum>
            <enum name="flags" bitfield="true"><entry name="none" value="0"/><entry name="90" value="0x10"/></enum>
            <request name="destroy" type="destructor"/>
            <request name="put" since="2">
              <arg name="id" type="new_id" interface="toy"/>
              <arg name="class" type="string" allow-null="true"/>
              <arg name="data" type="fd"/>
              <arg name="flags" type="uint" enum="flags"/>
            </request>
            <event name="shaken"><arg name="x" type="fixed"/><arg name="who" type="object" allow-null="true"/></event>
          </interface>
        </protocol>
        """

    @Test func readsADescription() throws {
        let description = try ProtocolDescription(xml: Array(Self.xml.utf8))
        #expect(description.name == "toy")
        let box = try #require(description.interfaces.first)
        #expect(box.name == "toy_box" && box.version == 3 && box.summary == "a box <of> toys")
        #expect(box.requests.map(\.name) == ["destroy", "put"])
        #expect(box.requests[0].isDestructor && box.requests[1].since == 2)
        #expect(box.requests[1].arguments.map(\.kind) == [.new_id, .string, .fd, .uint])
        #expect(box.enumerations[1].isBitfield && box.enumerations[1].entries[1].value == 16)
    }

    @Test func writesTheServersSide() throws {
        let source = generateBindings(try ProtocolDescription(xml: Array(Self.xml.utf8)), side: .server)
        #expect(source.contains("public enum ToyBox {"))
        #expect(source.contains("case put(id: ObjectID, class: String?, data: ReceivedDescriptor, flags: ToyBox.Flags)"))
        #expect(source.contains("case 1 where version >= 2:"))
        #expect(source.contains("let `class` = try wire.optionalString()"))
        #expect(source.contains("public func shaken(x: Fixed, who: ObjectID?)"))
        #expect(source.contains("public static var _90: Flags { Flags(rawValue: 16) }"))
        #expect(source.contains("public struct ErrorCode"))
    }

    @Test func writesTheClientsSide() throws {
        let source = generateBindings(try ProtocolDescription(xml: Array(Self.xml.utf8)), side: .client)
        #expect(source.contains("case shaken(x: Fixed, who: ObjectID?)"))
        #expect(source.contains("public func put(id: ObjectID, class: String?, data: borrowing Descriptor, flags: ToyBox.Flags)"))
        #expect(source.contains("guard self.version >= 2 else { return }"))
        #expect(source.contains("outbox.begin(self.id, opcode: 1, argumentWords: 3, extra: Outbox.size(of: `class`))"))
    }

    @Test(arguments: [
        "<protocol name=\"a\"><interface name=\"b\"></protocol>", "<protocol>", "<protocol name=\"a\"", "<protocol name=a/>",
        "<protocol name=\"a\"><arg name=\"x\" type=\"int\"/></protocol>",
        "<protocol name=\"a\"><interface name=\"b\" version=\"zero\"/></protocol>",
        "<protocol name=\"a\"><interface name=\"b\"><request name=\"r\"><arg name=\"x\" type=\"float\"/></request></interface></protocol>",
        "<protocol name=\"&nope;\"/>", "<protocol name=\"a\"><!-- never closed", "<protocol name=\"a\" name=\"b\"/>",
    ])
    func refusesWhatIsMalformed(_ text: String) {
        #expect(throws: ProtocolError.self) { try ProtocolDescription(xml: Array(text.utf8)) }
    }
}
