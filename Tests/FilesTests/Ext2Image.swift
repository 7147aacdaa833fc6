import ABI
import Ext2
import Files
import Foundation
import Support
import Testing

/// A disk in memory.
final class MemoryDisk: BlockDevice {
    var bytes: [UInt8]
    /// Writes after which the disk fails everything; for tests of errors.
    var failsAfter = Int.max

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    override var sectorCount: UInt64 { UInt64(bytes.count / 512) }

    override func read(sector: UInt64, count: Int, into memory: UnsafeMutableRawPointer) throws(Errno) {
        guard contains(sector: sector, count: count) else { throw .ioError }
        bytes.withUnsafeBytes { memory.copyMemory(from: $0.baseAddress! + Int(sector) * 512, byteCount: count * 512) }
    }

    override func write(sector: UInt64, count: Int, from memory: UnsafeRawPointer) throws(Errno) {
        failsAfter -= 1
        guard failsAfter >= 0, contains(sector: sector, count: count) else { throw .ioError }
        bytes.withUnsafeMutableBytes { ($0.baseAddress! + Int(sector) * 512).copyMemory(from: memory, byteCount: count * 512) }
    }
}

/// Runs the tools of e2fsprogs on images.
enum Ext2Tools {
    struct Output {
        let status: Int32
        let text: String
    }

    static func run(_ tool: String, _ arguments: [String]) -> Output {
        let process = Process()
        let paths = ["/usr/sbin/", "/sbin/", "/usr/bin/", "/bin/"].map { $0 + tool }
        guard let path = paths.first(where: { FileManager.default.isExecutableFile(atPath: $0) }) else {
            return Output(status: -1, text: tool + " is missing")
        }
        process.executableURL = URL(fileURLWithPath: path)
        process.arguments = arguments
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = pipe
        do { try process.run() } catch { return Output(status: -1, text: "\(error)") }
        let data = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return Output(status: process.terminationStatus, text: String(decoding: data, as: UTF8.self))
    }

    static func temporary(_ name: String) -> String {
        NSTemporaryDirectory() + "/martlet-ext2-\(getpid())-\(UInt32.random(in: 0 ... .max))-" + name
    }

    /// Makes an image with mke2fs.
    static func make(blockSize: Int, kibibytes: Int, options: [String] = [], from folder: String? = nil) throws -> [UInt8] {
        let path = temporary("image")
        defer { unlink(path) }
        var arguments = ["-q", "-F", "-t", "ext2", "-b", "\(blockSize)"] + options
        if let folder { arguments += ["-d", folder] }
        let output = run("mke2fs", arguments + [path, "\(kibibytes)k"])
        try #require(output.status == 0, "\(output.text)")
        return Array(try Data(contentsOf: URL(fileURLWithPath: path)))
    }

    /// What e2fsck finds; empty when the image is in order.
    static func check(_ bytes: [UInt8]) throws -> String {
        let path = temporary("check")
        defer { unlink(path) }
        try Data(bytes).write(to: URL(fileURLWithPath: path))
        let output = run("e2fsck", ["-fn", path])
        return output.status == 0 ? "" : output.text
    }

    /// The contents of a file in an image as debugfs reads them.
    static func dump(_ bytes: [UInt8], to folder: String) throws -> String {
        let path = temporary("dump")
        defer { unlink(path) }
        try Data(bytes).write(to: URL(fileURLWithPath: path))
        return run("debugfs", ["-R", "rdump / " + folder, path]).text
    }
}
