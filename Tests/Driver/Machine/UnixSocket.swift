// A connected Unix stream socket: QMP and the serial port arrive over one each.

import Foundation

/// A stream socket that is closed when released.
final class UnixSocket: @unchecked Sendable {
    private let descriptor: Int32

    /// Connects to a listening socket; tries until the bound passes, for the listener may not be there yet.
    init(connectingTo path: String, seconds: Double, whileRunning program: Subprocess) throws {
        descriptor = try Deadline.poll(seconds: seconds, every: 0.01, "connection to \(path)") {
            if let status = program.status { throw TestFailure("QEMU ended with status \(status) at its start") }
            let fd = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
            guard fd >= 0 else { throw TestFailure("no socket: errno \(errno)") }
            var address = sockaddr_un()
            address.sun_family = sa_family_t(AF_UNIX)
            let capacity = MemoryLayout.size(ofValue: address.sun_path)
            guard path.utf8.count < capacity else { throw TestFailure("socket path too long: \(path)") }
            withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
            let result = withUnsafePointer(to: &address) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    connect(fd, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
                }
            }
            if result == 0 { return fd }
            close(fd)
            return nil
        }
    }

    deinit { close(descriptor) }

    /// Bytes that have arrived; empty at the end of the stream. Blocks.
    func read() -> [UInt8] {
        var buffer = [UInt8](repeating: 0, count: 65536)
        while true {
            let count = recv(descriptor, &buffer, buffer.count, 0)
            if count < 0 && errno == EINTR { continue }
            return count <= 0 ? [] : Array(buffer[..<count])
        }
    }

    /// Writes everything, or throws.
    func write(_ bytes: [UInt8]) throws {
        var done = 0
        while done < bytes.count {
            let count = bytes.withUnsafeBytes {
                send(descriptor, $0.baseAddress! + done, bytes.count - done, Int32(MSG_NOSIGNAL))
            }
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { throw TestFailure("QEMU closed the connection") }
            done += count
        }
    }

    /// Makes a blocked `read` return, from another thread.
    func shutDown() { shutdown(descriptor, Int32(SHUT_RDWR)) }
}
