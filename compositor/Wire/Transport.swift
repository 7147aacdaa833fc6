// Moving bytes and descriptors between the boxes and a non-blocking Unix socket (unix(7), SCM_RIGHTS).

import CLibc

/// What a transfer came to.
public enum TransferResult: Equatable, Sendable {
    /// Everything that could move did.
    case done
    /// The socket is full (sending): wait until it is writable.
    case wouldBlock
    /// The peer closed its end.
    case closed
    /// The peer broke the rules or the socket failed.
    case failed
}

/// Linux's numbers: the two libcs declare them with different types.
private enum MessageFlag {
    static var controlTruncated: Int32 { 0x08 }
    static var dontWait: Int32 { 0x40 }
    static var noSignal: Int32 { 0x4000 }
    static var closeOnExec: Int32 { 0x4000_0000 }
}

/// Room for `Outbox.descriptorsPerSend` descriptors after a control header of 16 bytes.
private let controlCapacity = 16 + 28 * 4

extension Inbox {
    /// Reads once from `socket`: whatever is there, up to the free space.
    public func receive(from socket: Int32) -> TransferResult {
        var control = [UInt64](repeating: 0, count: (controlCapacity + 7) / 8)
        var controlLength = 0
        var flags: Int32 = 0
        var code: Int32 = 0
        let count = fill { space in
            guard space.count > 0 else { return 0 }
            var vector = iovec(iov_base: space.baseAddress, iov_len: .init(space.count))
            return control.withUnsafeMutableBytes { controlBytes in
                withUnsafeMutablePointer(to: &vector) { vector in
                    var header = msghdr()
                    header.msg_iov = vector
                    header.msg_iovlen = 1
                    header.msg_control = controlBytes.baseAddress
                    header.msg_controllen = .init(controlCapacity)
                    let result = recvmsg(socket, &header, MessageFlag.closeOnExec | MessageFlag.dontWait)
                    code = martlet_errno()
                    controlLength = result >= 0 ? min(Int(header.msg_controllen), controlCapacity) : 0
                    flags = header.msg_flags
                    return result
                }
            }
        }
        var valid = true
        control.withUnsafeBytes { bytes in
            for number in receivedDescriptors(bytes, length: controlLength) {
                do throws(WireError) { try receive(descriptor: number) } catch { valid = false }
            }
        }
        // A truncated control message means that descriptors were lost: nothing after it can be trusted.
        guard valid, flags & MessageFlag.controlTruncated == 0 else { return .failed }
        if count > 0 { return .done }
        if count == 0 { return .closed }
        return code == EAGAIN || code == EINTR ? .wouldBlock : .failed
    }
}

/// The numbers in the `SCM_RIGHTS` messages of a control buffer.
private func receivedDescriptors(_ control: UnsafeRawBufferPointer, length: Int) -> [Int32] {
    var numbers: [Int32] = []
    var offset = 0
    while offset + 16 <= length {
        // A control header is a 64-bit length, a level and a type, on both libcs.
        let size = Int(truncatingIfNeeded: control.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
        let level = control.loadUnaligned(fromByteOffset: offset + 8, as: Int32.self)
        let type = control.loadUnaligned(fromByteOffset: offset + 12, as: Int32.self)
        guard size >= 16, offset + size <= length else { break }
        if level == SOL_SOCKET, type == 1 /* SCM_RIGHTS */ {
            var place = offset + 16
            while place + 4 <= offset + size {
                numbers.append(control.loadUnaligned(fromByteOffset: place, as: Int32.self))
                place += 4
            }
        }
        offset += (size + 7) & ~7
    }
    return numbers
}

extension Outbox {
    /// Sends what waits, until done or the socket is full.
    public func flush(to socket: Int32) -> TransferResult {
        while !isEmpty {
            var code: Int32 = 0
            let sent = send { bytes, numbers in
                let result = sendOnce(socket, bytes, numbers)
                code = martlet_errno()
                return result
            }
            if sent > 0 { continue }
            if code == EINTR { continue }
            if code == EAGAIN { return .wouldBlock }
            return code == EPIPE || code == ECONNRESET ? .closed : .failed
        }
        return .done
    }
}

private func sendOnce(_ socket: Int32, _ bytes: UnsafeRawBufferPointer, _ numbers: [Int32]) -> Int {
    var control = [UInt64](repeating: 0, count: numbers.isEmpty ? 0 : (16 + numbers.count * 4 + 7) / 8)
    return control.withUnsafeMutableBytes { controlBytes in
        if !numbers.isEmpty {
            controlBytes.storeBytes(of: UInt64(16 + numbers.count * 4), toByteOffset: 0, as: UInt64.self)
            controlBytes.storeBytes(of: Int32(SOL_SOCKET), toByteOffset: 8, as: Int32.self)
            controlBytes.storeBytes(of: 1 /* SCM_RIGHTS */, toByteOffset: 12, as: Int32.self)
            for index in 0..<numbers.count {
                controlBytes.storeBytes(of: numbers[index], toByteOffset: 16 + index * 4, as: Int32.self)
            }
        }
        var vector = iovec(iov_base: UnsafeMutableRawPointer(mutating: bytes.baseAddress), iov_len: .init(bytes.count))
        return withUnsafeMutablePointer(to: &vector) { vector in
            var header = msghdr()
            header.msg_iov = vector
            header.msg_iovlen = 1
            if !numbers.isEmpty {
                header.msg_control = controlBytes.baseAddress
                header.msg_controllen = .init(controlBytes.count)
            }
            return sendmsg(socket, &header, MessageFlag.noSignal | MessageFlag.dontWait)
        }
    }
}
