import ABI
import Files
import InputModel
import Scheduling
import Support

/// An open `/dev/input/eventN`.
final class EvdevFile: OpenFile {
    private let device: InputDevice
    private let client: EvdevClient
    private static let eventByteCount = MemoryLayout<InputEvent>.size

    init(_ device: InputDevice, flags: OpenFlags, inode: Inode?, path: PathNode?) {
        self.device = device
        client = device.addClient()
        super.init(flags: flags, inode: inode, path: path)
    }

    deinit { device.removeClient(client) }

    override func read(_ buffer: inout TransferBuffer) throws(Errno) -> Int {
        if buffer.remaining > 0, buffer.remaining < Self.eventByteCount { throw .invalidArgument }
        if device.readableCount(client) == 0, !device.isRevoked(client) {
            if isNonBlocking { throw .wouldBlock }
            if buffer.remaining == 0 { return 0 }
            try client.readers.wait { [device, client] in device.readableCount(client) > 0 || device.isRevoked(client) }
        }
        if device.isRevoked(client) { throw .noDevice }
        var total = 0
        while buffer.remaining >= Self.eventByteCount, var event = device.take(client) {
            let copied = try buffer.fill(from: &event, count: Self.eventByteCount)
            if copied < Self.eventByteCount { throw .badAddress }
            total += copied
        }
        return total
    }

    override func write(_ buffer: inout TransferBuffer) throws(Errno) -> Int {
        if buffer.remaining > 0, buffer.remaining < Self.eventByteCount { throw .invalidArgument }
        if device.isRevoked(client) { throw .noDevice }
        var total = 0
        while buffer.remaining >= Self.eventByteCount {
            var event = InputEvent()
            guard try buffer.drain(into: &event, count: Self.eventByteCount) == Self.eventByteCount else { throw .badAddress }
            device.inject(event)
            total += Self.eventByteCount
        }
        return total
    }

    override func poll(_ registration: PollRegistration?) -> PollEvents {
        registration?.watch(client.readers)
        if device.isRevoked(client) { return [.hangUp, .error] }
        return device.readableCount(client) > 0 ? PollEvents.readable.union(.writable) : .writable
    }

    override func control(_ number: UInt32, _ argument: UInt64) throws(Errno) -> Int {
        if device.isRevoked(client) { throw .noDevice }
        let request = IoctlRequest(rawValue: number)
        guard request.type == EvdevRequest.type else { throw .invalidArgument }
        let address = UserAddress(argument)
        switch request {
        case EvdevRequest.getVersion: return try give(EvdevRequest.interfaceVersion, address)
        case EvdevRequest.getIdentity: return try give(device.identity, address)
        case EvdevRequest.getRepeat: return try getRepeat(address)
        case EvdevRequest.setRepeat: return try setRepeat(address)
        // The argument itself is the flag here, not a pointer to one.
        case EvdevRequest.grab:
            if argument != 0 { try device.grab(client) } else { try device.ungrab(client) }
            return 0
        case EvdevRequest.revoke:
            guard argument == 0 else { throw .invalidArgument }
            device.revoke(client)
            return 0
        case EvdevRequest.setClock:
            guard let clock = EventClock(rawValue: try copyIn(Int32.self, from: address)) else { throw .invalidArgument }
            device.setClock(clock, of: client)
            return 0
        default: break
        }
        guard request.programReads || request.programWrites else { throw .invalidArgument }
        if request.programWrites, request.number >= 0xC0 { return try setAxis(UInt16(request.number - 0xC0), address) }
        guard request.programReads else { throw .invalidArgument }
        let room = request.byteCount
        switch request.number {
        case 0x06: return try give(device.name, room, address)
        case 0x07: return try give(device.physicalPath, room, address)
        case 0x08: return try give(device.uniqueName, room, address)
        case 0x09: return try give(device.core.withLock { $0.state.properties }, codeCount: 32, room, address)
        case 0x18: return try give(device.core.withLock { $0.state.keys }, codeCount: 768, room, address)
        case 0x19: return try give(device.core.withLock { $0.state.leds }, codeCount: 16, room, address)
        case 0x1A: return try give(device.core.withLock { $0.state.sounds }, codeCount: 8, room, address)
        case 0x1B: return try give(device.core.withLock { $0.state.switches }, codeCount: 17, room, address)
        case 0x20...0x3F:
            let type = UInt16(request.number - 0x20)
            return try give(
                device.core.withLock { $0.state.supportedCodes(type) }, codeCount: Self.codeCount(type), room, address)
        case 0x40...0x7F: return try getAxis(UInt16(request.number - 0x40), room, address)
        default: throw .invalidArgument
        }
    }

    // MARK: Answers

    private func give<T: BitwiseCopyable>(_ value: T, _ address: UserAddress) throws(Errno) -> Int {
        try copyOut(value, to: address)
        return 0
    }

    /// A text with its terminator, cut off where the room ends. The result is the length.
    private func give(_ text: String, _ room: Int, _ address: UserAddress) throws(Errno) -> Int {
        if text.isEmpty { throw .noEntry }
        var bytes = text.utf8
        bytes.append(0)
        if bytes.count > room { bytes.removeLast(bytes.count - room) }
        try copyOutBytes(bytes, to: address)
        return bytes.count
    }

    /// A bit set, in whole 64-bit words, cut off where the room ends. The result is the length.
    private func give(_ set: CodeSet, codeCount: Int, _ room: Int, _ address: UserAddress) throws(Errno) -> Int {
        let count = min((codeCount + 63) / 64 * 8, room)
        var bytes: [UInt8] = []
        for index in 0..<count { bytes.append(set.byte(index)) }
        try copyOutBytes(bytes, to: address)
        return count
    }

    /// How many codes a type of events has (`KEY_CNT` …).
    private static func codeCount(_ type: UInt16) -> Int {
        switch type {
        case InputCode.evSynchronize: 32
        case InputCode.evKey: 768
        case InputCode.evAbsolute: 64
        case InputCode.evRelative, InputCode.evLED: 16
        case InputCode.evSwitch: 17
        case InputCode.evMiscellaneous, InputCode.evSound: 8
        case 0x15: 128
        default: 0
        }
    }

    private func getAxis(_ axis: UInt16, _ room: Int, _ address: UserAddress) throws(Errno) -> Int {
        guard device.core.withLock({ $0.state.supports(InputCode.evAbsolute, axis) }) else { throw .invalidArgument }
        let value = device.core.withLock { $0.state.axes[Int(axis)] }
        if room >= MemoryLayout<InputAxis>.size { return try give(value, address) }
        // Programs from before `resolution` pass a shorter structure.
        let bytes = withUnsafeBytes(of: value) { Array($0.prefix(room)) }
        try copyOutBytes(bytes, to: address)
        return 0
    }

    private func setAxis(_ axis: UInt16, _ address: UserAddress) throws(Errno) -> Int {
        let value = try copyIn(InputAxis.self, from: address)
        guard device.core.withLock({ $0.state.supports(InputCode.evAbsolute, axis) }), value.minimum <= value.maximum else {
            throw .invalidArgument
        }
        device.core.withLock { $0.state.axes[Int(axis)] = value }
        return 0
    }

    private func getRepeat(_ address: UserAddress) throws(Errno) -> Int {
        guard device.core.withLock({ $0.state.supportedCodes(0).contains(InputCode.evRepeat) }) else { throw .notImplemented }
        let (delay, period) = device.core.withLock { ($0.keyRepeat.delayMilliseconds, $0.keyRepeat.periodMilliseconds) }
        return try give(UInt64(period) << 32 | UInt64(delay), address)
    }

    private func setRepeat(_ address: UserAddress) throws(Errno) -> Int {
        guard device.core.withLock({ $0.state.supportedCodes(0).contains(InputCode.evRepeat) }) else { throw .notImplemented }
        let value = try copyIn(UInt64.self, from: address)
        device.core.withLock { core in
            core.keyRepeat.delayMilliseconds = UInt32(truncatingIfNeeded: value)
            core.keyRepeat.periodMilliseconds = UInt32(truncatingIfNeeded: value >> 32)
            if core.keyRepeat.delayMilliseconds == 0 || core.keyRepeat.periodMilliseconds == 0 { core.keyRepeat.stop() }
        }
        return 0
    }
}
