import ABI
import Files
import Processes
import Processor
import Sockets
import Support

// Sending and receiving, with ancillary data.
extension SocketCalls {
    static func registerMessages(_ table: inout SyscallTable) {
        table.set(.sendto) { (a) throws(Errno) in
            let file = try socketFile(a.fd(0))
            let destination = a.address(4).isNull ? nil : try addressBytes(a.address(4), a.int32(5))
            var message = OutgoingMessage(
                bytes: try TransferBuffer(user: a.address(1), count: a.count(2)), flags: MessageFlags(rawValue: a.uint32(3)),
                destination: destination, credentials: UnixSocketFile.callerCredentials)
            return try file.send(&message)
        }
        table.set(.recvfrom) { (a) throws(Errno) in
            let file = try socketFile(a.fd(0))
            var buffer = try TransferBuffer(user: a.address(1), count: a.count(2))
            let incoming = try file.receive(&buffer, flags: MessageFlags(rawValue: a.uint32(3)))
            if !a.address(4).isNull { try storeAddress(incoming.sender, a.address(4), lengthAt: a.address(5)) }
            return incoming.count
        }
        table.set(.sendmsg) { (a) throws(Errno) in
            let file = try socketFile(a.fd(0))
            return try send(file, try copyIn(MessageHeader.self, from: a.address(1)), flags: a.uint32(2))
        }
        table.set(.recvmsg) { (a) throws(Errno) in
            let file = try socketFile(a.fd(0))
            return try receive(file, headerAt: a.address(1), flags: MessageFlags(rawValue: a.uint32(2)))
        }
        table.set(.sendmmsg, sendMultiple)
        table.set(.recvmmsg, receiveMultiple)
    }

    /// `UIO_MAXIOV`.
    private static var vectorLimit: UInt64 { 1024 }
    /// The most ancillary data one call may send.
    private static var controlLimit: UInt64 { 20480 }

    private static func buffer(_ header: MessageHeader) throws(Errno) -> TransferBuffer {
        guard header.vectorCount <= vectorLimit else { throw .messageTooLong }
        let count = Int(header.vectorCount)
        if count == 1 {
            let segment = try copyIn(TransferBuffer.Segment.self, from: UserAddress(header.vectors))
            guard segment.count >= 0 else { throw .invalidArgument }
            return try TransferBuffer(user: UserAddress(segment.base), count: min(segment.count, 0x7fff_f000))
        }
        let raw = try copyInBytes(from: UserAddress(header.vectors), count: count * 16)
        var segments: [TransferBuffer.Segment] = []
        segments.reserveCapacity(count)
        raw.withUnsafeBytes { bytes in
            for index in 0..<count {
                segments.append(bytes.loadUnaligned(fromByteOffset: index * 16, as: TransferBuffer.Segment.self))
            }
        }
        return try TransferBuffer(user: segments)
    }

    // MARK: Sending

    private static func send(_ file: SocketFile, _ header: MessageHeader, flags: UInt32) throws(Errno) -> Int {
        let bytes = try buffer(header)
        var destination: [UInt8]?
        if header.name != 0, header.nameLength != 0 {
            guard header.nameLength > 0 else { throw .invalidArgument }
            destination = try addressBytes(UserAddress(header.name), min(header.nameLength, 128))
        }
        var message = OutgoingMessage(
            bytes: bytes, flags: MessageFlags(rawValue: flags), destination: destination,
            credentials: UnixSocketFile.callerCredentials)
        if header.controlLength > 0 { try addControl(header, to: &message) }
        return try file.send(&message)
    }

    private static func addControl(_ header: MessageHeader, to message: inout OutgoingMessage) throws(Errno) {
        guard header.controlLength <= controlLimit else { throw .noBufferSpace }
        let control = try copyInBytes(from: UserAddress(header.control), count: Int(header.controlLength))
        var files: [OpenFile] = []
        var offset = 0
        while offset + ControlHeader.byteCount <= control.count {
            let piece = control.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: offset, as: ControlHeader.self) }
            guard piece.length >= UInt64(ControlHeader.byteCount), piece.length <= UInt64(control.count - offset) else {
                throw .invalidArgument
            }
            let start = offset + ControlHeader.byteCount
            let count = Int(piece.length) - ControlHeader.byteCount
            offset += ControlHeader.aligned(Int(piece.length))
            // Other levels are for other protocols.
            guard piece.level == SocketOption.level else { continue }
            switch piece.type {
            case ControlType.rights: try collect(control[start..<start + count], into: &files)
            case ControlType.credentials:
                guard count == MemoryLayout<SocketCredentials>.size else { throw .invalidArgument }
                let claimed = control.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: start, as: SocketCredentials.self) }
                guard maySpeak(for: claimed) else { throw .notPermitted }
                message.credentials = claimed
            default: throw .invalidArgument
            }
        }
        if !files.isEmpty { message.rights = try FileRights(files) }
    }

    private static func collect(_ bytes: ArraySlice<UInt8>, into files: inout [OpenFile]) throws(Errno) {
        let table = FileContext.current.descriptors
        let count = bytes.count / 4
        guard files.count + count <= FileRights.limit else { throw .invalidArgument }
        for index in 0..<count {
            let at = bytes.startIndex + index * 4
            let number =
                UInt32(bytes[at]) | UInt32(bytes[at + 1]) << 8 | UInt32(bytes[at + 2]) << 16 | UInt32(bytes[at + 3]) << 24
            files.append(try table.file(Int32(bitPattern: number)))
        }
    }

    /// Whether the caller may send these credentials: its own identities, or any when it is privileged.
    private static func maySpeak(for claimed: SocketCredentials) -> Bool {
        let process = Process.current
        let own = process.credentials
        if own.isPrivileged { return true }
        return claimed.pid == process.pid
            && (claimed.uid == own.uid || claimed.uid == own.euid || claimed.uid == own.suid)
            && (claimed.gid == own.gid || claimed.gid == own.egid || claimed.gid == own.sgid)
    }

    private static func sendMultiple(_ a: SyscallArguments) throws(Errno) -> Int {
        let file = try socketFile(a.fd(0))
        let limit = min(Int(a.uint32(2)), Int(vectorLimit))
        var sent = 0
        while sent < limit {
            do throws(Errno) {
                let address = a.address(1) + sent * MemoryLayout<MultipleMessageHeader>.size
                let header = try copyIn(MultipleMessageHeader.self, from: address)
                let count = try send(file, header.header, flags: a.uint32(3))
                try copyOut(UInt32(count), to: address + MemoryLayout<MessageHeader>.size)
            } catch {
                if sent > 0 { return sent }
                throw error
            }
            sent += 1
        }
        return sent
    }

    // MARK: Receiving

    private static func receive(_ file: SocketFile, headerAt address: UserAddress, flags: MessageFlags) throws(Errno) -> Int {
        let header = try copyIn(MessageHeader.self, from: address)
        var bytes = try buffer(header)
        if header.name != 0, header.nameLength < 0 { throw .invalidArgument }
        let incoming = try file.receive(&bytes, flags: flags)
        var result = header
        result.flags = incoming.flags.rawValue | (flags.contains(.closeOnExec) ? MessageFlags.closeOnExec.rawValue : 0)
        if header.name != 0 {
            try copyOutBytes(Array(incoming.sender.prefix(Int(header.nameLength))), to: UserAddress(header.name))
            result.nameLength = Int32(incoming.sender.count)
        }
        var control = ControlWriter(
            address: UserAddress(header.control), room: header.control == 0 ? 0 : Int(clamping: header.controlLength))
        if let credentials = incoming.credentials { try control.add(ControlType.credentials, credentials) }
        if let rights = incoming.rights { try control.add(rights, closeOnExec: flags.contains(.closeOnExec)) }
        if control.isTruncated { result.flags |= MessageFlags.controlTruncated.rawValue }
        result.controlLength = UInt64(control.used)
        try copyOut(result, to: address)
        return incoming.count
    }

    private static func receiveMultiple(_ a: SyscallArguments) throws(Errno) -> Int {
        let file = try socketFile(a.fd(0))
        let limit = min(Int(a.uint32(2)), Int(vectorLimit))
        var flags = MessageFlags(rawValue: a.uint32(3))
        var deadline: UInt64?
        if !a.address(4).isNull {
            guard let timeout = try copyIn(TimeSpec.self, from: a.address(4)).duration else { throw .invalidArgument }
            deadline = Clock.monotonic &+ timeout
        }
        let waitsForOne = flags.contains(.waitForOne)
        flags.remove(.waitForOne)
        var received = 0
        while received < limit {
            do throws(Errno) {
                let address = a.address(1) + received * MemoryLayout<MultipleMessageHeader>.size
                let count = try receive(file, headerAt: address, flags: flags)
                try copyOut(UInt32(count), to: address + MemoryLayout<MessageHeader>.size)
            } catch {
                if received > 0 { return received }
                throw error
            }
            received += 1
            if waitsForOne { flags.insert(.doNotWait) }
            // As on Linux the time limit is looked at between messages only.
            if let deadline, Clock.monotonic >= deadline { break }
        }
        return received
    }
}

/// Writes ancillary data to a receiver's control buffer, as far as there is room.
struct ControlWriter {
    let address: UserAddress
    let room: Int
    private(set) var used = 0
    private(set) var isTruncated = false

    init(address: UserAddress, room: Int) {
        self.address = address
        self.room = min(room, Int(Int32.max))
    }

    mutating func add<T: BitwiseCopyable>(_ type: Int32, _ value: T) throws(Errno) {
        let length = ControlHeader.byteCount + MemoryLayout<T>.size
        guard room - used >= length else {
            isTruncated = true
            return
        }
        try copyOut(ControlHeader(length: UInt64(length), level: SocketOption.level, type: type), to: address + used)
        try copyOut(value, to: address + used + ControlHeader.byteCount)
        used += min(ControlHeader.aligned(length), room - used)
    }

    /// Gives the files to the running process, as many as there is room for; the others are closed.
    mutating func add(_ rights: FileRights, closeOnExec: Bool) throws(Errno) {
        let capacity = max(0, (room - used - ControlHeader.byteCount) / 4)
        var numbers: [Int32] = []
        do throws(Errno) {
            for file in rights.files.prefix(capacity) {
                numbers.append(try NewDescriptors.insert(file, closeOnExec: closeOnExec))
            }
        } catch {
            // No number is free: the rest is lost, and the receiver is told.
        }
        if numbers.count < rights.files.count { isTruncated = true }
        if numbers.isEmpty { return }
        let length = ControlHeader.byteCount + numbers.count * 4
        do throws(Errno) {
            try copyOut(
                ControlHeader(length: UInt64(length), level: SocketOption.level, type: ControlType.rights), to: address + used)
            try copyOutBytes(
                numbers.flatMap { withUnsafeBytes(of: $0) { Array($0) } }, to: address + used + ControlHeader.byteCount)
        } catch {
            for number in numbers { try? FileContext.current.descriptors.close(number) }
            throw error
        }
        used += min(ControlHeader.aligned(length), room - used)
    }
}
