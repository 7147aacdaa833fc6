import CLibc

/// Lines for people who look after the system, on standard error.
public enum Log {
    /// Writes `program: message` in one call, so that lines of several processes do not mix.
    public static func write(_ program: String, _ message: String) {
        let line = Array("\(program): \(message)\n".utf8)
        _ = line.withUnsafeBytes { CLibc.write(2, $0.baseAddress, $0.count) }
    }
}

extension Errno {
    /// The C library's words for the error.
    public var message: String {
        guard let text = strerror(rawValue) else { return "error \(rawValue)" }
        return String(cString: text)
    }
}
