import ABI
import Support

/// An AF_UNIX address (`struct sockaddr_un`, unix(7)).
enum UnixAddress {
    /// An existing or new socket file.
    case path([UInt8])
    /// A name outside the file system: the bytes after the leading NUL.
    case abstract([UInt8])
    /// Only the family was given: bind chooses a name.
    case unnamed

    static var maximumLength: Int { 110 }

    /// - Throws: `invalidArgument` when the length or the family is wrong.
    init(_ bytes: [UInt8]) throws(Errno) {
        guard bytes.count >= 2, bytes.count <= Self.maximumLength else { throw .invalidArgument }
        guard UInt16(bytes[0]) | UInt16(bytes[1]) << 8 == AddressFamily.unix else { throw .invalidArgument }
        if bytes.count == 2 {
            self = .unnamed
        } else if bytes[2] == 0 {
            self = .abstract(Array(bytes[3...]))
        } else {
            self = .path(Array(bytes[2...].prefix { $0 != 0 }))
        }
    }

    /// The bytes that getsockname and recvfrom show.
    var bytes: [UInt8] {
        let family: [UInt8] = [UInt8(AddressFamily.unix), 0]
        switch self {
        case .path(let path): return family + path + [0]
        case .abstract(let name): return family + [0] + name
        case .unnamed: return family
        }
    }
}

/// The abstract names in use. A name may be used once for each kind of socket.
enum AbstractNames {
    struct Entry {
        let name: [UInt8]
        let socket: UnixSocket
    }
    private static let buckets = SpinLock<[[Entry]]>(Array(repeating: [], count: 64))
    private static let lastAutomatic = SpinLock<UInt32>(0)

    private static func bucket(_ name: [UInt8]) -> Int {
        var hash: UInt32 = 2_166_136_261
        for byte in name { hash = (hash ^ UInt32(byte)) &* 16_777_619 }
        return Int(hash & 63)
    }

    /// - Returns: false when the name is taken.
    static func add(_ name: [UInt8], _ socket: UnixSocket) -> Bool {
        let index = bucket(name)
        return buckets.withLock { buckets in
            for entry in buckets[index] where entry.socket.kind == socket.kind && entry.name == name { return false }
            buckets[index].append(Entry(name: name, socket: socket))
            return true
        }
    }

    static func remove(_ name: [UInt8], _ socket: UnixSocket) {
        let index = bucket(name)
        buckets.withLock { buckets in
            buckets[index].removeAll { $0.socket === socket }
        }
    }

    static func find(_ name: [UInt8], _ kind: UnixSocket.Kind) -> UnixSocket? {
        let index = bucket(name)
        return buckets.withLock { buckets in
            for entry in buckets[index] where entry.socket.kind == kind && entry.name == name { return entry.socket }
            return nil
        }
    }

    /// Gives a socket a free name of five hexadecimal digits.
    static func addAutomatic(_ socket: UnixSocket) throws(Errno) -> [UInt8] {
        for _ in 0..<0x10_0000 {
            let number = lastAutomatic.withLock { number in
                number = (number + 1) & 0xF_FFFF
                return number
            }
            var name: [UInt8] = []
            for shift in [16, 12, 8, 4, 0] {
                let digit = UInt8(number >> UInt32(shift) & 15)
                name.append(digit < 10 ? 0x30 + digit : 0x57 + digit)
            }
            if add(name, socket) { return name }
        }
        throw .noSpace
    }
}
