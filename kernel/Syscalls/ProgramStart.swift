import ABI
import Files
import Processor
import Processes
import Programs
import Support
import VirtualMemory

/// Turns an executable file into an address space that is ready to run: what execve and the start of init share.
public struct ProgramStart {
    public let space: AddressSpace
    public let entry: UInt64
    public let stackPointer: UInt64
    /// The base name, at most 15 bytes.
    public let name: [UInt8]
    public let executablePath: [UInt8]
    public let argumentRange: Process.ArgumentRange
    /// An interpreter runs and will read the file that was asked for.
    public let isScript: Bool

    /// How often a script's interpreter may itself be a script.
    private static let maximumScriptDepth = 4

    /// Loads the program at a node, following `#!` lines.
    /// - Parameters:
    ///   - path: the name that it was started by: AT_EXECFN, and what a script's interpreter gets.
    ///   - commandName: the process's new name, if it is not the last part of the path.
    ///   - origin: where interpreters' paths start, and with whose rights.
    /// - Throws: `accessDenied`, `badExecutable`, `tooManySymbolicLinks`, and what reading gives.
    public init(
        _ node: PathNode, path: [UInt8], arguments: ProgramStrings, environment: ProgramStrings, origin: PathOrigin,
        credentials: Credentials, limits: ResourceLimits, commandName: [UInt8]? = nil
    ) throws(Errno) {
        var node = node
        var arguments = arguments
        var startPath = path
        var depth = 0
        var (contents, hold) = try Self.openProgram(node, origin.identity)
        while let script = try Script.read(contents) {
            depth += 1
            if depth > Self.maximumScriptDepth { throw .tooManySymbolicLinks }
            arguments.removeFirst()
            arguments.prepend(startPath)
            if let argument = script.argument { arguments.prepend(argument) }
            arguments.prepend(script.interpreter)
            startPath = script.interpreter
            node = try PathOperations.resolve(script.interpreter, origin)
            (contents, hold) = try Self.openProgram(node, origin.identity)
        }
        let image = try ElfImage(reading: contents)
        var interpreter: ElfImage?
        if let interpreterPath = image.interpreterPath {
            let interpreterNode = try PathOperations.resolve(interpreterPath, origin)
            interpreter = try ElfImage(reading: try Self.openProgram(interpreterNode, origin.identity).contents)
        }

        var memoryLimits = MemoryLimits()
        memoryLimits.addressSpace = limits[.addressSpace].soft
        memoryLimits.data = limits[.data].soft
        memoryLimits.stack = limits[.stack].soft
        memoryLimits.locked = limits[.lockedMemory].soft
        let space = try AddressSpace(limits: memoryLimits)
        space.program = hold
        let program = try ProgramLoader.load(image, interpreter: interpreter, into: space)
        var identity = ProgramIdentity()
        identity.userID = credentials.uid
        identity.effectiveUserID = credentials.euid
        identity.groupID = credentials.gid
        identity.effectiveGroupID = credentials.egid
        let stack = try InitialStack(
            in: space, program: program, arguments: arguments, environment: environment, path: startPath, identity: identity,
            hardware: Self.hardware, random: { KernelRandom.next() })

        isScript = depth > 0
        self.space = space
        entry = program.entry
        stackPointer = stack.pointer
        // Of the path that was asked for, as on Linux: links keep their names (busybox's applets), scripts theirs.
        let base = path.lastIndex(of: UInt8(ascii: "/")).map { path[($0 + 1)...] } ?? path[...]
        name = Array((commandName ?? Array(base)).prefix(15))
        executablePath = node.absolutePath(root: nil)
        var range = Process.ArgumentRange()
        (range.argumentStart, range.argumentEnd) = stack.argumentRange
        (range.environmentStart, range.environmentEnd) = stack.environmentRange
        (range.auxiliaryStart, range.auxiliaryEnd) = stack.auxiliaryRange
        argumentRange = range
    }

    /// What the auxiliary vector tells of the processor. HWCAP2 bit 1: RDFSBASE and friends may be used.
    private static var hardware: HardwareCapabilities {
        HardwareCapabilities(
            first: UInt64(Features.current.hardwareCapabilities), second: Features.current.hasFSGSBase ? 2 : 0,
            minimumSignalStack: UInt64(ExtendedState.byteCount) + 1024)
    }

    /// The contents of a regular file that may be executed, and what keeps it from being written to.
    private static func openProgram(
        _ node: PathNode, _ identity: FileIdentity
    ) throws(Errno) -> (contents: PageCache, hold: RunningProgram) {
        guard let inode = node.inode else { throw .noEntry }
        if inode.kind == .symbolicLink { throw .tooManySymbolicLinks }
        guard inode.kind == .regular, inode.mayAccess(.execute, identity), !node.mount.flags.contains(.noExecution) else {
            throw .accessDenied
        }
        let hold = try RunningProgram(inode)
        let contents = try inode.contents()
        inode.mapped(node)
        return (contents, hold)
    }
}
