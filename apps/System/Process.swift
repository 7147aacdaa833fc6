// Starting, ending and awaiting processes.

import CLibc

/// A program to start.
public struct Command {
    /// A standard stream of the new program.
    public enum Stream {
        /// The stream of this process.
        case inherit
        /// A descriptor of this process, borrowed until `spawn` returns.
        case descriptor(Int32)
        /// A file that is opened in the new process; a terminal among them becomes its controlling terminal
        /// when the process leads a new session.
        case path(String)
    }

    /// The session (setsid(2)) of the new program.
    public enum Session {
        case inherit
        case new
        /// A new session whose controlling terminal is the standard input.
        case newWithTerminal
    }

    public var path: String
    /// Including the zeroth, the program's name.
    public var arguments: [String]
    /// `NAME=value` strings; nil means this process' own.
    public var environment: [String]?
    public var directory: String?
    public var input = Stream.inherit
    public var output = Stream.inherit
    public var error = Stream.inherit
    public var session = Session.inherit
    /// How gladly it is killed when memory runs out (`oom_score_adj`, proc(5)): from -1000, never, to 1000, first. It is not inherited:
    /// what a program that must live starts need not live. Only the superuser may go below his own.
    public var killedFirst: StaticString = "0"

    public init(_ path: String, _ arguments: [String]) {
        self.path = path
        self.arguments = arguments
    }
}

/// How a process ended.
public enum ExitStatus: Equatable, Sendable {
    case exited(Int32)
    case signaled(Int32)
}

/// A process by its identifier.
public struct ProcessID: Equatable, Sendable {
    public let rawValue: Int32
    @inlinable public init(rawValue: Int32) { self.rawValue = rawValue }

    public static var current: ProcessID { ProcessID(rawValue: getpid()) }

    /// Sends a signal.
    public func signal(_ number: Int32) throws(Errno) { try callInt { kill(rawValue, number) } }

    /// Sends a signal to the process group that this process leads.
    public func signalGroup(_ number: Int32) throws(Errno) { try callInt { kill(-rawValue, number) } }
}

public enum Process {
    /// Starts a program and returns when it runs; an error of the set-up or of `execve` in the child is thrown here.
    public static func spawn(_ command: Command) throws(Errno) -> ProcessID {
        let report = try FileDescriptor.pipe()
        // All strings are made before the fork: the child neither allocates nor frees.
        let arguments = CStringArray(command.arguments)
        let environment = command.environment.map { CStringArray($0) }
        let process = fork()
        if process == 0 {
            let error = become(command, arguments.pointers, environment?.pointers ?? martlet_environment())
            var number = error.rawValue
            _ = write(report.write.rawValue, &number, 4)
            _exit(127)
        }
        guard process > 0 else { throw lastError() }
        let readEnd = report.keepingRead()
        let number = readReport(readEnd.rawValue)
        if number != 0 {
            var status: Int32 = 0
            _ = waitpid(process, &status, 0)
            throw Errno(rawValue: number)
        }
        return ProcessID(rawValue: process)
    }

    /// Replaces this process; returns only with an error.
    public static func execute(_ command: Command) -> Errno {
        let arguments = CStringArray(command.arguments)
        let environment = command.environment.map { CStringArray($0) }
        return become(command, arguments.pointers, environment?.pointers ?? martlet_environment())
    }

    /// A child that has ended; nil if none has, `noChild` thrown if there is no child at all. Waits for one if
    /// asked to.
    public static func reap(_ process: ProcessID? = nil, wait: Waiting) throws(Errno) -> (ProcessID, ExitStatus)? {
        var status: Int32 = 0
        let ended = try callInt { waitpid(process?.rawValue ?? -1, &status, wait == .block ? 0 : Linux.waitNoHang) }
        guard ended > 0 else { return nil }
        if martlet_exited(status) != 0 { return (ProcessID(rawValue: ended), .exited(martlet_exit_status(status))) }
        return (ProcessID(rawValue: ended), .signaled(martlet_term_signal(status)))
    }

    public enum Waiting: Sendable { case block, poll }

    /// Ends this process.
    public static func exit(_ status: Int32) -> Never { CLibc.exit(status) }
}

/// What the child writes if it cannot become the program; zero at end of file, when `execve` closed the pipe.
private func readReport(_ file: Int32) -> Int32 {
    var number: Int32 = 0
    while true {
        let count = read(file, &number, 4)
        if count == 4 { return number }
        if count < 0, lastError() == .interrupted { continue }
        return 0
    }
}

/// Sets up the streams and the session, then executes. Returns only on failure.
private func become(
    _ command: Command, _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>,
    _ environment: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?
) -> Errno {
    switch command.session {
    case .inherit: break
    case .new, .newWithTerminal: if setsid() < 0 { return lastError() }
    }
    if let error = redirect(command.input, to: 0) { return error }
    if let error = redirect(command.output, to: 1) { return error }
    if let error = redirect(command.error, to: 2) { return error }
    if case .newWithTerminal = command.session, martlet_ioctl_value(0, Linux.setControllingTerminal, 0) < 0 {
        return lastError()
    }
    if let directory = command.directory, chdir(directory) < 0 { return lastError() }
    adjustKilling(command.killedFirst)
    // Ignored signals stay ignored across execve; a program starts with the defaults.
    for number in 1...31 where number != SIGKILL && number != SIGSTOP { _ = martlet_signal_default(Int32(number)) }
    var none = sigset_t()
    sigemptyset(&none)
    sigprocmask(SIG_SETMASK, &none, nil)
    execve(command.path, arguments, environment)
    return lastError()
}

/// Best effort: there may be no /proc.
private func adjustKilling(_ value: StaticString) {
    let file = martlet_open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC, 0)
    if file < 0 { return }
    _ = write(file, value.utf8Start, value.utf8CodeUnitCount)
    _ = close(file)
}

private func redirect(_ stream: Command.Stream, to target: Int32) -> Errno? {
    switch stream {
    case .inherit:
        return nil
    case .descriptor(let number):
        if number == target { return martlet_fcntl(number, F_SETFD, 0) < 0 ? lastError() : nil }
        return dup2(number, target) < 0 ? lastError() : nil
    case .path(let path):
        let file = martlet_open(path, O_RDWR, 0)
        if file < 0 { return lastError() }
        if file != target {
            if dup2(file, target) < 0 { return lastError() }
            _ = close(file)
        }
        return nil
    }
}

/// A null-terminated array of C strings, as `execve` wants it.
final class CStringArray {
    let pointers: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>
    private let count: Int

    init(_ strings: [String]) {
        count = strings.count
        pointers = .allocate(capacity: count + 1)
        for (index, string) in strings.enumerated() { (pointers + index).initialize(to: strdup(string)) }
        (pointers + count).initialize(to: nil)
    }

    deinit {
        for index in 0..<count { free(pointers[index]) }
        pointers.deallocate()
    }
}
