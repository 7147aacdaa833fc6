import Foundation
import Testing

/// Orders of locks that the compiler checks: the right one compiles, the wrong one does not, for the expected reason.
@Suite struct RankTests {
    private let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    private func typeCheck(_ fixture: String) throws -> (status: Int32, output: String) {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [
            "swiftc", "-typecheck", "-parse-as-library", "-enable-experimental-feature", "Lifetimes",
            root.appendingPathComponent("kernel/Support/LockRank.swift").path,
            root.appendingPathComponent("Tests/LockTests/Fixtures/\(fixture).swift.txt").path,
        ]
        // The compiler takes a file for a source by its name.
        let source = FileManager.default.temporaryDirectory.appendingPathComponent("\(fixture)-\(UUID().uuidString).swift")
        try FileManager.default.copyItem(atPath: process.arguments!.last!, toPath: source.path)
        defer { try? FileManager.default.removeItem(at: source) }
        process.arguments![process.arguments!.count - 1] = source.path
        let pipe = Pipe()
        process.standardError = pipe
        process.standardOutput = pipe
        try process.run()
        let output = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        return (process.terminationStatus, output)
    }

    @Test func theRightOrderCompiles() throws {
        let (status, output) = try typeCheck("RightOrder")
        #expect(status == 0, "\(output)")
    }

    @Test func theWrongOrderDoesNot() throws {
        let (status, output) = try typeCheck("WrongOrder")
        #expect(status != 0)
        #expect(output.contains("'InheritanceRank' conform to 'PermitsFutexBucket'"), "\(output)")
    }

    @Test func aTokenCannotBeKept() throws {
        let (status, output) = try typeCheck("KeptToken")
        #expect(status != 0)
        #expect(output.contains("'Escapable'"), "\(output)")
    }
}
