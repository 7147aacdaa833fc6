// A Wayland client that breaks the protocol: not a family, for there is nothing to compare it with. The compositor must
// disconnect it. usage: conformance garbage KIND [SOCKET]

import CTestSystem
import TestCalls

/// Sends garbage of a kind and says whether the compositor hung up within ten seconds.
func sendGarbage(_ kind: String, to path: String) -> Int32 {
    let socket = sys(SYS_socket, Int(AF_UNIX), stream, 0)
    let connected = connect(socket, path)
    if connected < 0 {
        emit("cannot connect to \(path): \(outcome(connected))")
        return 2
    }
    switch kind {
    case "zeros": send(socket, [UInt8](repeating: 0, count: 4096))
    case "random":
        var numbers = Numbers(2026)
        for _ in 0..<64 { send(socket, (0..<1024).map { _ in UInt8(numbers.next(below: 256)) }) }
    // A message to wl_display (object 1) that says it has 65535, then 4 bytes.
    case "length": send(socket, request(object: 1, opcode: 0, size: 0xffff) + request(object: 1, opcode: 0, size: 4))
    case "object": send(socket, request(object: 0xdead_beef, opcode: 7, size: 8))
    // A correct start (wl_display.get_registry), then a bind that is cut off and never goes on.
    case "half":
        send(socket, request(object: 1, opcode: 1, size: 12) + [2, 0, 0, 0])
        send(socket, request(object: 2, opcode: 0, size: 64) + [1, 0, 0, 0])
        sys(SYS_shutdown, socket, 1)
    case "descriptors":
        // Descriptors that nobody asked for, then a request that does not exist.
        for _ in 0..<40 { sendDescriptor(socket) }
        send(socket, request(object: 1, opcode: 99, size: 8))
    default:
        emit("no kind \(kind)")
        return 2
    }
    return waitForHangUp(socket)
}

/// A message header: object, opcode in the low half, size in the high half.
private func request(object: UInt32, opcode: UInt32, size: UInt32) -> [UInt8] {
    [object, size << 16 | opcode].flatMap { word in [0, 8, 16, 24].map { UInt8(truncatingIfNeeded: word >> UInt32($0)) } }
}

private func send(_ socket: Int, _ bytes: [UInt8]) {
    let buffer = Buffer(bytes.count)
    for (index, byte) in bytes.enumerated() { buffer[index] = byte }
    // The compositor may hang up in the middle: that is what is wanted.
    sys(SYS_sendto, socket, buffer.address, bytes.count, 0x4000, 0, 0)
}

private func sendDescriptor(_ socket: Int) {
    let (control, header) = (Buffer(24), Buffer(56))
    control.store(20, at: 0)
    control.store(Int32(1), at: 8)
    control.store(Int32(1), at: 12)
    control.store(Int32(socket), at: 16)
    let data = request(object: 1, opcode: 0, size: 12) + [77, 0, 0, 0]
    let buffer = Buffer(data.count)
    for (index, byte) in data.enumerated() { buffer[index] = byte }
    header.store(vector([(buffer.address, data.count)]).address, at: 16)
    header.store(1, at: 24)
    header.store(control.address, at: 32)
    header.store(24, at: 40)
    sys(SYS_sendmsg, socket, header.address, 0x4000)
}

private func waitForHangUp(_ socket: Int) -> Int32 {
    let end = now() + 10_000_000_000
    while now() < end {
        _ = pollEvents(socket, POLLIN, milliseconds: 1000)
        let (result, _) = receive(socket, 4096, 0x40)
        if result == 0 || result == -Int(ECONNRESET) || result == -Int(EPIPE) {
            emit("disconnected")
            return 0
        }
        if result < 0 && result != -Int(EAGAIN) { emit("receive: \(outcome(result))") }
    }
    emit("still connected after ten seconds")
    return 1
}
