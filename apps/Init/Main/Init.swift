// init: the first process. It mounts what every program expects, keeps the desktop running, buries orphans and ends the
// machine's run.
//
// Signals, as busybox's `reboot`, `poweroff` and `halt` send them: TERM and INT reboot, USR2 powers off, USR1 halts.

import ProgramRuntime
import Supervision
import System

@main
struct Init {
    static func main() {
        Mounts.mountAll()
        setUpEnvironment()
        do throws(Errno) {
            try Supervisor().run()
        } catch {
            InitLog.write("cannot supervise: \(error.message)")
        }
        // The first process must not end: without it the kernel stops.
        Supervisor.endMachine(.halt)
    }

    private static func setUpEnvironment() {
        let defaults = [
            ("PATH", "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"), ("HOME", "/root"), ("USER", "root"),
            ("LOGNAME", "root"), ("SHELL", "/bin/sh"), ("LANG", "C.UTF-8"), ("XDG_RUNTIME_DIR", "/run/user/0"),
        ]
        for (name, value) in defaults where name != "HOME" || Environment[name] == nil || Environment[name] == "/" {
            Environment.set(name, value)
        }
        Environment.remove("TERM")
        do throws(Errno) {
            var name =
                (try? Directory.contents("/etc/hostname", limit: 64)).map { String(decoding: $0, as: UTF8.self) } ?? "martlet"
            while name.last == "\n" || name.last == " " { name.removeLast() }
            try Machine.setHostname(name.isEmpty ? "martlet" : name)
        } catch { InitLog.write("hostname: \(error.message)") }
    }
}

/// Messages of the first process: to the kernel's log, or to the console where there is none.
enum InitLog {
    static func write(_ message: String) {
        do throws(Errno) {
            // One write is one record; <6> is the level "info".
            try FileDescriptor.open("/dev/kmsg", .writeOnly).writeAll("<6>init: \(message)\n")
        } catch { announce(message) }
    }

    /// A message that must be seen.
    static func announce(_ message: String) {
        do throws(Errno) {
            try FileDescriptor.open("/dev/console", .writeOnly, .notControllingTerminal).writeAll("\r\ninit: \(message)\r\n")
        } catch { Log.write("init", message) }
    }
}
