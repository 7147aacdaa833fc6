// Where things are in the tree.

import Foundation

/// The source tree and its build products.
public struct Workspace: Sendable {
    public let root: URL
    /// Machines that do not count instructions get at least that many processors.
    public var leastProcessors = 1

    public init(root: URL) { self.root = root }

    /// The nearest folder with a Package.swift, from the current one upward.
    public init() throws {
        var folder = URL(filePath: FileManager.default.currentDirectoryPath)
        while !FileManager.default.fileExists(atPath: folder.appending(path: "Package.swift").path) {
            try require(folder.path != "/", "run this in the source tree")
            folder.deleteLastPathComponent()
        }
        root = folder
    }

    public var build: URL { root.appending(path: "build") }
    public var kernel: URL { build.appending(path: "kernel.elf") }
    public var rootImage: URL { build.appending(path: "root.img") }
    public var iso: URL { build.appending(path: "martlet.iso") }
    public var programs: URL { build.appending(path: "programs") }
    /// The root image with the test programs in /usr/lib/martlet/tests.
    public var testRootImage: URL { build.appending(path: "test-root.img") }
    public var testPrograms: URL { build.appending(path: "test-programs") }
    public var conformance: URL { testPrograms.appending(path: "conformance") }
    public var testLogs: URL { build.appending(path: "test-logs") }
    public var approvedPictures: URL { root.appending(path: "Tests/Scenarios/Approved") }
}
