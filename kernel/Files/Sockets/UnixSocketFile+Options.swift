import ABI
import Files
import Scheduling
import Support
import Synchronization

// getsockopt and setsockopt at level SOL_SOCKET.
extension UnixSocketFile {
    func readOption(level: Int32, name: Int32) throws(Errno) -> [UInt8] {
        guard level == SocketOption.level else { throw .notSupported }
        switch name {
        case SocketOption.type:
            return word(
                socket.kind == .stream
                    ? SocketType.stream
                    : socket.kind == .datagram
                        ? SocketType.datagram
                        : SocketType.sequencedPacket)
        case SocketOption.domain: return word(Int32(AddressFamily.unix))
        case SocketOption.protocolNumber: return word(0)
        case SocketOption.error: return word(socket.takeError()?.rawValue ?? 0)
        case SocketOption.acceptsConnections: return word(socket.state.withLock { $0.phase == .listening } ? 1 : 0)
        case SocketOption.sendBuffer: return word(Int32(clamping: socket.budget.limit.load(ordering: .relaxed)))
        case SocketOption.receiveBuffer: return word(socket.state.withLock { $0.receiveBuffer })
        case SocketOption.passCredentials: return word(socket.state.withLock { $0.passesCredentials } ? 1 : 0)
        case SocketOption.peerCredentials: return bytes(of: socket.state.withLock { $0.peerCredentials })
        case SocketOption.receiveTimeout: return time(socket.state.withLock { $0.receiveTimeout })
        case SocketOption.sendTimeout: return time(socket.state.withLock { $0.sendTimeout })
        case SocketOption.receiveLowWater, SocketOption.sendLowWater: return word(1)
        case SocketOption.linger: return bytes(of: UInt64(0))
        case SocketOption.debug, SocketOption.reuseAddress, SocketOption.reusePort, SocketOption.broadcast,
            SocketOption.keepAlive, SocketOption.priority:
            return word(0)
        default: throw .noProtocolOption
        }
    }

    func writeOption(level: Int32, name: Int32, value: [UInt8]) throws(Errno) {
        guard level == SocketOption.level else { throw .notSupported }
        switch name {
        case SocketOption.passCredentials:
            let isOn = try number(value) != 0
            socket.state.withLock { $0.passesCredentials = isOn }
        case SocketOption.sendBuffer, SocketOption.sendBufferForce:
            socket.budget.limit.store(Int(bufferSize(try number(value), minimum: 4608)), ordering: .relaxed)
            socket.budget.writable.wake()
        case SocketOption.receiveBuffer, SocketOption.receiveBufferForce:
            let size = bufferSize(try number(value), minimum: 2304)
            socket.state.withLock { $0.receiveBuffer = size }
        case SocketOption.receiveTimeout:
            let nanoseconds = try duration(value)
            socket.state.withLock { $0.receiveTimeout = nanoseconds }
        case SocketOption.sendTimeout:
            let nanoseconds = try duration(value)
            socket.state.withLock { $0.sendTimeout = nanoseconds }
        case SocketOption.debug, SocketOption.reuseAddress, SocketOption.reusePort, SocketOption.broadcast,
            SocketOption.keepAlive, SocketOption.priority, SocketOption.receiveLowWater:
            // They mean nothing between two processes of one machine.
            _ = try number(value)
        case SocketOption.linger: guard value.count >= 8 else { throw .invalidArgument }
        default: throw .noProtocolOption
        }
    }

    /// The size that a buffer gets: twice what was asked, for the kernel's own costs, within bounds.
    private func bufferSize(_ wanted: Int32, minimum: Int32) -> Int32 {
        max(min(max(wanted, 0), 212_992) * 2, minimum)
    }

    private func number(_ value: [UInt8]) throws(Errno) -> Int32 {
        guard value.count >= 4 else { throw .invalidArgument }
        return Int32(littleEndian: value.withUnsafeBytes { $0.loadUnaligned(as: Int32.self) })
    }

    private func duration(_ value: [UInt8]) throws(Errno) -> UInt64 {
        guard value.count >= 16 else { throw .invalidArgument }
        let time = value.withUnsafeBytes { $0.loadUnaligned(as: TimeValue.self) }
        guard time.microseconds >= 0, time.microseconds < 1_000_000 else { throw .outOfDomain }
        // A negative time means not to wait at all; the shortest wait comes to the same.
        return time.seconds < 0 ? 1 : time.duration ?? 0
    }

    private func word(_ value: Int32) -> [UInt8] { bytes(of: value) }
    private func time(_ nanoseconds: UInt64) -> [UInt8] {
        bytes(of: TimeValue(nanoseconds: nanoseconds))
    }

    private func bytes<T: BitwiseCopyable>(of value: T) -> [UInt8] {
        withUnsafeBytes(of: value) { Array($0) }
    }
}
