import ABI
import Files
import Processes
import Processor
import Programs
import Scheduling
import Support
import Syscalls
import Terminals

/// Starts process 1.
enum FirstProgram {
    /// Where init is looked for when the command line does not say.
    private static let usualPlaces: [StaticString] = ["/sbin/init", "/bin/init", "/bin/sh"]

    static func start(root: PathNode, _ options: CommandLine) {
        let context = FileContext(root: root)
        let origin = PathOrigin(root: root, base: root, identity: .root)
        openConsole(context)
        if let path = options.value("init") {
            if let failure = tryStart(path, context, origin, hasTerminal: true) {
                panic("cannot start \(path), which init= names: \(reason(failure))")
            }
            return
        }
        for place in usualPlaces {
            let path = place.bytes
            guard let failure = tryStart(path, context, origin, hasTerminal: false) else { return }
            if failure != .noEntry { Log.error("cannot start \(path): \(reason(failure))") }
        }
        panic("no init found; give one with init=")
    }

    private static func reason(_ failure: Errno) -> KernelString {
        switch failure {
        case .noEntry: "there is no such file"
        case .accessDenied: "it is not executable"
        case .unloadableProgram: "it is damaged, or does not fit in memory"
        case .badExecutable: "it is not a program for this machine"
        case .outOfMemory: "out of memory"
        default: "error \(failure.rawValue)"
        }
    }

    /// Descriptors 0, 1 and 2 are the console.
    private static func openConsole(_ context: FileContext) {
        do throws(Errno) {
            let file = try TerminalDevices.openConsole(flags: [.readWrite, .noControllingTerminal], isControlling: true)
            for _ in 0..<3 { _ = try context.descriptors.insert(file, closeOnExec: false, limit: 16) }
        } catch {
            Log.warning("no console for the first program (error \(error.rawValue))")
        }
    }

    /// - Returns: nil when it runs.
    private static func tryStart(_ path: [UInt8], _ context: FileContext, _ origin: PathOrigin, hasTerminal: Bool) -> Errno? {
        do throws(Errno) {
            let node = try PathOperations.resolve(path, origin)
            let environment = ProgramStrings([
                Array("HOME=/root".utf8), Array("TERM=vt100".utf8), Array("PATH=/usr/sbin:/usr/bin:/sbin:/bin".utf8),
            ])
            let start = try ProgramStart(
                node, path: path, arguments: ProgramStrings([path]), environment: environment, origin: origin,
                credentials: Credentials(), limits: ResourceLimits())
            let frame = TrapFrame.user(entry: start.entry, stack: start.stackPointer)
            let thread = try Clone.makeInit(addressSpace: start.space, files: context, frame: frame)
            thread.process.commandName.withLock { $0 = start.name }
            thread.process.executablePath.withLock { $0 = start.executablePath }
            thread.process.argumentRange.withLock { $0 = start.argumentRange }
            Log.info("starting \(path)")
            // A shell that the command line names gets job control.
            if hasTerminal { TerminalDevices.console?.assign(to: thread.process) }
            Scheduler.launch(thread)
            return nil
        } catch { return error }
    }
}
