import ABI
import Files
import KernelSeams
import SeededRandom
import Support
import Testing

@testable import Sockets

private let nobody = SocketCredentials(pid: 7, uid: 1, gid: 2)

private func pair(_ kind: UnixSocket.Kind) -> (UnixSocket, UnixSocket) {
    let sockets = (UnixSocket(kind), UnixSocket(kind))
    UnixSocket.connectPair(sockets.0, sockets.1, credentials: nobody)
    return sockets
}

private func origin() throws(Errno) -> PathOrigin { throw .noEntry }

private func send(_ socket: UnixSocket, _ bytes: [UInt8], rights: FileRights? = nil, to destination: [UInt8]? = nil) -> Result<
    Int, Errno
> {
    withSource(bytes) { source in
        attempt { () throws(Errno) in
            var message = OutgoingMessage(bytes: source, flags: [], destination: destination, rights: rights, credentials: nobody)
            return socket.kind == .stream
                ? try socket.sendStream(&message, isNonBlocking: true)
                : try socket.sendMessage(&message, isNonBlocking: true, origin: origin)
        }
    }
}

private func receive(_ socket: UnixSocket, _ count: Int, _ flags: MessageFlags = []) -> (Result<IncomingMessage, Errno>, [UInt8])
{
    withTarget(count) { target in
        attempt { () throws(Errno) in
            socket.kind == .stream
                ? try socket.receiveStream(&target, flags: flags, isNonBlocking: true)
                : try socket.receiveMessage(&target, flags: flags, isNonBlocking: true)
        }
    }
}

@Suite struct SocketTests {
    init() { FakeMemory.start() }

    /// A stream is a queue of bytes, whatever the sizes of sends and receives, and peeking changes nothing.
    @Test(arguments: 0..<6) func streamsKeepBytesInOrder(seed: Int) {
        withProcessor {
            var random = SplitMix(UInt64(seed))
            let (a, b) = pair(.stream)
            var model: [UInt8] = []
            for _ in 0..<300 {
                if random.chance(50) {
                    let bytes = random.bytes(Int.random(in: 1...(random.chance(10) ? 100_000 : 500), using: &random))
                    switch send(a, bytes) {
                    case .success(let sent): model += bytes.prefix(sent)
                    case .failure(let error): #expect(error == .wouldBlock && !a.budget.hasRoom)
                    }
                } else {
                    let count = Int.random(in: 1...2000, using: &random)
                    let (peeked, preview) = receive(b, count, .peek)
                    let (result, bytes) = receive(b, count)
                    #expect(peeked.error == result.error && preview == bytes)
                    #expect(bytes == Array(model.prefix(count)))
                    if model.isEmpty { #expect(result.error == .wouldBlock) }
                    model.removeFirst(bytes.count)
                }
                #expect(b.state.withLock { $0.queue.byteCount } == model.count)
            }
            while !model.isEmpty { model.removeFirst(receive(b, 50000).1.count) }
            #expect(a.budget.used == 0, "the budget is free when all is read")
            a.close()
            b.close()
        }
    }

    @Test func messagesKeepTheirBoundaries() {
        withProcessor {
            let (a, b) = pair(.sequencedPacket)
            #expect(send(a, [1, 2, 3, 4]).value == 4)
            #expect(send(a, []).value == 0)
            #expect(send(a, [5]).value == 1)
            let (first, bytes) = receive(b, 2)
            #expect(bytes == [1, 2] && first.value?.flags.contains(.truncated) == true && first.value?.count == 2)
            #expect(receive(b, 10).0.value?.count == 0)
            #expect(receive(b, 1, .truncated).1 == [5])
            #expect(send(a, [UInt8](repeating: 0, count: 300_000)).error == .messageTooLong)
            a.close()
            #expect(receive(b, 1).0.value?.count == 0)
            #expect(send(b, [1]).error == .brokenPipe)
            b.close()
        }
    }

    @Test func datagramsToAClosedSocketAreRefused() {
        withProcessor {
            let (a, b) = pair(.datagram)
            b.close()
            #expect(send(a, [1]).error == .connectionRefused)
            #expect(send(a, [1]).error == .notConnected)
            a.close()
        }
    }

    @Test func aSlowReaderLimitsTheWriter() {
        withProcessor {
            let (a, b) = pair(.stream)
            var sent = 0
            while case .success(let count) = send(a, [UInt8](repeating: 1, count: 4096)) { sent += count }
            #expect(sent > 100_000 && sent <= 212_992)
            #expect(!a.poll(nil).contains(.output))
            var read = 0
            while read < sent { read += receive(b, 65536).1.count }
            #expect(a.poll(nil).contains(.output))
            a.close()
            b.close()
        }
    }

    @Test func closingResetsWhatWasNotRead() {
        withProcessor {
            let (a, b) = pair(.stream)
            _ = send(a, [1])
            b.close()
            #expect(a.poll(nil).contains([.error, .hangUp, .readHangUp]))
            #expect(receive(a, 1).0.error == .connectionReset)
            #expect(receive(a, 1).0.value?.count == 0)
            #expect(send(a, [1]).error == .brokenPipe)
            a.close()
        }
    }

    @Test func shutdownEndsOneDirection() {
        withProcessor {
            let (a, b) = pair(.stream)
            _ = send(a, [1, 2])
            a.shutdown(receiving: false, sending: true)
            #expect(send(a, [3]).error == .brokenPipe)
            #expect(receive(b, 10).1 == [1, 2])
            #expect(receive(b, 10).0.value?.count == 0)
            #expect(b.poll(nil).contains(.readHangUp) && !b.poll(nil).contains(.hangUp))
            #expect(send(b, [4]).value == 1 && receive(a, 10).1 == [4])
            a.close()
            b.close()
        }
    }

    @Test func connectionsWaitInTheBacklog() throws {
        withProcessor {
            let listener = UnixSocket(.stream)
            let name = UnixAddress.abstract(Array("test-backlog".utf8))
            #expect(
                attempt { () throws(Errno) in try listener.listen(backlog: 1, credentials: nobody) }.error == .invalidArgument)
            #expect(attempt { () throws(Errno) in try listener.bind(name, origin: origin, umask: 0) }.error == nil)
            #expect(attempt { () throws(Errno) in try listener.bind(name, origin: origin, umask: 0) }.error == .invalidArgument)
            let rival = UnixSocket(.stream)
            #expect(attempt { () throws(Errno) in try rival.bind(name, origin: origin, umask: 0) }.error == .addressInUse)
            #expect(attempt { () throws(Errno) in try listener.listen(backlog: 1, credentials: nobody) }.error == nil)
            let clients = (0..<4).map { _ in UnixSocket(.stream) }
            let outcomes = clients.map { client in
                attempt { () throws(Errno) in try client.connect(name, origin: origin, credentials: nobody, isNonBlocking: true) }
                    .error
            }
            #expect(outcomes == [nil, nil, .wouldBlock, .wouldBlock])
            #expect(listener.poll(nil).contains(.input))
            // What a client sends before it is accepted is not lost.
            _ = send(clients[0], [9])
            let server = attempt { () throws(Errno) in try listener.accept(isNonBlocking: true) }.value!
            #expect(receive(server, 5).1 == [9])
            #expect(server.state.withLock { $0.peerCredentials } == nobody)
            listener.close()
            #expect(receive(clients[1], 5).0.error == .connectionReset)
            #expect(
                attempt { () throws(Errno) in
                    try clients[2].connect(name, origin: origin, credentials: nobody, isNonBlocking: true)
                }.error == .connectionRefused)
            for socket in clients + [server, rival] { socket.close() }
        }
    }

    @Test func filesTravelWithTheirBytes() {
        withProcessor {
            let (a, b) = pair(.stream)
            let file = TestFile()
            file.addUser()
            let rights = attempt { () throws(Errno) in try FileRights([file]) }.value
            _ = send(a, [1, 2])
            _ = send(a, [3, 4], rights: rights)
            _ = send(a, [5, 6])
            // The read that reaches the file's bytes ends behind them.
            let (first, bytes) = receive(b, 100)
            #expect(bytes == [1, 2, 3, 4] && first.value?.rights?.files.first === file)
            let (second, rest) = receive(b, 100)
            #expect(rest == [5, 6] && second.value?.rights == nil)
            a.close()
            b.close()
        }
    }

    @Test func undeliveredFilesAreClosed() {
        withProcessor {
            let (a, b) = pair(.stream)
            let file = TestFile()
            file.addUser()
            do {
                let rights = attempt { () throws(Errno) in try FileRights([file]) }.value
                _ = send(a, [1], rights: rights)
            }
            #expect(file.users == 2)
            b.close()
            #expect(file.users == 1)
            a.close()
        }
    }

    /// Two sockets that carry each other, and one that carries itself, go away when their last descriptors do.
    @Test func cyclesOfSocketsAreCollected() {
        withProcessor {
            weak var first: UnixSocket?
            weak var second: UnixSocket?
            weak var outside: UnixSocketFile?
            do {
                let a = UnixSocketFile(.datagram, flags: []), b = UnixSocketFile(.datagram, flags: [])
                let kept = UnixSocketFile(.datagram, flags: [])
                UnixSocket.connectPair(a.socket, b.socket, credentials: nobody)
                (first, second, outside) = (a.socket, b.socket, kept)
                for file in [a, b, kept] { file.addUser() }
                do {
                    _ = send(a.socket, [1], rights: attempt { () throws(Errno) in try FileRights([b, a]) }.value)
                    _ = send(b.socket, [1], rights: attempt { () throws(Errno) in try FileRights([a, kept]) }.value)
                }
                // Nothing is collected while somebody can still read.
                a.removeUser()
                InFlightSockets.lostUse(a)
                #expect(receive(b.socket, 5, .peek).0.value?.rights != nil)
                #expect(a.users == 2)
                b.removeUser()
                InFlightSockets.lostUse(b)
                kept.removeUser()
            }
            #expect(first == nil && second == nil && outside == nil)
        }
    }

    @Test func chainsOfSocketsDoNotRecurse() {
        withProcessor {
            // Each socket's queue holds the next pair: released by recursion, this would overflow the stack.
            var carried: UnixSocketFile? = nil
            for _ in 0..<4000 {
                let a = UnixSocketFile(.datagram, flags: []), b = UnixSocketFile(.datagram, flags: [])
                UnixSocket.connectPair(a.socket, b.socket, credentials: nobody)
                if let file = carried {
                    _ = send(a.socket, [1], rights: attempt { () throws(Errno) in try FileRights([file]) }.value)
                }
                carried = b
            }
            carried = nil
        }
    }
}

final class TestFile: OpenFile {
    init() { super.init(flags: .readWrite) }
}
