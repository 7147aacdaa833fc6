// The file systems that are not on a disk.

import System

enum Mounts {
    private struct Entry {
        let type: String
        let path: String
        let flags: MountFlags
        let options: String
        /// Nothing works without it.
        let isRequired: Bool
    }

    private static var entries: [Entry] {
        [
            Entry(type: "proc", path: "/proc", flags: [.noSetUser, .noDevices, .noExecution], options: "", isRequired: true),
            Entry(type: "sysfs", path: "/sys", flags: [.noSetUser, .noDevices, .noExecution], options: "", isRequired: false),
            Entry(type: "devtmpfs", path: "/dev", flags: [.noSetUser], options: "mode=0755", isRequired: true),
            Entry(
                type: "devpts", path: "/dev/pts", flags: [.noSetUser, .noExecution], options: "mode=0620,ptmxmode=0666",
                isRequired: true),
            Entry(type: "tmpfs", path: "/dev/shm", flags: [.noSetUser, .noDevices], options: "mode=1777", isRequired: true),
            Entry(type: "tmpfs", path: "/run", flags: [.noSetUser, .noDevices], options: "mode=0755", isRequired: true),
            Entry(type: "tmpfs", path: "/tmp", flags: [.noSetUser, .noDevices], options: "mode=1777", isRequired: true),
        ]
    }

    /// Mounts everything; what the kernel has mounted already stays.
    static func mountAll() {
        for entry in entries {
            makeDirectory(entry.path)
            do throws(Errno) {
                try Machine.mount(entry.type, on: entry.path, flags: entry.flags, options: entry.options)
            } catch {
                if error != .busy, entry.isRequired { InitLog.write("cannot mount \(entry.path): \(error.message)") }
            }
        }
        makeDirectory("/run/user")
        makeDirectory("/run/user/0", permissions: 0o700)
        do throws(Errno) {
            // Whoever can enter this directory can talk to the desktop.
            try Directory.setPermissions("/run/user/0", 0o700)
        } catch { InitLog.write("/run/user/0: \(error.message)") }
    }

    private static func makeDirectory(_ path: String, permissions: UInt32 = 0o755) {
        do throws(Errno) {
            try Directory.create(path, permissions: permissions)
        } catch {
            if error != .exists { InitLog.write("cannot make \(path): \(error.message)") }
        }
    }
}
