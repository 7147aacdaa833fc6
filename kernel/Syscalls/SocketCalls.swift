import ABI
import Files
import Processes
import Sockets
import Support

/// Sockets: making, naming and connecting them; options. Messages are in `SocketCalls+Messages`.
public enum SocketCalls {
    public static func register(_ table: inout SyscallTable) {
        table.set(.socket, socket)
        table.set(.socketpair, socketPair)
        table.set(.bind) { (a) throws(Errno) in
            let file = try socketFile(a.fd(0))
            try file.bind(try addressBytes(a.address(1), a.int32(2)))
            return 0
        }
        table.set(.listen) { (a) throws(Errno) in
            try socketFile(a.fd(0)).listen(backlog: a.int32(1))
            return 0
        }
        table.set(.connect) { (a) throws(Errno) in
            let file = try socketFile(a.fd(0))
            try file.connect(try addressBytes(a.address(1), a.int32(2)))
            return 0
        }
        table.set(.accept) { (a) throws(Errno) in try accept(a, flags: 0) }
        table.set(.accept4) { (a) throws(Errno) in try accept(a, flags: a.int32(3)) }
        table.set(.getsockname) { (a) throws(Errno) in
            try storeAddress(try socketFile(a.fd(0)).localAddress(), a.address(1), lengthAt: a.address(2))
            return 0
        }
        table.set(.getpeername) { (a) throws(Errno) in
            try storeAddress(try socketFile(a.fd(0)).peerAddress(), a.address(1), lengthAt: a.address(2))
            return 0
        }
        table.set(.shutdown) { (a) throws(Errno) in
            try socketFile(a.fd(0)).shutdown(a.int32(1))
            return 0
        }
        table.set(.getsockopt, getOption)
        table.set(.setsockopt) { (a) throws(Errno) in
            let length = a.int32(4)
            guard length >= 0 else { throw .invalidArgument }
            let file = try socketFile(a.fd(0))
            // No option is longer than this; what is beyond is ignored, as Linux ignores it.
            let value = try copyInBytes(from: a.address(3), count: min(Int(length), 128))
            try file.setOption(level: a.int32(1), name: a.int32(2), value: value)
            return 0
        }
        registerMessages(&table)
    }

    // MARK: Making

    private static func socket(_ a: SyscallArguments) throws(Errno) -> Int {
        let (kind, flags, closeOnExec) = try decode(a)
        return Int(try NewDescriptors.insert(UnixSocketFile(kind, flags: flags), closeOnExec: closeOnExec))
    }

    private static func socketPair(_ a: SyscallArguments) throws(Errno) -> Int {
        let (kind, flags, closeOnExec) = try decode(a)
        let (first, second) = UnixSocketFile.pair(kind, flags: flags)
        try NewDescriptors.insert(first, second, closeOnExec: closeOnExec, storing: a.address(3))
        return 0
    }

    /// Family, type with flags, protocol: the first three arguments of socket and socketpair.
    private static func decode(_ a: SyscallArguments) throws(Errno) -> (UnixSocket.Kind, OpenFlags, Bool) {
        let type = a.int32(1)
        let flags = type & ~SocketType.mask
        guard flags & ~(SocketType.nonBlocking | SocketType.closeOnExec) == 0 else { throw .invalidArgument }
        let family = a.int32(0)
        guard family >= 0, family < AddressFamily.limit else { throw .addressFamilyNotSupported }
        guard type & SocketType.mask < 11 else { throw .invalidArgument }
        guard family == Int32(AddressFamily.unix) else { throw .addressFamilyNotSupported }
        guard a.int32(2) == 0 || a.int32(2) == Int32(AddressFamily.unix) else { throw .protocolNotSupported }
        let kind: UnixSocket.Kind
        switch type & SocketType.mask {
        case SocketType.stream: kind = .stream
        case SocketType.datagram, SocketType.raw: kind = .datagram
        case SocketType.sequencedPacket: kind = .sequencedPacket
        default: throw .socketTypeNotSupported
        }
        return (kind, flags & SocketType.nonBlocking != 0 ? .nonBlocking : [], flags & SocketType.closeOnExec != 0)
    }

    private static func accept(_ a: SyscallArguments, flags: Int32) throws(Errno) -> Int {
        guard flags & ~(SocketType.nonBlocking | SocketType.closeOnExec) == 0 else { throw .invalidArgument }
        let file = try socketFile(a.fd(0))
        let connection = try file.accept(flags: flags & SocketType.nonBlocking != 0 ? .nonBlocking : [])
        if !a.address(1).isNull {
            // A peer that is gone already has no name any more.
            let name: [UInt8]
            do throws(Errno) { name = try connection.peerAddress() } catch { throw .connectionAborted }
            try storeAddress(name, a.address(1), lengthAt: a.address(2))
        }
        return Int(try NewDescriptors.insert(connection, closeOnExec: flags & SocketType.closeOnExec != 0))
    }

    // MARK: Arguments

    static func socketFile(_ descriptor: Int32) throws(Errno) -> SocketFile {
        guard let file = try FileContext.file(descriptor) as? SocketFile else { throw .notSocket }
        return file
    }

    /// A socket address (`move_addr_to_kernel`): at most 128 bytes.
    static func addressBytes(_ address: UserAddress, _ length: Int32) throws(Errno) -> [UInt8] {
        guard length >= 0, length <= 128 else { throw .invalidArgument }
        return try copyInBytes(from: address, count: Int(length))
    }

    /// Stores an address as far as it fits, and its full length.
    static func storeAddress(_ bytes: [UInt8], _ address: UserAddress, lengthAt lengthAddress: UserAddress) throws(Errno) {
        let room = try copyIn(Int32.self, from: lengthAddress)
        guard room >= 0 else { throw .invalidArgument }
        try copyOutBytes(Array(bytes.prefix(Int(room))), to: address)
        try copyOut(Int32(bytes.count), to: lengthAddress)
    }

    private static func getOption(_ a: SyscallArguments) throws(Errno) -> Int {
        let file = try socketFile(a.fd(0))
        let room = try copyIn(Int32.self, from: a.address(4))
        guard room >= 0 else { throw .invalidArgument }
        let value = try file.option(level: a.int32(1), name: a.int32(2)).prefix(Int(room))
        try copyOutBytes(Array(value), to: a.address(3))
        try copyOut(Int32(value.count), to: a.address(4))
        return 0
    }
}
