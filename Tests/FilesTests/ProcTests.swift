import ABI
import Files
import Foundation
import KernelSeams
import ProcFS
import Support
import Testing
import Tmpfs

extension FileSystemTests {
    @Suite struct ProcTests {
        /// The node name, protected by its lock.
        static let hostName = SpinLock<[UInt8]>(Array("swift".utf8))

        static func tree() throws -> Tree {
            FakeMemory.start()
            FakeProcessor.start()
            let environment = ProcEnvironment(
                release: "6.1.0-test", build: "#1", commandLine: Array("console=ttyS0".utf8),
                hostName: { hostName.withLock { $0 } },
                setHostName: { name in hostName.withLock { $0 = name } })
            return try Tree(ProcFileSystem(environment))
        }

        func text(_ tree: Tree, _ path: String) throws -> String { String(decoding: try tree.contents(path), as: UTF8.self) }

        @Test func filesOfTheKernel() throws {
            let tree = try Self.tree()
            #expect(try text(tree, "cmdline") == "console=ttyS0\n")
            #expect(try text(tree, "version").hasPrefix("Linux version 6.1.0-test "))
            #expect(try text(tree, "sys/kernel/ostype") == "Linux\n")
            #expect(try text(tree, "meminfo").contains("MemTotal:  "))
            #expect(try text(tree, "stat").hasPrefix("cpu  "))
            #expect(try text(tree, "uptime").split(separator: " ").count == 2)
            #expect(try text(tree, "loadavg").split(separator: " ").count == 5)
            #expect(try text(tree, "cpuinfo").contains("processor\t: 0\n"))
            #expect(try text(tree, "martlet/frames_free").hasSuffix("\n"))
            for path in ["devices", "filesystems", "partitions", "swaps"] { _ = try text(tree, path) }
        }

        /// The layout of /proc/meminfo is Linux's own, column for column.
        @Test func columnsOfMemory() throws {
            let line = try text(try Self.tree(), "meminfo").split(separator: "\n")[0]
            let theirs = try String(contentsOfFile: "/proc/meminfo", encoding: .utf8).split(separator: "\n")[0]
            #expect(line.count == theirs.count, "\(line) \(theirs)")
        }

        @Test func everyEntryCanBeFoundAndRead() throws {
            let tree = try Self.tree()
            func visit(_ path: String) throws {
                for entry in try tree.list(path, chunk: 128) {
                    let child = path + "/" + entry.name
                    let attributes = try tree.stat(child, follow: false)
                    #expect(attributes.inode == entry.inode, "\(child)")
                    #expect(UInt8(attributes.mode >> 12) == entry.kind, "\(child)")
                    if entry.kind == 4 { try visit(child) }
                    if entry.kind == 8 { _ = try tree.contents(child) }
                }
            }
            try visit(".")
        }

        @Test func hostNameCanBeSet() throws {
            let tree = try Self.tree()
            _ = try tree.write(try tree.open("sys/kernel/hostname", .writeOnly), Array("martin\n".utf8))
            #expect(try text(tree, "sys/kernel/hostname") == "martin\n")
            #expect(errno { () throws(Errno) in _ = try tree.open("sys/kernel/ostype", .writeOnly) } == 13)
        }

        @Test func uuidsAreRandomAndWellFormed() throws {
            let tree = try Self.tree()
            let first = try text(tree, "sys/kernel/random/uuid")
            #expect(UUID(uuidString: String(first.dropLast())) != nil)
            #expect(first != (try text(tree, "sys/kernel/random/uuid")))
            #expect(try text(tree, "sys/kernel/random/boot_id") == (try text(tree, "sys/kernel/random/boot_id")))
        }

        @Test func mountsAreEscaped() throws {
            let tree = try Tree(TmpFileSystem())
            try tree.mkdir("with space")
            try MountTable.mount(TmpFileSystem(pageLimit: 256), on: try tree.resolve("with space"), source: Array("none".utf8))
            let text = String(decoding: KernelTexts.mounts(root: tree.root), as: UTF8.self)
            #expect(text.contains("none /with\\040space tmpfs rw,relatime,size=1024k 0 0\n"))
        }
    }
}
