// fontbake: renders Martlet's faces into atlases.
//
//   fontbake --inter DIR --mono DIR --fallback DIR --output DIR [--scales 1,2]
//
// The list of faces is here, so that the Makefile knows only where the fonts are.

import AtlasWriter
import FontBaker
import Foundation

struct Usage: Error {}

func options() throws -> [String: String] {
    var result: [String: String] = [:]
    var arguments = CommandLine.arguments.dropFirst().makeIterator()
    while let name = arguments.next() {
        guard name.hasPrefix("--"), let value = arguments.next() else { throw Usage() }
        result[String(name.dropFirst(2))] = value
    }
    return result
}

do {
    let options = try options()
    guard let inter = options["inter"], let mono = options["mono"], let fallback = options["fallback"],
        let output = options["output"]
    else { throw Usage() }
    try FileManager.default.createDirectory(atPath: output, withIntermediateDirectories: true)
    var requests: [(name: String, request: FaceRequest)] = []
    let scales = (options["scales"] ?? "1").split(separator: ",").compactMap { Int($0) }
    for weight in ["Regular", "Medium", "SemiBold"] {
        for size in scales.flatMap({ scale in [11, 13, 17].map { $0 * scale } }) {
            requests.append(
                (
                    "inter-\(weight.lowercased())-\(size)",
                    FaceRequest(
                        path: "\(inter)/Inter-\(weight).otf", fallbackPath: "\(fallback)/DejaVuSans.ttf", pixelSize: size,
                        characters: weight == "Regular" ? .interface : .interfaceLabels, hinting: .light, coverageExponent: 0.8)
                ))
        }
    }
    // The terminal's text sizes with their cells, in pixels at scale 1.
    let cells = [(size: 12, width: 7, height: 16), (size: 14, width: 8, height: 18), (size: 17, width: 10, height: 22)]
    for weight in ["Regular", "Bold", "Italic"] {
        for (cell, scale) in cells.flatMap({ cell in scales.map { (cell, $0) } }) {
            requests.append(
                (
                    "mono-\(weight.lowercased())-\(cell.size * scale)",
                    FaceRequest(
                        path: "\(mono)/JetBrainsMono-\(weight).ttf", fallbackPath: "\(fallback)/DejaVuSansMono.ttf",
                        pixelSize: cell.size * scale, characters: weight == "Regular" ? .terminalWithBraille : .terminal,
                        hinting: .light, cell: (cell.width * scale, cell.height * scale), coverageExponent: 0.8)
                ))
        }
    }
    let baker = try FaceBaker()
    var total = 0
    for (name, request) in requests {
        let bytes = try baker.bake(request).encoded()
        try Data(bytes).write(to: URL(fileURLWithPath: "\(output)/\(name).atlas"), options: .atomic)
        total += bytes.count
        if options["verbose"] != nil { print("\(name): \(bytes.count) bytes") }
    }
    print("fontbake: \(requests.count) atlases, \(total / 1024) KB")
} catch is Usage {
    FileHandle.standardError.write(Data("usage: fontbake --inter DIR --mono DIR --fallback DIR --output DIR\n".utf8))
    exit(2)
} catch {
    FileHandle.standardError.write(Data("fontbake: \(error)\n".utf8))
    exit(1)
}
