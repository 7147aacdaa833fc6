// Moving bytes and descriptors between the boxes and a non-blocking Unix socket.

import System

/// What a transfer came to.
public enum TransferResult: Equatable, Sendable {
    /// Everything that could move did.
    case done
    /// Sending: the socket is full, wait until it is writable. Receiving: nothing is there.
    case wouldBlock
    /// The peer closed its end.
    case closed
    /// The socket failed, or descriptors were lost.
    case failed
}

extension Inbox {
    /// Reads once from `stream`: whatever is there, up to the free space.
    public func receive(from stream: borrowing UnixStream) -> TransferResult {
        var result = TransferResult.done
        let count = fill { space in
            do throws(Errno) {
                return try stream.receive(into: space, descriptors: descriptors)
            } catch {
                result = error == .wouldBlock ? .wouldBlock : error == .connectionReset ? .closed : .failed
                return 0
            }
        }
        return count == 0 && result == .done ? .closed : result
    }
}

extension Outbox {
    /// Sends what waits, until done or the socket is full.
    public func flush(to stream: borrowing UnixStream) -> TransferResult {
        while !isEmpty {
            do throws(Errno) {
                let sent = try send { (bytes, descriptors) throws(Errno) in try stream.send(bytes, descriptors: descriptors) }
                if sent == 0 { return .failed }
            } catch {
                if error == .wouldBlock { return .wouldBlock }
                return error == .brokenPipe || error == .connectionReset ? .closed : .failed
            }
        }
        return .done
    }
}
