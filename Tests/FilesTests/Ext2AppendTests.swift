import ABI
import Ext2
import Files
import KernelSeams
import Support
import Testing

extension FileSystemTests {
    /// Appending beside fsync: the moment between a record's copy into its page and the file's new length, in which another
    /// processor writes the page back.
    @Suite struct Ext2AppendTests {
        @Test(arguments: [1024, 4096])
        func writingBackCutsNothingOffThatIsBeingAppended(blockSize: Int) throws {
            let disk = MemoryDisk(try Ext2Tools.make(blockSize: blockSize, kibibytes: 4096))
            let (fileSystem, tree) = try Ext2Tests.mount(disk)
            let writer = try tree.open("log", [.writeOnly, .create, .append])
            let other = try tree.open("log")
            var expected: [UInt8] = []
            for record in 0..<100 {
                let bytes = [UInt8](repeating: UInt8(65 + record % 26), count: 96)
                expected += bytes
                var failure: Errno?
                seamAfterUserCopy = { do throws(Errno) { try other.synchronize() } catch { failure = error } }
                #expect(try append(bytes, to: writer) == bytes.count)
                #expect(seamAfterUserCopy == nil && failure == nil)
            }
            #expect(try tree.contents("log") == expected)
            try fileSystem.synchronize()
            #expect(try Ext2Tools.check(disk.bytes) == "")
            let (_, again) = try Ext2Tests.mount(MemoryDisk(disk.bytes))
            #expect(try again.contents("log") == expected)
        }

        /// As a program does it, from user memory.
        private func append(_ bytes: [UInt8], to file: OpenFile) throws(Errno) -> Int {
            var buffer = try TransferBuffer(user: UserAddress(UserScratch.place(bytes)), count: bytes.count)
            return try file.write(&buffer)
        }
    }
}
