import ABI
import Files
import Pipes
import Processes
import Support

/// Making pipes.
public enum PipeCalls {
    public static func register(_ table: inout SyscallTable) {
        table.set(.pipe) { (a) throws(Errno) in try pipe(to: a.address(0), flags: []) }
        table.set(.pipe2) { (a) throws(Errno) in
            let flags = OpenFlags(rawValue: a.uint32(1))
            guard flags.subtracting([.closeOnExec, .nonBlocking]).isEmpty else { throw .invalidArgument }
            return try pipe(to: a.address(0), flags: flags)
        }
    }

    private static func pipe(to address: UserAddress, flags: OpenFlags) throws(Errno) -> Int {
        let (reader, writer) = PipeFile.pair(flags: flags)
        try NewDescriptors.insert(reader, writer, closeOnExec: flags.contains(.closeOnExec), storing: address)
        return 0
    }
}

/// Gives new files to the running process.
enum NewDescriptors {
    static var limit: Int { Int(clamping: Process.current.limits[.openFiles].soft) }

    static func insert(_ file: OpenFile, closeOnExec: Bool) throws(Errno) -> Int32 {
        try FileContext.current.descriptors.insert(file, closeOnExec: closeOnExec, limit: limit)
    }

    /// Inserts two files and stores their numbers as `int[2]`; on failure neither remains.
    static func insert(_ first: OpenFile, _ second: OpenFile, closeOnExec: Bool, storing address: UserAddress) throws(Errno) {
        let table = FileContext.current.descriptors
        let a = try insert(first, closeOnExec: closeOnExec)
        do throws(Errno) {
            let b = try insert(second, closeOnExec: closeOnExec)
            do throws(Errno) {
                try copyOut(UInt64(UInt32(bitPattern: a)) | UInt64(UInt32(bitPattern: b)) << 32, to: address)
            } catch {
                try? table.close(b)
                throw error
            }
        } catch {
            try? table.close(a)
            throw error
        }
    }
}
