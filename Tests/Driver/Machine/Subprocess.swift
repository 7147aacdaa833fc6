// Programs that the driver starts: their output goes to a file, they are ended by their own pid, and they die with
// the driver even when it is killed (setpriv's --pdeathsig).

import Foundation

/// A running program.
public final class Subprocess: @unchecked Sendable {
    /// The process identifier, valid until `status` is known.
    public let pid: pid_t
    private let lock = NSLock()
    private var exitStatus: Int32?

    /// Starts a program found on PATH. Its standard input is empty; both outputs go to `output`.
    public init(_ arguments: [String], output: URL, environment: [String: String]? = nil) throws {
        let full = ["/usr/bin/setpriv", "--pdeathsig", "KILL"] + arguments
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, output.path, O_WRONLY | O_CREAT | O_TRUNC, 0o644)
        posix_spawn_file_actions_adddup2(&actions, 1, 2)
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        // A group of its own: Ctrl-C reaches the driver alone, which then ends its programs in order.
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP))
        posix_spawnattr_setpgroup(&attributes, 0)
        let argv = full.map { strdup($0) } + [nil]
        let environ = (environment ?? ProcessInfo.processInfo.environment).map { strdup("\($0)=\($1)") } + [nil]
        defer { (argv + environ).forEach { free($0) } }
        var child: pid_t = 0
        let error = posix_spawn(&child, full[0], &actions, &attributes, argv, environ)
        guard error == 0 else { throw TestFailure("cannot start \(arguments[0]): \(String(cString: strerror(error)))") }
        pid = child
        RunningPrograms.shared.insert(child)
    }

    deinit { stop() }

    /// The exit status (128 + signal number after a signal), or nil while it runs.
    public var status: Int32? {
        lock.withLock {
            if let exitStatus { return exitStatus }
            var raw: Int32 = 0
            guard waitpid(pid, &raw, WNOHANG) == pid else { return nil }
            RunningPrograms.shared.remove(pid)
            let signal = raw & 0x7f
            exitStatus = signal == 0 ? (raw >> 8) & 0xff : 128 + signal
            return exitStatus
        }
    }

    /// Waits for the end; throws, after stopping the program, when it takes longer.
    @discardableResult
    public func wait(seconds: Double, _ what: String) throws -> Int32 {
        do {
            return try Deadline.poll(seconds: seconds, every: 0.01, "end of \(what)") { status }
        } catch {
            stop()
            throw error
        }
    }

    /// Ends the program: SIGTERM, then SIGKILL after three seconds. Does nothing when it has ended.
    public func stop() {
        guard status == nil else { return }
        kill(pid, SIGTERM)
        for _ in 0..<300 where status == nil { usleep(10_000) }
        guard status == nil else { return }
        kill(pid, SIGKILL)
        for _ in 0..<300 where status == nil { usleep(10_000) }
    }

    /// Runs a program to its end and answers with its status and everything it printed.
    public static func run(_ arguments: [String], seconds: Double = 60) throws -> (status: Int32, output: String) {
        let file = FileManager.default.temporaryDirectory.appending(path: "martlet-\(UUID().uuidString).out")
        defer { try? FileManager.default.removeItem(at: file) }
        let program = try Subprocess(arguments, output: file)
        let status = try program.wait(seconds: seconds, arguments.joined(separator: " "))
        return (status, String(decoding: try Data(contentsOf: file), as: UTF8.self))
    }

    /// Runs a program that must succeed.
    @discardableResult
    public static func check(_ arguments: [String], seconds: Double = 60) throws -> String {
        let (status, output) = try run(arguments, seconds: seconds)
        try require(status == 0, "\(arguments.joined(separator: " ")) ended with \(status):\n\(output)")
        return output
    }
}

/// The programs that run now, so that an interrupted driver ends them and only them.
public final class RunningPrograms: @unchecked Sendable {
    public static let shared = RunningPrograms()
    private let lock = NSLock()
    private var pids: Set<pid_t> = []
    private var sources: [any DispatchSourceSignal] = []

    func insert(_ pid: pid_t) { _ = lock.withLock { pids.insert(pid) } }
    func remove(_ pid: pid_t) { _ = lock.withLock { pids.remove(pid) } }

    /// From now on SIGINT, SIGTERM and SIGHUP end the running programs and then the driver.
    public func stopOnSignals() {
        for number in [SIGINT, SIGTERM, SIGHUP] {
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler { [self] in
                lock.withLock { for pid in pids { kill(pid, SIGKILL) } }
                exit(128 + number)
            }
            source.resume()
            sources.append(source)
        }
        signal(SIGPIPE, SIG_IGN)
    }
}
