import ABI
import Files
import Scheduling
import Support
import Synchronization

// Streams: bytes in order, cut only where files travel with them.
extension UnixSocket {
    /// The most bytes of one message of a stream.
    private static var pieceLimit: Int { 32768 }

    func sendStream(_ message: inout OutgoingMessage, isNonBlocking: Bool) throws(Errno) -> Int {
        if message.destination != nil {
            throw state.withLock { $0.phase == .connected } ? .alreadyConnected : .notSupported
        }
        let peer = try connectedPeer()
        let deadline = deadline(state.withLock { $0.sendTimeout })
        let total = message.bytes.remaining
        var sent = 0
        do throws(Errno) {
            while sent < total {
                // A closed direction counts before the error, which stays for the next receive.
                try checkSending(to: peer)
                if let error = takeError() { throw error }
                guard budget.hasRoom else {
                    if isNonBlocking { throw .wouldBlock }
                    try budget.writable.waitForSocket(deadline: deadline) {
                        budget.hasRoom || state.withLock { $0.noMoreSending || $0.error != nil }
                    }
                    continue
                }
                let half = budget.limit.load(ordering: .relaxed) / 2
                let count = min(total - sent, Self.pieceLimit, max(half - SendBudget.overhead, 1))
                let piece = try SocketMessage(
                    copying: &message.bytes, count: count, rights: message.rights,
                    credentials: message.credentials, sender: [], budget: budget)
                message.rights = nil
                try peer.deliver(piece)
                sent += count
            }
        } catch {
            if sent > 0 { return sent }
            throw error
        }
        return sent
    }

    /// The other end of a connected socket.
    func connectedPeer() throws(Errno) -> UnixSocket {
        let (phase, peer, isShut) = state.withLock { ($0.phase, $0.peer, $0.noMoreSending) }
        guard phase == .connected || phase == .closed else { throw .notConnected }
        guard let peer else { throw isShut ? .brokenPipe : .notConnected }
        return peer
    }

    func checkSending(to peer: UnixSocket) throws(Errno) {
        let isShut = state.withLock { $0.noMoreSending } || peer.state.withLock { $0.noMoreReceiving || $0.phase == .closed }
        if isShut { throw .brokenPipe }
    }

    /// Appends a message to the queue.
    func deliver(_ message: SocketMessage) throws(Errno) {
        let isTaken = state.withLock { state in
            if state.noMoreReceiving || state.phase == .closed { return false }
            state.queue.append(message)
            return true
        }
        if !isTaken { throw .brokenPipe }
        readable.wake(events: PollEvents.readable.rawValue)
    }

    // MARK: Receiving

    func receiveStream(_ target: inout TransferBuffer, flags: MessageFlags, isNonBlocking: Bool) throws(Errno) -> IncomingMessage
    {
        let (phase, timeout) = state.withLock { ($0.phase, $0.receiveTimeout) }
        guard phase == .connected || phase == .closed else { throw .invalidArgument }
        let deadline = deadline(timeout)
        let waitsForAll = flags.contains(.waitAll) && !flags.contains(.peek)
        var incoming = IncomingMessage()
        if target.remaining == 0 { return incoming }
        while true {
            do throws(Errno) {
                var isComplete = false
                try readLock.withLock { () throws(Errno) in
                    isComplete = try copyAvailable(&target, &incoming, isPeek: flags.contains(.peek))
                }
                let isEnough = incoming.count > 0 && !(waitsForAll && target.remaining > 0)
                if isComplete || isEnough { return incoming }
                let isEnded = state.withLock { $0.noMoreReceiving && $0.queue.head == nil }
                if let error = takeError() { throw error }
                if isEnded { return incoming }
                if isNonBlocking { throw .wouldBlock }
                try readable.waitForSocket(deadline: deadline) {
                    state.withLock { $0.queue.head != nil || $0.noMoreReceiving || $0.error != nil }
                }
            } catch {
                if incoming.count > 0 { return incoming }
                throw error
            }
        }
    }

    /// Copies what is queued.
    /// - Returns: whether the read ends here whatever its size, because files came with the last bytes.
    private func copyAvailable(_ target: inout TransferBuffer, _ incoming: inout IncomingMessage, isPeek: Bool) throws(Errno)
        -> Bool
    {
        var message = state.withLock { $0.queue.head }
        while let current = message, target.remaining > 0 {
            // The messages of different senders stay apart when the receiver wants to know who sent them.
            if let known = incoming.credentials, known != current.credentials { return true }
            let moved = try current.copy(from: current.consumed, into: &target)
            incoming.count += moved
            incoming.credentials = current.credentials
            if isPeek {
                if let rights = current.rights {
                    incoming.rights = rights
                    return true
                }
                if moved < current.remaining { break }
                message = state.withLock { _ in current.next }
                continue
            }
            let hadRights = current.rights != nil
            if hadRights {
                incoming.rights = current.rights
                current.rights = nil
            }
            consume(current, moved)
            if hadRights { return true }
            if current.remaining > 0 { break }
            message = state.withLock { $0.queue.head }
        }
        return false
    }

    /// Marks bytes of the first message as read; the message leaves when there are no more.
    private func consume(_ message: SocketMessage, _ count: Int) {
        // The queue's reference is dropped outside the lock.
        let finished: SocketMessage? = state.withLock { state in
            guard state.queue.head === message else {
                message.consumed += count
                return nil
            }
            state.queue.byteCount -= count
            message.consumed += count
            return message.remaining == 0 ? state.queue.removeFirst() : nil
        }
        _ = finished
    }
}
