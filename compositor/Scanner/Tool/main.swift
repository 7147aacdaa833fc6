// wayland-scanner in Swift: WaylandScanner server|client PROTOCOL.xml OUTPUT.swift

import Foundation
import WaylandScannerCore

func fail(_ message: String) -> Never {
    FileHandle.standardError.write(Data("WaylandScanner: \(message)\n".utf8))
    exit(1)
}

let arguments = CommandLine.arguments
guard arguments.count == 4, let side = Side(rawValue: arguments[1]) else {
    fail("usage: WaylandScanner server|client PROTOCOL.xml OUTPUT.swift")
}
guard let xml = FileManager.default.contents(atPath: arguments[2]) else { fail("cannot read \(arguments[2])") }
do throws(ProtocolError) {
    let description = try ProtocolDescription(xml: [UInt8](xml))
    let source = generateBindings(description, side: side)
    guard FileManager.default.createFile(atPath: arguments[3], contents: Data(source.utf8)) else {
        fail("cannot write \(arguments[3])")
    }
} catch {
    fail("\(arguments[2]): \(error)")
}
