// artbake: draws Martlet's mark, cursors, icons, shadows and wallpapers into one file.
//
//   artbake OUTPUT

import ArtBaker
import Foundation

guard CommandLine.arguments.count == 2 else {
    FileHandle.standardError.write(Data("usage: artbake OUTPUT\n".utf8))
    exit(2)
}
do {
    let bytes = ArtBaker.artPack()
    try Data(bytes).write(to: URL(fileURLWithPath: CommandLine.arguments[1]), options: .atomic)
    print("artbake: \(bytes.count / 1024) KB")
} catch {
    FileHandle.standardError.write(Data("artbake: \(error)\n".utf8))
    exit(1)
}
