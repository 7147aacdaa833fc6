// Unix stream sockets with descriptor passing (unix(7)).

import CLibc

/// The other end of a socket, as the kernel knows it (SO_PEERCRED).
public struct PeerCredentials: Sendable {
    public var process: Int32
    public var user: UInt32
    public var group: UInt32
}

/// Descriptors on their way in or out of a message, first in first out. It owns them: what nobody takes is closed.
public final class DescriptorQueue {
    private var numbers: [Int32] = []
    private var head = 0

    public init() {}

    deinit { removeAll() }

    public var count: Int { numbers.count - head }
    public var isEmpty: Bool { count == 0 }

    public func append(_ descriptor: consuming FileDescriptor) { numbers.append(descriptor.release()) }

    /// Takes the oldest descriptor out.
    public func take() -> FileDescriptor? {
        guard head < numbers.count else { return nil }
        defer { compact() }
        head += 1
        return FileDescriptor(owning: numbers[head - 1])
    }

    /// Closes the oldest descriptors, which a message has carried away.
    public func removeFirst(_ count: Int) {
        for _ in 0..<min(count, self.count) { _ = take() }
    }

    public func removeAll() { removeFirst(count) }

    /// The raw numbers of the oldest descriptors, for sending; they stay owned.
    func oldest(_ limit: Int) -> ArraySlice<Int32> { numbers[head...].prefix(limit) }

    private func compact() {
        if head == numbers.count {
            numbers.removeAll(keepingCapacity: true)
            head = 0
        }
    }
}

/// A connected Unix stream socket.
public struct UnixStream: ~Copyable {
    public let descriptor: FileDescriptor

    /// The most descriptors that one message carries: as libwayland, and well below SCM_MAX_FD.
    public static var descriptorLimit: Int { 28 }

    /// Takes over a connected socket, for example one that was inherited.
    public init(_ descriptor: consuming FileDescriptor) { self.descriptor = descriptor }

    /// Connects to a listening path.
    public init(connectingTo path: String) throws(Errno) {
        let socket = try FileDescriptor.unixSocket()
        try withSocketAddress(path) { (address, length) throws(Errno) in
            _ = try callInt { martlet_connect(socket.rawValue, address, length) }
        }
        descriptor = socket
    }

    /// Two connected sockets.
    public static func pair(_ body: (consuming UnixStream, consuming UnixStream) -> Void) throws(Errno) {
        var ends: [Int32] = [-1, -1]
        try callInt { socketpair(AF_UNIX, Linux.streamSocket | Linux.closeOnExec, 0, &ends) }
        body(UnixStream(FileDescriptor(owning: ends[0])), UnixStream(FileDescriptor(owning: ends[1])))
    }

    /// Who is at the other end.
    public func peer() throws(Errno) -> PeerCredentials {
        var credentials = PeerCredentials(process: 0, user: 0, group: 0)
        var length = socklen_t(12)
        try callInt { getsockopt(descriptor.rawValue, SOL_SOCKET, Linux.peerCredentials, &credentials, &length) }
        return credentials
    }

    /// Gives the descriptor away.
    public consuming func intoDescriptor() -> FileDescriptor { descriptor }
}

// MARK: Messages

/// Room for the ancillary data of one message: `struct cmsghdr` (16 bytes) and up to 28 descriptors. The layout is the
/// kernel's: length including the header, SOL_SOCKET, SCM_RIGHTS, then the numbers.
private typealias ControlBuffer = InlineArray<16, UInt64>
private let controlHeaderByteCount = 16

extension UnixStream {
    /// Sends bytes from two places (a ring buffer's parts) and as many of the queued descriptors as one message
    /// carries; returns the number of bytes sent. Sent descriptors are closed here.
    ///
    /// Throws `wouldBlock` if `flags` or the socket say not to wait; a peer that is gone is `brokenPipe`, never SIGPIPE.
    public func send(
        _ first: UnsafeRawBufferPointer, _ second: UnsafeRawBufferPointer = UnsafeRawBufferPointer(start: nil, count: 0),
        descriptors: DescriptorQueue? = nil
    ) throws(Errno) -> Int {
        var control = ControlBuffer(repeating: 0)
        let numbers = descriptors?.oldest(UnixStream.descriptorLimit) ?? []
        let numberCount = numbers.count
        let byteCount = controlHeaderByteCount + 4 * numberCount
        if numberCount > 0 {
            withUnsafeMutableBytes(of: &control) { bytes in
                bytes.storeBytes(of: UInt64(byteCount), as: UInt64.self)
                bytes.storeBytes(of: Int32(SOL_SOCKET), toByteOffset: 8, as: Int32.self)
                bytes.storeBytes(of: Linux.passRights, toByteOffset: 12, as: Int32.self)
                var offset = controlHeaderByteCount
                for number in numbers {
                    bytes.storeBytes(of: number, toByteOffset: offset, as: Int32.self)
                    offset += 4
                }
            }
        }
        let sent = try message(
            UnsafeMutableRawBufferPointer(mutating: first), UnsafeMutableRawBufferPointer(mutating: second), &control,
            numberCount > 0 ? byteCount : 0
        ) { sendmsg($0, $1, Linux.noSignal) }
        descriptors?.removeFirst(numberCount)
        return sent.byteCount
    }

    /// Receives bytes into two places and appends the descriptors that came with them; zero means that the peer closed.
    ///
    /// Throws `badMessage` if descriptors were lost because more came than fit.
    public func receive(
        into first: UnsafeMutableRawBufferPointer,
        _ second: UnsafeMutableRawBufferPointer = UnsafeMutableRawBufferPointer(start: nil, count: 0),
        descriptors: DescriptorQueue
    ) throws(Errno) -> Int {
        var control = ControlBuffer(repeating: 0)
        let received = try message(first, second, &control, MemoryLayout<ControlBuffer>.size) {
            recvmsg($0, $1, Linux.receivedCloseOnExec)
        }
        withUnsafeBytes(of: control) { bytes in
            takeDescriptors(UnsafeRawBufferPointer(rebasing: bytes.prefix(received.controlByteCount)), into: descriptors)
        }
        if received.flags & Linux.controlTruncated != 0 { throw .badMessage }
        return received.byteCount
    }

    private struct Transfer {
        var byteCount: Int
        var controlByteCount: Int
        var flags: Int32
    }

    private func message(
        _ first: UnsafeMutableRawBufferPointer, _ second: UnsafeMutableRawBufferPointer,
        _ control: inout ControlBuffer, _ controlByteCount: Int,
        _ transfer: (Int32, UnsafeMutablePointer<msghdr>) -> Int
    ) throws(Errno) -> Transfer {
        var parts = (
            iovec(iov_base: first.baseAddress, iov_len: first.count),
            iovec(iov_base: second.baseAddress, iov_len: second.count)
        )
        var header = msghdr()
        // SAFETY: the header points at `parts` and `control` only inside these closures, where both are pinned.
        return try withUnsafeMutableBytes(of: &parts) { parts throws(Errno) -> Transfer in
            try withUnsafeMutableBytes(of: &control) { control throws(Errno) -> Transfer in
                header.msg_iov = parts.baseAddress!.assumingMemoryBound(to: iovec.self)
                header.msg_iovlen = second.isEmpty ? 1 : 2
                if controlByteCount > 0 {
                    header.msg_control = control.baseAddress
                    header.msg_controllen = .init(controlByteCount)
                }
                let count = try call { transfer(descriptor.rawValue, &header) }
                return Transfer(
                    byteCount: count, controlByteCount: min(Int(header.msg_controllen), control.count),
                    flags: header.msg_flags)
            }
        }
    }
}

private func takeDescriptors(_ control: UnsafeRawBufferPointer, into queue: DescriptorQueue) {
    var offset = 0
    while offset + controlHeaderByteCount <= control.count {
        let length = Int(control.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
        guard length >= controlHeaderByteCount, length <= control.count - offset else { return }
        let level = control.loadUnaligned(fromByteOffset: offset + 8, as: Int32.self)
        let type = control.loadUnaligned(fromByteOffset: offset + 12, as: Int32.self)
        if level == Int32(SOL_SOCKET), type == Linux.passRights {
            var at = offset + controlHeaderByteCount
            while at + 4 <= offset + length {
                queue.append(FileDescriptor(owning: control.loadUnaligned(fromByteOffset: at, as: Int32.self)))
                at += 4
            }
        }
        offset += (length + 7) & ~7
    }
}

// MARK: Listening

/// A Unix stream socket that waits for connections.
public struct UnixListener: ~Copyable {
    public let descriptor: FileDescriptor

    /// Binds a path, replacing a socket that a dead server left there, and listens. Accepting never blocks.
    public init(path: String, backlog: Int32 = 128) throws(Errno) {
        _ = unlink(path)
        let socket = try FileDescriptor.unixSocket(nonBlocking: Linux.nonBlocking)
        try withSocketAddress(path) { (address, length) throws(Errno) in
            _ = try callInt { martlet_bind(socket.rawValue, address, length) }
        }
        try callInt { listen(socket.rawValue, backlog) }
        descriptor = socket
    }

    /// The next connection, non-blocking; throws `wouldBlock` when none waits.
    public func accept() throws(Errno) -> UnixStream {
        UnixStream(
            FileDescriptor(
                owning: try callInt {
                    martlet_accept(descriptor.rawValue, Linux.nonBlocking | Linux.closeOnExec)
                }))
    }
}

extension FileDescriptor {
    static func unixSocket(nonBlocking: Int32 = 0) throws(Errno) -> FileDescriptor {
        FileDescriptor(owning: try callInt { socket(AF_UNIX, Linux.streamSocket | Linux.closeOnExec | nonBlocking, 0) })
    }
}

/// Calls `body` with the `sockaddr_un` of a path.
private func withSocketAddress(
    _ path: String, _ body: (UnsafeRawPointer, socklen_t) throws(Errno) -> Void
) throws(Errno) {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    let bytes = Array(path.utf8)
    let room = MemoryLayout<sockaddr_un>.size - 2
    guard !bytes.isEmpty, bytes.count < room else { throw .nameTooLong }
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
    // SAFETY: the pointer does not leave the closure.
    try withUnsafeBytes(of: address) { raw throws(Errno) in
        try body(raw.baseAddress!, socklen_t(2 + bytes.count + 1))
    }
}
