import ABI
import Files
import Scheduling
import Support
import Synchronization

/// A socket of the AF_UNIX family (unix(7)): the end that messages arrive at. `UnixSocketFile` is the open file over it.
///
/// The two are apart because connected ends refer to each other, while each file must be able to go away.
/// No two sockets' locks are ever held at once.
public final class UnixSocket {
    public enum Kind: Sendable { case stream, datagram, sequencedPacket }

    enum Phase { case unconnected, connecting, listening, connected, closed }

    struct State: ~Copyable {
        var phase = Phase.unconnected
        /// The other end, or the default destination of datagrams.
        var peer: UnixSocket?
        var address = UnixAddress.unnamed
        /// The file it is bound to.
        var inode: Inode?
        var queue = SocketMessageQueue()
        var noMoreReceiving = false
        var noMoreSending = false
        /// Reported once, by the next call.
        var error: Errno?
        /// Connections that wait to be accepted.
        var pending: [UnixSocket] = []
        var backlog = 0
        var peerCredentials = SocketCredentials.none
        /// The listener's own, which its clients see as their peer's.
        var listenCredentials = SocketCredentials.none
        var passesCredentials = false
        var receiveTimeout: UInt64 = 0
        var sendTimeout: UInt64 = 0
        var receiveBuffer: Int32 = 212_992
    }

    let kind: Kind
    let state = SpinLock(State())
    /// Readers wait here, and those who accept.
    let readable = WaitQueue()
    let budget = SendBudget()
    /// Makes each read of a stream one piece. Taken before `state`.
    let readLock = CompactLock()
    let inodeNumber = UnixSocket.nextInode.wrappingAdd(1, ordering: .relaxed).newValue
    private static let nextInode = Atomic<UInt64>(0)

    // For `InFlightSockets`, under its lock.
    /// The open file; valid while messages carry it, because they hold it.
    unowned(unsafe) var file: UnixSocketFile?
    var inFlightCount: Int32 = 0
    var inFlightIndex = -1
    var reachability = Reachability.unknown
    var unexplainedUses: Int32 = 0
    enum Reachability { case unknown, candidate, reachable }

    init(_ kind: Kind) { self.kind = kind }

    var isConnectionOriented: Bool { kind != .datagram }

    /// Wakes everybody who waits for this socket to change: ends, errors, shutdown.
    func wakeAll() {
        readable.wake()
        budget.writable.wake()
    }

    // MARK: Closing

    /// The file over the socket is gone, or it was never accepted.
    /// - Parameter unaccepted: its peer connected to nothing.
    func close(unaccepted: Bool = false) {
        let readableBefore = state.withLock { !($0.queue.head == nil) }
        var dropped: (peer: UnixSocket?, address: UnixAddress, inode: Inode?, pending: [UnixSocket])? = nil
        let queue = state.withLock { state in
            dropped = (state.peer, state.address, state.inode, state.pending)
            state.phase = .closed
            state.peer = nil
            state.inode = nil
            state.pending = []
            state.noMoreReceiving = true
            state.noMoreSending = true
            return state.queue.takeAll()
        }
        queue.discard()
        guard let dropped else { return }
        if case .abstract(let name) = dropped.address { AbstractNames.remove(name, self) }
        if let inode = dropped.inode {
            inode.attachment.withLock { slot in
                if slot === self { slot = nil }
            }
        }
        for connection in dropped.pending { connection.close(unaccepted: true) }
        if isConnectionOriented, let peer = dropped.peer {
            peer.state.withLock { state in
                state.noMoreReceiving = true
                state.noMoreSending = true
                if readableBefore || unaccepted { state.error = .connectionReset }
            }
            peer.wakeAll()
        }
        wakeAll()
    }

    func shutdown(receiving: Bool, sending: Bool) {
        let peer: UnixSocket? = state.withLock { state in
            if receiving { state.noMoreReceiving = true }
            if sending { state.noMoreSending = true }
            return state.peer
        }
        if isConnectionOriented, let peer {
            peer.state.withLock { state in
                if receiving { state.noMoreSending = true }
                if sending { state.noMoreReceiving = true }
            }
            peer.wakeAll()
        }
        wakeAll()
    }

    // MARK: Poll

    func poll(_ registration: PollRegistration?) -> PollEvents {
        if let registration {
            registration.watch(readable)
            registration.watch(budget.writable)
        }
        var events: PollEvents = []
        var destination: UnixSocket?
        state.withLock { state in
            if state.error != nil { events.insert(.error) }
            if state.noMoreReceiving, state.noMoreSending { events.insert(.hangUp) }
            if state.noMoreReceiving { events.formUnion([.readHangUp, .input, .readNormal]) }
            if state.queue.head != nil || !state.pending.isEmpty { events.formUnion(.readable) }
            if isConnectionOriented, state.phase == .unconnected { events.insert(.hangUp) }
            if state.phase != .listening, budget.isWritable { events.formUnion(.writable) }
            if kind == .datagram { destination = state.peer }
        }
        // A datagram destination that is full and not connected back makes it unwritable.
        if let destination, destination.isFullForStrangers(than: self) { events.subtract(.writable) }
        return events
    }

    /// Datagrams that one socket keeps from senders it is not connected to.
    static var datagramQueueLimit: Int { 10 }

    func isFullForStrangers(than sender: UnixSocket) -> Bool {
        state.withLock { $0.peer !== sender && $0.queue.count > Self.datagramQueueLimit }
    }

    /// Takes the pending error.
    func takeError() -> Errno? {
        state.withLock { state in
            let error = state.error
            state.error = nil
            return error
        }
    }

    /// The absolute time at which a wait that starts now ends.
    func deadline(_ timeout: UInt64) -> UInt64? { timeout == 0 ? nil : machineMonotonicNanoseconds() &+ timeout }
}

extension WaitQueue {
    /// Waits as a socket call does: `wouldBlock` at the deadline, and no restart after a signal when there is one.
    func waitForSocket(deadline: UInt64?, until condition: () -> Bool) throws(Errno) {
        do throws(Errno) {
            try wait(deadline: deadline, until: condition)
        } catch {
            if error == .timedOut { throw .wouldBlock }
            throw error == .restart && deadline != nil ? .interrupted : error
        }
    }
}
