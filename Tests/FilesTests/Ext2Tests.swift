import ABI
import Ext2
import Files
import Foundation
import KernelSeams
import Support
import Testing

extension FileSystemTests {
    @Suite struct Ext2Tests {
        static func mount(_ disk: MemoryDisk, readOnly: Bool = false) throws -> (Ext2FileSystem, Tree) {
            FakeMemory.start()
            let fileSystem = try Ext2FileSystem(device: disk, number: DeviceNumber(major: 254, minor: 0), readOnly: readOnly)
            return (fileSystem, try Tree(fileSystem))
        }

        /// Random operations give what Linux gives; afterwards e2fsck has no complaint, and a second mount and debugfs see the same.
        @Test(arguments: [1024, 2048, 4096], 1...(4 * seedFactor))
        func answersAsLinux(blockSize: Int, seed: Int) throws {
            umask(0)
            let disk = MemoryDisk(
                try Ext2Tools.make(blockSize: blockSize, kibibytes: 16384, options: seed % 2 == 0 ? ["-I", "128"] : []))
            let host = HostFolder()
            let (fileSystem, top) = try Self.mount(disk)
            let (tree, fd) = try TmpfsTests.deepTree(top, host)
            var run = Differential(ours: tree, host: fd, random: SeededGenerator(seed: UInt64(seed * 100 + blockSize)))
            run.longestWrite = seed % 3 == 0 ? 200_000 : 20_000
            for step in 0..<1200 {
                guard run.step() else { break }
                if step % 300 == 299 {
                    try fileSystem.synchronize()
                    let complaint = try Ext2Tools.check(disk.bytes)
                    if !complaint.isEmpty {
                        Issue.record("\(complaint)")
                        break
                    }
                }
            }
            run.compareTrees()
            try fileSystem.synchronize()
            let (_, again) = try Self.mount(MemoryDisk(disk.bytes))
            let second = Differential(
                ours: Tree(root: again.root, base: try again.resolve("deep/deep/deep/deep/deep/deep")), host: fd,
                random: SeededGenerator(seed: 0))
            second.compareTrees()
            close(fd)
            try compareDump(disk.bytes, host)
        }

        func compareDump(_ bytes: [UInt8], _ host: HostFolder) throws {
            let folder = Ext2Tools.temporary("tree")
            mkdir(folder, 0o755)
            defer { try? FileManager.default.removeItem(atPath: folder) }
            _ = try Ext2Tools.dump(bytes, to: folder)
            let output = Ext2Tools.run("diff", ["-r", "--no-dereference", folder + "/deep", host.path + "/deep"])
            #expect(output.status == 0, "\(output.text)")
        }

        @Test(arguments: [1024, 2048, 4096])
        func readsWhatMke2fsPacked(blockSize: Int) throws {
            let folder = Ext2Tools.temporary("source")
            defer { try? FileManager.default.removeItem(atPath: folder) }
            mkdir(folder, 0o755)
            mkdir(folder + "/many", 0o755)
            for index in 0..<300 {
                try Data("file \(index)".utf8).write(to: URL(fileURLWithPath: folder + "/many/file-\(index)"))
            }
            let large = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) }
            try Data(large).write(to: URL(fileURLWithPath: folder + "/large"))
            symlink("many/file-7", folder + "/short")
            let longTarget = "many/" + String(repeating: "./", count: 60) + "file-8"
            symlink(longTarget, folder + "/long")
            let (_, tree) = try Self.mount(MemoryDisk(try Ext2Tools.make(blockSize: blockSize, kibibytes: 8192, from: folder)))
            #expect(try tree.contents("large") == large)
            #expect(try tree.contents("short") == Array("file 7".utf8))
            #expect(try tree.contents("long") == Array("file 8".utf8))
            #expect(try tree.readLink("long") == Array(longTarget.utf8))
            #expect(Set(try tree.list("many").map(\.name)).count == 300)
        }

        @Test func sparseAndLargeFiles() throws {
            let disk = MemoryDisk(try Ext2Tools.make(blockSize: 1024, kibibytes: 8192))
            let (fileSystem, tree) = try Self.mount(disk)
            let before = fileSystem.statistics().freeBlocks
            let file = try tree.open("sparse", [.readWrite, .create])
            // Beyond 2 GiB: needs three levels of indirect blocks.
            let far: UInt64 = 3 << 30
            #expect(try tree.write(file, [1, 2, 3], at: far) == 3)
            #expect(try tree.write(file, [9], at: 300_000) == 1)
            #expect(try file.attributes().size == far + 3)
            #expect(try tree.read(file, 4, at: far) == [1, 2, 3])
            #expect(try tree.read(file, 3, at: 299_999) == [0, 9, 0])
            try fileSystem.synchronize()
            #expect(try Ext2Tools.check(disk.bytes) == "")
            try file.truncate(to: 10)
            try fileSystem.synchronize()
            #expect(try Ext2Tools.check(disk.bytes) == "")
            try file.truncate(to: 0)
            #expect(fileSystem.statistics().freeBlocks == before)
        }

        @Test func cutOffBytesDoNotComeBack() throws {
            let disk = MemoryDisk(try Ext2Tools.make(blockSize: 4096, kibibytes: 4096))
            do {
                let (fileSystem, tree) = try Self.mount(disk)
                try tree.put("f", [UInt8](repeating: 7, count: 4096))
                try fileSystem.synchronize()
                try tree.truncate("f", 100)
                try fileSystem.synchronize()
            }
            let (_, tree) = try Self.mount(disk)
            try tree.truncate("f", 4096)
            let bytes = try tree.contents("f")
            #expect(bytes[..<100].allSatisfy { $0 == 7 })
            #expect(bytes[100...].allSatisfy { $0 == 0 })
        }

        @Test func fillsUpAndEmpties() throws {
            let disk = MemoryDisk(try Ext2Tools.make(blockSize: 1024, kibibytes: 2048, options: ["-N", "64"]))
            let (fileSystem, tree) = try Self.mount(disk)
            let files = fileSystem.statistics().freeFiles
            var written = 0
            let file = try tree.open("big", [.writeOnly, .create])
            while true {
                do throws(Errno) { written += try tree.write(file, [UInt8](repeating: 1, count: 10_000)) } catch {
                    #expect(error == .noSpace)
                    break
                }
            }
            #expect(written > 1_000_000)
            try fileSystem.synchronize()
            #expect(try Ext2Tools.check(disk.bytes) == "")
            try file.truncate(to: 0)
            var count = 0
            while FilesTests.errno({ () throws(Errno) in try tree.put("f\(count)", [1]) }) == 0 { count += 1 }
            #expect(count > 40)
            try fileSystem.synchronize()
            #expect(try Ext2Tools.check(disk.bytes) == "")
            for index in 0..<count { try tree.remove("f\(index)") }
            try tree.remove("big")
            // `file` is still open.
            #expect(fileSystem.statistics().freeFiles == files - 1)
        }

        @Test func unlinkedFilesLiveUntilClosed() throws {
            let disk = MemoryDisk(try Ext2Tools.make(blockSize: 1024, kibibytes: 4096))
            let (fileSystem, tree) = try Self.mount(disk)
            let before = fileSystem.statistics().freeBlocks
            do {
                let file = try tree.open("f", [.readWrite, .create])
                _ = try tree.write(file, [UInt8](repeating: 5, count: 100_000))
                try tree.remove("f")
                #expect(try tree.read(file, 4, at: 50_000) == [5, 5, 5, 5])
                _ = try tree.write(file, [6], at: 200_000)
                #expect(fileSystem.statistics().freeBlocks < before)
            }
            #expect(fileSystem.statistics().freeBlocks == before)
            try fileSystem.synchronize()
            #expect(try Ext2Tools.check(disk.bytes) == "")
        }

        @Test func indexedFoldersAreReadAndChanged() throws {
            let folder = Ext2Tools.temporary("source")
            defer { try? FileManager.default.removeItem(atPath: folder) }
            mkdir(folder, 0o755)
            for index in 0..<600 { try Data().write(to: URL(fileURLWithPath: folder + "/a-name-that-takes-some-room-\(index)")) }
            // e2fsck -D builds the hash index.
            let path = Ext2Tools.temporary("indexed")
            defer { unlink(path) }
            try Data(try Ext2Tools.make(blockSize: 1024, kibibytes: 4096, options: ["-O", "dir_index"], from: folder)).write(
                to: URL(fileURLWithPath: path))
            _ = Ext2Tools.run("e2fsck", ["-fyD", path])
            let disk = MemoryDisk(Array(try Data(contentsOf: URL(fileURLWithPath: path))))
            let (fileSystem, tree) = try Self.mount(disk)
            #expect(try tree.list(".").count == 601)
            for index in 0..<600 where index % 3 == 0 { try tree.remove("a-name-that-takes-some-room-\(index)") }
            for index in 0..<300 { try tree.put("new-\(index)", [1]) }
            #expect(try tree.list(".").count == 601 - 200 + 300)
            try fileSystem.synchronize()
            #expect(try Ext2Tools.check(disk.bytes) == "")
        }

        @Test func refusesWhatIsNotExt2() throws {
            FakeMemory.start()
            func mountError(_ bytes: [UInt8]) -> Int32 {
                FilesTests.errno { () throws(Errno) in
                    _ = try Ext2FileSystem(device: MemoryDisk(bytes), number: DeviceNumber(major: 254, minor: 0), readOnly: false)
                }
            }
            #expect(mountError([UInt8](repeating: 0, count: 1 << 20)) == 22)
            #expect(mountError([]) == 22)
            let image = try Ext2Tools.make(blockSize: 1024, kibibytes: 4096)
            #expect(mountError(Array(image.prefix(96 * 1024))) == 22)
            #expect(mountError(image) == 0)
        }

        /// Damaged images: mounting and using them must end in errors at worst.
        @Test(arguments: 1...(60 * seedFactor))
        func survivesDamage(seed: Int) throws {
            var random = SeededGenerator(seed: UInt64(seed))
            let blockSize = [1024, 2048, 4096][seed % 3]
            var bytes = try Self.template(blockSize)
            // Superblock and descriptors in a third of the runs, anywhere in the metadata in the others.
            let reach = seed % 3 == 0 ? 4096 : min(bytes.count, 400_000)
            for _ in 0..<Int.random(in: 1...40, using: &random) {
                let place = Int.random(in: 1024..<reach, using: &random)
                bytes[place] =
                    Bool.random(using: &random)
                    ? UInt8.random(in: 0...255, using: &random) : [0, 0xff, 0x7f, 0x80].randomElement(using: &random)!
            }
            bytes[1024 + 56] = 0x53
            bytes[1024 + 57] = 0xef
            guard let (fileSystem, tree) = try? Self.mount(MemoryDisk(bytes)) else { return }
            let host = HostFolder()
            var run = Differential(ours: tree, host: host.descriptor, random: random)
            for _ in 0..<300 { run.stepAlone() }
            try? fileSystem.synchronize()
        }

        /// A disk that stops taking writes: errors, and what was synced before is still there.
        @Test(arguments: 1...(12 * seedFactor))
        func survivesAFailingDisk(seed: Int) throws {
            let disk = MemoryDisk(try Self.template(1024))
            let (fileSystem, tree) = try Self.mount(disk)
            disk.failsAfter = seed
            let host = HostFolder()
            var run = Differential(ours: tree, host: host.descriptor, random: SeededGenerator(seed: UInt64(seed)))
            for _ in 0..<100 { run.stepAlone() }
            let error = FilesTests.errno { () throws(Errno) in try fileSystem.synchronize() }
            #expect(error == (disk.failsAfter < 0 ? 5 : 0))
            disk.failsAfter = .max
            try fileSystem.synchronize()
            #expect(try Self.mount(MemoryDisk(disk.bytes)).1.stat("a").mode & 0o170000 == 0o040000)
        }

        /// An image with folders, files and links, to be damaged.
        static func template(_ blockSize: Int) throws -> [UInt8] {
            let disk = MemoryDisk(try Ext2Tools.make(blockSize: blockSize, kibibytes: 2048))
            let (fileSystem, tree) = try mount(disk)
            for name in ["a", "b", "c"] {
                try tree.mkdir(name)
                try tree.put(name + "/e.txt", [UInt8](repeating: 3, count: 30_000))
                try tree.put(name + "/dd", [1, 2, 3])
                try tree.mkdir(name + "/a")
                try tree.symlink("../b/e.txt", name + "/b")
            }
            try tree.put("dd", [UInt8](repeating: 9, count: 400_000))
            try fileSystem.synchronize()
            return disk.bytes
        }
    }
}

extension Differential {
    /// One random operation on our side only, whatever comes of it.
    mutating func stepAlone() {
        let ours = ours
        let p = path(), q = path()
        let length = Int.random(in: 0...longestWrite, using: &random)
        switch Int.random(in: 0..<10, using: &random) {
        case 0: _ = FilesTests.errno { () throws(Errno) in try ours.mkdir(p) }
        case 1: _ = FilesTests.errno { () throws(Errno) in try ours.put(p, [UInt8](repeating: 1, count: length)) }
        case 2: _ = FilesTests.errno { () throws(Errno) in try ours.remove(p) }
        case 3: _ = FilesTests.errno { () throws(Errno) in try ours.remove(p, folder: true) }
        case 4: _ = FilesTests.errno { () throws(Errno) in try ours.rename(p, q) }
        case 5: _ = FilesTests.errno { () throws(Errno) in try ours.link(p, q) }
        case 6: _ = FilesTests.errno { () throws(Errno) in try ours.symlink(q, p) }
        case 7: _ = FilesTests.errno { () throws(Errno) in try ours.truncate(p, UInt64(length)) }
        case 8:
            _ = FilesTests.errno { () throws(Errno) in
                let file = try ours.open(p)
                _ = try ours.read(file, 65536)
                _ = try ours.read(file, 4096, at: 300_000)
            }
        default: _ = FilesTests.errno { () throws(Errno) in _ = try ours.list(p) }
        }
    }
}
