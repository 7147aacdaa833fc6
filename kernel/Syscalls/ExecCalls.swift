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
        let name = try startName(folder, path)
        let start: ProgramStart
        do throws(Errno) {
            start = try ProgramStart(
                node, path: name.path, arguments: arguments, environment: environment,
                origin: try UserPath.origin(AtFlags.workingFolder, path), credentials: process.credentials, limits: limits,
                commandName: path.isEmpty ? node.lastName : nil)
        } catch {
            // As Linux does, which has given up the old program by then: killed by SIGSEGV.
            if error == .unloadableProgram { Exit.requestGroupExit(status: 11) }
            throw error
        }

        // An interpreter could not open its script any more.
        if start.isScript, name.vanishes { throw .noEntry }
        let frame = UserThread.current.trapFrame
        // Once this has succeeded nothing can fail: the old program is gone.
        try Clone.replaceImage(with: start.space, frame: frame, entry: start.entry, stack: start.stackPointer, name: start.name)
        FileContext.current.descriptors.closeForExec()
        process.executablePath.withLock { $0 = start.executablePath }
        process.argumentRange.withLock { $0 = start.argumentRange }
        // Tells the entry code that the registers are those of the new program.
        frame.pointee.vector = .max
        return 0
    }

    /// The path under which the program finds itself (AT_EXECFN): what was given, or one through /dev/fd.
    /// - Returns: also whether that path is gone once the program runs, because its descriptor closes.
    private static func startName(_ folder: Int32, _ path: [UInt8]) throws(Errno) -> (path: [UInt8], vanishes: Bool) {
        if folder == AtFlags.workingFolder || path.first == UInt8(ascii: "/") { return (path, false) }
        var name: KernelString = "/dev/fd/\(folder)"
        if !path.isEmpty { name += "/\(path)" }
        return (name.utf8, try FileContext.current.descriptors.closeOnExec(folder))
    }
}
