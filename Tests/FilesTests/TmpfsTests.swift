import ABI
import Files
import Foundation
import Support
import Testing
import Tmpfs

extension FileSystemTests {
    @Suite struct TmpfsTests {
        /// The paths' `..` must not leave what both sides have: the work happens some folders down.
        static func deepTree(_ tree: Tree, _ host: HostFolder) throws -> (Tree, Int32) {
            var path = ""
            for _ in 0..<6 {
                path += path.isEmpty ? "deep" : "/deep"
                try tree.mkdir(path)
                mkdirat(host.descriptor, path, 0o755)
            }
            let fd = openat(host.descriptor, path, O_RDONLY | O_DIRECTORY)
            return (Tree(root: tree.root, base: try tree.resolve(path)), fd)
        }

        @Test(arguments: 1...(12 * seedFactor)) func answersAsLinux(seed: Int) throws {
            umask(0)
            let host = HostFolder()
            let (tree, fd) = try Self.deepTree(try Tree(TmpFileSystem(permissions: 0o755)), host)
            var run = Differential(ours: tree, host: fd, random: SeededGenerator(seed: UInt64(seed)))
            for _ in 0..<1000 { guard run.step() else { break } }
            run.compareTrees()
            close(fd)
        }

        @Test func countsItsPages() throws {
            let tree = try Tree(TmpFileSystem(pageLimit: 8))
            let file = try tree.open("f", [.readWrite, .create])
            #expect(try tree.write(file, [UInt8](repeating: 1, count: 8 * 4096)) == 8 * 4096)
            #expect(errno { () throws(Errno) in _ = try tree.write(file, [1]) } == 28)
            #expect(tree.root.mount.fileSystem!.statistics().freeBlocks == 0)
            try file.truncate(to: 4096)
            #expect(tree.root.mount.fileSystem!.statistics().freeBlocks == 7)
            try tree.remove("f")
            #expect(try tree.read(file, 10, at: 0) == [UInt8](repeating: 1, count: 10))
        }

        @Test func removedFilesGiveTheirPagesBack() throws {
            let fileSystem = TmpFileSystem(pageLimit: 8)
            let tree = try Tree(fileSystem)
            for _ in 0..<100 {
                do {
                    let file = try tree.open("f", [.readWrite, .create])
                    _ = try tree.write(file, [UInt8](repeating: 1, count: 5 * 4096))
                    try tree.remove("f")
                    #expect(fileSystem.statistics().freeBlocks == 3)
                }
                #expect(fileSystem.statistics().freeBlocks == 8)
            }
        }

        @Test func seals() throws {
            let tree = try Tree(TmpFileSystem())
            let file = try MemoryFiles.create(name: Array("x".utf8), allowsSealing: true, executable: true, uid: 0, gid: 0)
            try file.truncate(to: 100)
            try file.addSeals(Seals.shrink)
            #expect(errno { () throws(Errno) in try file.truncate(to: 50) } == 1)
            try file.truncate(to: 200)
            try file.addSeals(Seals.grow)
            #expect(errno { () throws(Errno) in _ = try tree.write(file, [1], at: 200) } == 1)
            #expect(try tree.write(file, [1], at: 199) == 1)
            try file.addSeals(Seals.write | Seals.seal)
            #expect(errno { () throws(Errno) in _ = try tree.write(file, [1], at: 0) } == 1)
            #expect(errno { () throws(Errno) in try file.addSeals(Seals.shrink) } == 1)
            #expect(try file.seals() == 15)
            #expect(String(decoding: file.path!.absolutePath(root: nil), as: UTF8.self) == "/memfd:x (deleted)")
        }

        @Test func listingsSurviveChanges() throws {
            let tree = try Tree(TmpFileSystem())
            for index in 0..<500 { try tree.put("f\(index)", []) }
            #expect(Set(try tree.list(".", chunk: 64).map(\.name)).count == 500)
            for index in 0..<490 { try tree.remove("f\(index)") }
            #expect(try tree.list(".").count == 10)
        }

        @Test func devicesAppearInDev() throws {
            MemoryDevices.register()
            let dev = DeviceFileSystem()
            let tree = try Tree(dev)
            #expect(try tree.read(tree.open("zero"), 3) == [0, 0, 0])
            #expect(try tree.read(tree.open("null"), 3) == [])
            #expect(errno { () throws(Errno) in _ = try tree.write(try tree.open("full", .writeOnly), [1]) } == 28)
            #expect(try tree.read(tree.open("urandom"), 300).count == 300)
            DeviceRegistry.registerCharacter(major: 13, minor: 64, name: "input/event0", mode: 0o640, opener: DeviceOpener())
            #expect(try tree.stat("input/event0").specialDevice == DeviceNumber(major: 13, minor: 64).rawValue)
            DeviceRegistry.unregisterCharacter(major: 13, minor: 64)
            #expect(errno { () throws(Errno) in _ = try tree.stat("input/event0") } == 2)
            // From the end on: what other tests log meanwhile may come too.
            let log = try tree.open("kmsg", .readWrite)
            _ = try log.seek(0, whence: 2)
            _ = try tree.write(log, Array("<3>hello from a test\n".utf8))
            #expect(String(decoding: try tree.read(log, 1000), as: UTF8.self).contains("] hello from a test\n"))
        }
    }

    @Suite struct MountTests {
        @Test func mountsCoverAndUncover() throws {
            let tree = try Tree(TmpFileSystem())
            try tree.mkdir("m")
            try tree.put("m/below", [1])
            let mount = try MountTable.mount(TmpFileSystem(), on: try tree.resolve("m"), source: [])
            #expect(try tree.list("m").isEmpty)
            try tree.put("m/above", [2])
            #expect(try tree.contents("m/../m/above") == [2])
            #expect(errno { () throws(Errno) in try tree.rename("m/above", "x") } == 18)
            #expect(errno { () throws(Errno) in try tree.remove("m", folder: true) } == 16)
            do {
                let file = try tree.open("m/above")
                #expect(errno { () throws(Errno) in try MountTable.unmount(mount, detach: false) } == 16)
                #expect(String(decoding: file.path!.absolutePath(root: tree.root), as: UTF8.self) == "/m/above")
            }
            try MountTable.unmount(mount, detach: false)
            #expect(try tree.contents("m/below") == [1])
        }

        @Test func permissionsOfOthers() throws {
            var tree = try Tree(TmpFileSystem(permissions: 0o755))
            try tree.mkdir("open", 0o777)
            try tree.mkdir("sticky", 0o1777)
            try tree.mkdir("closed", 0o700)
            try tree.put("closed/f", [1])
            try tree.put("sticky/roots", [1])
            tree.identity = FileIdentity(uid: 1000, gid: 1000)
            #expect(errno { () throws(Errno) in _ = try tree.stat("closed/f") } == 13)
            #expect(errno { () throws(Errno) in try tree.put("f", []) } == 13)
            #expect(errno { () throws(Errno) in try tree.put("open/f", []) } == 0)
            #expect(errno { () throws(Errno) in try tree.remove("sticky/roots") } == 1)
            #expect(errno { () throws(Errno) in _ = try tree.open("sticky/roots", .writeOnly) } == 13)
            #expect(errno { () throws(Errno) in _ = try tree.open("sticky/roots") } == 0)
            try tree.put("sticky/mine", [])
            try tree.remove("sticky/mine")
            #expect(try tree.stat("open/f").uid == 1000)
        }

        @Test func deepFoldersAreReleasedWithoutRecursion() throws {
            let tree = try Tree(TmpFileSystem())
            var here = tree
            for _ in 0..<20_000 {
                try here.mkdir("d")
                here.base = try here.resolve("d")
            }
            #expect(errno { () throws(Errno) in _ = try here.resolve("../../..") } == 0)
            try MountTable.mountRoot(TmpFileSystem(), source: []).mount.fileSystem!.synchronize()
        }
    }
}
