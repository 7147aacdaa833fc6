// terminal: a window with a shell.
//
//   terminal                 the user's shell
//   terminal -e PROGRAM …    another program
//
// MARTLET_DATA names the folder of the fonts when the program does not run from the image.

import ProgramRuntime
import System
import TerminalView
import Toolkit

@main
struct Terminal {
    static func main() {
        let arguments = Environment.arguments
        var command = TerminalSession.shell()
        if arguments.count > 2, arguments[1] == "-e" {
            let program = arguments[2]
            command.path = find(program)
            command.arguments = Array(arguments[2...])
        }
        do throws(Errno) {
            Process.exit(try run(command))
        } catch {
            Log.write("terminal", error.message)
            Process.exit(1)
        }
    }

    private static func run(_ command: Command) throws(Errno) -> Int32 {
        let application = try Application(identifier: "terminal")
        let signals = try SignalPipe([Signal.child])
        guard let terminal = try TerminalWindow(application, command: command) else {
            Log.write("terminal", "the fonts of the terminal (mono-regular) are missing")
            return 1
        }
        _ = try application.loop.watch(signals) {
            while let number = signals.next() { if number == Signal.child { terminal.childMayHaveEnded() } }
        }
        return application.run()
    }

    /// A program by its path, or by its name in `PATH`.
    private static func find(_ program: String) -> String {
        if program.utf8.contains(UInt8(ascii: "/")) { return program }
        for directory in (Environment["PATH"] ?? "/usr/bin:/bin").split(separator: ":") {
            let path = directory + "/" + program
            if Directory.exists(String(path)) { return String(path) }
        }
        return program
    }
}
