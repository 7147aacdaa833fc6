// Starting programs for the user.

import System

public final class AppStarter {
    private let environment: [String]
    private let applicationsPath: String

    /// - Parameter socket: the name of the Wayland socket in `runtimeDirectory`.
    public init(socket: String, runtimeDirectory: String, applicationsPath: String) {
        self.applicationsPath = applicationsPath
        var variables = Environment.all.filter { entry in
            !["WAYLAND_DISPLAY=", "XDG_RUNTIME_DIR=", "WAYLAND_SOCKET="].contains { entry.hasPrefix($0) }
        }
        variables.append("WAYLAND_DISPLAY=\(socket)")
        variables.append("XDG_RUNTIME_DIR=\(runtimeDirectory)")
        for (name, value) in [
            ("HOME", "/root"), ("PATH", "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"), ("TERM", "xterm-256color"),
        ]
        where Environment[name] == nil { variables.append("\(name)=\(value)") }
        environment = variables
    }

    /// The applications that are installed now, by name.
    public func installedApps() -> [AppEntry] {
        guard let files = try? Directory.entries(applicationsPath) else { return [] }
        var result: [AppEntry] = []
        for file in files where file.name.hasSuffix(".desktop") && result.count < 1024 {
            guard let bytes = try? Directory.contents(applicationsPath + "/" + file.name, limit: 65536) else { continue }
            let appID = String(file.name.dropLast(".desktop".utf8.count))
            if let entry = AppEntry(desktopFile: String(decoding: bytes, as: UTF8.self), appID: appID) { result.append(entry) }
        }
        return result.sorted { $0.name < $1.name }
    }

    /// Starts a program in a session of its own; a failure is logged.
    public func start(_ command: [String]) {
        guard let program = command.first else { return }
        let path = program.hasPrefix("/") ? program : find(program)
        guard let path else {
            Log.write("compositor", "\(program): not found in PATH")
            return
        }
        var child = Command(path, command)
        child.environment = environment
        child.directory = Environment["HOME"] ?? "/root"
        if !Directory.exists(child.directory ?? "/") { child.directory = "/" }
        child.session = .new
        child.input = .path("/dev/null")
        do throws(Errno) { _ = try Process.spawn(child) } catch { Log.write("compositor", "\(path): \(error.message)") }
    }

    private func find(_ program: String) -> String? {
        let path = Environment["PATH"] ?? "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"
        return path.split(separator: ":").lazy.map { "\($0)/\(program)" }.first { Directory.exists($0) }
    }

    /// Forgets children that have ended.
    public func reap() {
        // Bounded by the number of children there can be; an error means that there are none.
        for _ in 0..<4096 { guard (try? Process.reap(wait: .poll)) != nil else { return } }
    }
}
