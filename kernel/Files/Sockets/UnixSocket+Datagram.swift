import ABI
import Files
import Scheduling
import Support
import Synchronization

// Messages with boundaries: datagrams and sequenced packets.
extension UnixSocket {
    func sendMessage(_ message: inout OutgoingMessage, isNonBlocking: Bool, origin: () throws(Errno) -> PathOrigin) throws(Errno)
        -> Int
    {
        let peer = try destination(of: message, origin: origin)
        let count = message.bytes.remaining
        guard count <= budget.limit.load(ordering: .relaxed) - SendBudget.overhead else { throw .messageTooLong }
        let (timeout, address) = state.withLock { ($0.sendTimeout, $0.address) }
        let deadline = deadline(timeout)
        while true {
            if let error = takeError() { throw error }
            try checkRoute(to: peer)
            let isFull = kind == .datagram && peer !== self && peer.isFullForStrangers(than: self)
            if budget.hasRoom, !isFull { break }
            if isNonBlocking { throw .wouldBlock }
            if !budget.hasRoom {
                try budget.writable.waitForSocket(deadline: deadline) {
                    budget.hasRoom || state.withLock { $0.noMoreSending || $0.error != nil }
                }
            } else {
                // Whoever reads from a datagram socket wakes those who wait for room in its queue.
                try peer.budget.writable.waitForSocket(deadline: deadline) {
                    !peer.isFullForStrangers(than: self) || peer.state.withLock { $0.phase == .closed || $0.noMoreReceiving }
                }
            }
        }
        let packet = try SocketMessage(
            copying: &message.bytes, count: count, rights: message.rights,
            credentials: message.credentials, sender: kind == .datagram ? Self.shown(address) : [],
            budget: budget)
        message.rights = nil
        do throws(Errno) { try peer.deliver(packet) } catch { throw try undelivered(peer) }
        return count
    }

    private static func shown(_ address: UnixAddress) -> [UInt8] {
        if case .unnamed = address { return [] }
        return address.bytes
    }

    private func destination(of message: borrowing OutgoingMessage, origin: () throws(Errno) -> PathOrigin) throws(Errno)
        -> UnixSocket
    {
        guard let bytes = message.destination, kind == .datagram else {
            // Sequenced packets go to the peer, whatever address is named.
            if kind == .sequencedPacket { return try connectedPeer() }
            guard let peer = state.withLock({ $0.peer }) else { throw .notConnected }
            return peer
        }
        return try Self.find(try UnixAddress(bytes), kind, origin: origin)
    }

    private func checkRoute(to peer: UnixSocket) throws(Errno) {
        if kind == .sequencedPacket { return try checkSending(to: peer) }
        if state.withLock({ $0.noMoreSending }) { throw .brokenPipe }
        let (phase, isShut, other) = peer.state.withLock { ($0.phase, $0.noMoreReceiving, $0.peer) }
        if phase == .closed { throw try undelivered(peer) }
        if isShut { throw .brokenPipe }
        if let other, other !== self { throw .notPermitted }
    }

    /// The error of a message that found its destination gone: a dead default destination is forgotten.
    private func undelivered(_ peer: UnixSocket) throws(Errno) -> Errno {
        if kind == .sequencedPacket { return .brokenPipe }
        let old: UnixSocket? = state.withLock { state in
            guard state.peer === peer else { return nil }
            let old = state.peer
            state.peer = nil
            return old
        }
        _ = old
        return .connectionRefused
    }

    // MARK: Receiving

    func receiveMessage(_ target: inout TransferBuffer, flags: MessageFlags, isNonBlocking: Bool) throws(Errno) -> IncomingMessage
    {
        let (phase, timeout) = state.withLock { ($0.phase, $0.receiveTimeout) }
        if kind == .sequencedPacket, phase != .connected, phase != .closed { throw .notConnected }
        let deadline = deadline(timeout)
        while true {
            let isPeek = flags.contains(.peek)
            let message: SocketMessage? = state.withLock { state in
                isPeek ? state.queue.head : state.queue.removeFirst()
            }
            if let message {
                // Senders who are not connected to this socket wait for places in its queue.
                if !isPeek, kind == .datagram { budget.writable.wake(events: PollEvents.writable.rawValue) }
                return try open(message, &target, flags)
            }
            if let error = takeError() { throw error }
            if state.withLock({ $0.noMoreReceiving }) { return IncomingMessage() }
            if isNonBlocking { throw .wouldBlock }
            try readable.waitForSocket(deadline: deadline) {
                state.withLock { $0.queue.head != nil || $0.noMoreReceiving || $0.error != nil }
            }
        }
    }

    private func open(_ message: SocketMessage, _ target: inout TransferBuffer, _ flags: MessageFlags) throws(Errno)
        -> IncomingMessage
    {
        var incoming = IncomingMessage()
        let room = target.remaining
        incoming.count = try message.copy(from: 0, into: &target)
        if incoming.count < min(room, message.count) { throw .badAddress }
        if message.count > room {
            incoming.flags.insert(.truncated)
            if flags.contains(.truncated) { incoming.count = message.count }
        }
        if kind == .sequencedPacket { incoming.flags.insert(.endOfRecord) }
        incoming.rights = message.rights
        incoming.credentials = message.credentials
        incoming.sender = message.sender
        return incoming
    }
}
