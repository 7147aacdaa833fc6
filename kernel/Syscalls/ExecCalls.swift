import ABI
import Files
import Processes
import Processor
import Programs
import Support

/// Replacing the running program.
public enum ExecCalls {
    public static func register(_ table: inout SyscallTable) {
        table.set(.execve) { (a) throws(Errno) in
            try execute(AtFlags.workingFolder, a.address(0), a.address(1), a.address(2), flags: 0)
        }
        table.set(.execveat) { (a) throws(Errno) in
            let flags = a.uint32(4)
            guard flags & ~(AtFlags.symbolicLinkNoFollow | AtFlags.emptyPath) == 0 else { throw .invalidArgument }
            return try execute(a.fd(0), a.address(1), a.address(2), a.address(3), flags: flags)
        }
    }

    private static func execute(
        _ folder: Int32, _ address: UserAddress, _ argumentVector: UserAddress, _ environmentVector: UserAddress, flags: UInt32
    ) throws(Errno) -> Int {
        let process = Process.current
        let limits = process.limits
        let path = try UserPath.read(address, allowsEmpty: flags & AtFlags.emptyPath != 0)
        let limit = ProgramStrings.limit(stackLimit: limits[.stack].soft)
        var arguments = try ProgramStrings(vector: argumentVector, limit: limit)
        // A program without even its name would read its environment as arguments.
        if arguments.count == 0 { arguments.append([]) }
        let environment = try ProgramStrings(vector: environmentVector, limit: limit - arguments.bytes.count)
        let node = try UserPath.resolve(folder, path, follow: flags & AtFlags.symbolicLinkNoFollow == 0)
        let start: ProgramStart
        do throws(Errno) {
            start = try ProgramStart(
                node, path: path, arguments: arguments, environment: environment, origin: try UserPath.origin(folder, path),
                credentials: process.credentials, limits: limits)
        } catch {
            // As Linux does, which has given up the old program by then: killed by SIGSEGV.
            if error == .unloadableProgram { Exit.exitGroup(status: 11) }
            throw error
        }

        // From here on nothing can fail: the old program is gone.
        let frame = UserThread.current.trapFrame
        Clone.replaceImage(with: start.space, frame: frame, entry: start.entry, stack: start.stackPointer, name: start.name)
        FileContext.current.descriptors.closeForExec()
        process.executablePath.withLock { $0 = start.executablePath }
        process.argumentRange.withLock { $0 = start.argumentRange }
        // Tells the entry code that the registers are those of the new program.
        frame.pointee.vector = .max
        return 0
    }
}
