import ABI
import Processes
import Support
import Synchronization

/// RLIMIT_FSIZE: how long the running process may make files.
public enum FileSizeLimit {
    /// Checks a write.
    /// - Returns: how many of the bytes the limit leaves.
    /// - Throws: `fileTooLarge`, with SIGXFSZ, when it leaves none.
    static func allowed(_ count: Int, at offset: UInt64, for limit: UInt64) throws(Errno) -> Int {
        guard offset < limit else { throw exceeded() }
        return Int(min(UInt64(count), limit - offset))
    }

    /// Checks where writing would start.
    public static func checkStart(_ offset: UInt64, for limit: UInt64) throws(Errno) {
        _ = try allowed(1, at: offset, for: limit)
    }

    /// Checks a new length that is above the old one.
    public static func check(length: UInt64, for limit: UInt64) throws(Errno) {
        if length > limit { throw exceeded() }
    }

    /// The limit of the running process; none for the kernel itself.
    public static var current: UInt64 { UserThread.currentIfUser?.process.fileSizeLimit.load(ordering: .relaxed) ?? .max }

    private static func exceeded() -> Errno {
        if let thread = UserThread.currentIfUser {
            var info = SignalInfo(.fileSizeLimit, code: 0)
            info.pid = thread.process.pid
            info.uid = thread.process.credentials.uid
            ProcessTable.send(info, to: thread)
        }
        return .fileTooLarge
    }
}
