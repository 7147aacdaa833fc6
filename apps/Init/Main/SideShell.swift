// A shell beside the desktop, for developers and tests: `martlet.shell=ttyS0` on the kernel's command line asks for it.

import System

/// A root shell on a terminal device, started again whenever it ends.
struct SideShell {
    private let device: String
    private var process: ProcessID?
    /// Time of the monotonic clock at which to start it.
    private var dueNanoseconds: Int64 = 0

    /// Nil unless the command line names a device.
    init?() {
        guard let bytes = (try? Directory.contents("/proc/cmdline", limit: 4096)) else { return nil }
        let key = Array("martlet.shell=".utf8)
        let words = bytes.split { $0 == 32 || $0 == 10 }
        guard let word = words.last(where: { $0.starts(with: key) }) else { return nil }
        let name = word.dropFirst(key.count)
        guard !name.isEmpty, !name.contains(UInt8(ascii: "/")) else { return nil }
        device = "/dev/" + String(decoding: name, as: UTF8.self)
    }

    /// When it is to be started next; nil while it runs.
    var due: Int64? { process == nil ? dueNanoseconds : nil }

    /// Starts it when its time has come.
    mutating func startIfDue() {
        guard process == nil, Clock.monotonicNanoseconds >= dueNanoseconds else { return }
        // A shell that ends at once is not started in a hurry.
        dueNanoseconds = Clock.monotonicNanoseconds + 1_000_000_000
        var command = Command("/bin/sh", ["-sh"])
        command.input = .path(device)
        command.output = .path(device)
        command.error = .path(device)
        command.directory = "/root"
        command.session = .newWithTerminal
        do throws(Errno) {
            process = try Process.spawn(command)
        } catch { InitLog.write("no shell on \(device): \(error.message)") }
    }

    /// Notes the end of a process; false when it was another one.
    mutating func ended(_ process: ProcessID) -> Bool {
        guard process == self.process else { return false }
        self.process = nil
        return true
    }
}
