import ABI
import InputModel
import Testing

private func event(_ type: UInt16, _ code: UInt16, _ value: Int32 = 0) -> InputEvent {
    InputEvent(type: type, code: code, value: value)
}
private let report = event(InputCode.evSynchronize, InputCode.synReport)

/// A ring that the test macros can call: they cannot hold a value that is not copyable.
private final class Client {
    private var ring: EvdevRing
    init(capacity: Int) { ring = EvdevRing(capacity: capacity) }
    func push(_ event: InputEvent) { ring.push(event) }
    func pop() -> InputEvent? { ring.pop() }
    func clear() { ring.removeAllAndReport(at: InputEvent()) }
    var readableCount: Int { ring.readableCount }
}

@Suite struct EvdevRingTests {
    @Test func onlyWholePacketsAreRead() {
        let ring = Client(capacity: 8)
        ring.push(event(1, 30, 1))
        #expect(ring.readableCount == 0 && ring.pop() == nil)
        ring.push(report)
        #expect(ring.readableCount == 2)
        #expect(ring.pop()?.code == 30)
        #expect(ring.pop()?.type == 0)
        #expect(ring.pop() == nil)
    }

    @Test func overflowLeavesDroppedAndTheNewest() {
        let ring = Client(capacity: 8)
        for code in UInt16(0)..<8 { ring.push(event(1, code, 1)) }
        // The eighth event filled the ring; the marker is readable at once, the event when its packet ends.
        #expect(ring.readableCount == 0)
        ring.push(report)
        #expect(ring.readableCount == 3)
        let first = ring.pop()
        #expect(first?.type == 0 && first?.code == InputCode.synDropped)
        #expect(ring.pop()?.code == 7)
        #expect(ring.pop()?.code == InputCode.synReport)
        #expect(ring.pop() == nil)
    }

    @Test func longRunNeverShowsATornPacket() {
        let ring = Client(capacity: 64)
        var random = SystemRandomNumberGenerator()
        var inPacket = 0, sinceDropped = false
        for round in 0..<20_000 {
            for code in 0..<UInt16.random(in: 1...20, using: &random) { ring.push(event(3, code, Int32(round))) }
            ring.push(report)
            if Bool.random(using: &random) { continue }
            while let next = ring.pop() {
                if next.type == 0, next.code == InputCode.synDropped {
                    sinceDropped = true; inPacket = 0
                } else if next.type == 0 {
                    sinceDropped = false; inPacket = 0
                } else {
                    if !sinceDropped { #expect(Int(next.code) == inPacket) }
                    inPacket += 1
                }
            }
        }
    }

    @Test func changingTheClockReportsALoss() {
        let ring = Client(capacity: 8)
        ring.clear()
        #expect(ring.pop() == nil)
        ring.push(event(1, 1, 1))
        ring.push(report)
        ring.clear()
        #expect(ring.pop()?.code == InputCode.synDropped)
        #expect(ring.pop() == nil)
    }
}

private final class State {
    private var state = InputState()
    init(keys: CodeSet) { state.support(InputCode.evKey, keys) }
    func accept(type: UInt16, code: UInt16, value: Int32) -> Bool { state.accept(type: type, code: code, value: value) }
    var firstPressedKey: UInt16? { state.firstPressedKey }
}

@Suite struct InputStateTests {
    @Test func onlyChangesPass() {
        var keys = CodeSet()
        keys.insert(30)
        let state = State(keys: keys)
        #expect(!state.accept(type: 1, code: 31, value: 1))
        #expect(!state.accept(type: 1, code: 30, value: 2))
        #expect(!state.accept(type: 0, code: 0, value: 0))
        #expect(state.accept(type: 1, code: 30, value: 1))
        #expect(!state.accept(type: 1, code: 30, value: 1))
        #expect(state.accept(type: 1, code: 30, value: 2))
        #expect(state.firstPressedKey == 30)
        #expect(state.accept(type: 0, code: 0, value: 0))
        #expect(!state.accept(type: 0, code: 0, value: 0))
        #expect(state.accept(type: 1, code: 30, value: 0))
        #expect(state.firstPressedKey == nil)
        #expect(!state.accept(type: 77, code: 900, value: 0))
    }

    @Test func codeSetsKeepTheirBounds() {
        var set = CodeSet()
        set.insert(767)
        set.insert(768)
        set.insert(9)
        #expect(set.contains(767) && !set.contains(768))
        #expect(set.byte(1) == 2 && set.byte(95) == 0x80 && set.byte(96) == 0 && set.byte(-1) == 0)
        set.setByte(0, 0x81)
        #expect(set.contains(0) && set.contains(7) && set.contains(9))
        set.remove(9)
        #expect(!set.contains(9))
    }

    @Test func repeatFollowsTheLastKey() {
        var state = KeyRepeat()
        let due = state.keyChanged(30, isPressed: true, at: 0)
        #expect(due == 250_000_000)
        _ = state.keyChanged(31, isPressed: true, at: 0)
        _ = state.keyChanged(30, isPressed: false, at: 0)
        #expect(state.key == 31)
        _ = state.keyChanged(31, isPressed: false, at: 0)
        #expect(state.key == nil)
    }
}

@Suite struct PS2Tests {
    private func keys(_ bytes: [UInt8], _ set: PS2KeyboardDecoder.ScanCodeSet) -> [PS2Key] {
        var decoder = PS2KeyboardDecoder(set: set)
        return bytes.compactMap { decoder.decode($0) }
    }
    private func key(_ code: UInt16, _ isPressed: Bool) -> PS2Key { PS2Key(code: code, isPressed: isPressed) }

    @Test func setOne() {
        #expect(keys([0x1E, 0x9E], .one) == [key(30, true), key(30, false)])
        #expect(keys([0xE0, 0x48, 0xE0, 0xC8], .one) == [key(103, true), key(103, false)])
        #expect(keys([0xE0, 0x2A, 0xE0, 0x37, 0xE0, 0xB7, 0xE0, 0xAA], .one) == [key(99, true), key(99, false)])
        #expect(keys([0xE1, 0x1D, 0x45, 0xE1, 0x9D, 0xC5], .one) == [key(119, true)])
        #expect(keys([0x2A, 0xAA], .one) == [key(42, true), key(42, false)])
    }

    @Test func setTwo() {
        #expect(keys([0x1C, 0xF0, 0x1C], .two) == [key(30, true), key(30, false)])
        #expect(keys([0xE0, 0x75, 0xE0, 0xF0, 0x75], .two) == [key(103, true), key(103, false)])
        #expect(keys([0xE1, 0x14, 0x77, 0xE1, 0xF0, 0x14, 0xF0, 0x77], .two) == [key(119, true)])
        #expect(keys([0x83, 0xF0, 0x83], .two) == [key(65, true), key(65, false)])
        #expect(keys([0xAA, 0x5A], .two) == [key(28, true)])
    }

    /// After any bytes at all, a few releases bring the decoder back: it never stays stuck in a prefix.
    @Test(arguments: [PS2KeyboardDecoder.ScanCodeSet.one, .two])
    func randomBytesDoNotWedgeTheKeyboard(_ set: PS2KeyboardDecoder.ScanCodeSet) {
        var random = SystemRandomNumberGenerator()
        for _ in 0..<2000 {
            var decoder = PS2KeyboardDecoder(set: set)
            for _ in 0..<Int.random(in: 0...40, using: &random) { _ = decoder.decode(.random(in: 0...255, using: &random)) }
            for _ in 0..<8 { _ = decoder.decode(0x66) }
            let pressed = decoder.decode(set == .one ? 0x1E : 0x1C)
            #expect(pressed == key(30, true))
        }
    }

    @Test func everyCodeIsAKeyOfLinux() {
        let codes = PS2KeyboardDecoder.allKeyCodes
        for code in [1, 14, 28, 30, 57, 88, 86, 96, 97, 100, 103, 105, 106, 108, 111, 125, 119] as [UInt16] {
            #expect(codes.contains(code))
        }
        #expect(!codes.contains(0) && !codes.contains(0xFF))
    }

    private func reports(_ bytes: [UInt8], hasWheel: Bool) -> [PS2MouseDecoder.Event] {
        var decoder = PS2MouseDecoder(hasWheel: hasWheel)
        var time: UInt64 = 0
        return bytes.compactMap { byte in
            time += 1_000_000
            return decoder.decode(byte, at: time)
        }
    }

    @Test func mouseReports() {
        var expected = PS2MouseReport()
        expected.x = 5
        expected.y = 3
        expected.isLeftPressed = true
        #expect(reports([0x29, 5, 0xFD], hasWheel: false) == [.report(expected)])
        expected.wheel = -1
        #expect(reports([0x29, 5, 0xFD, 1], hasWheel: true) == [.report(expected)])
        // Overflow: buttons count, the distance does not.
        var still = PS2MouseReport()
        still.isRightPressed = true
        #expect(reports([0x4A, 0xFF, 0], hasWheel: false) == [.report(still)])
        #expect(reports([0xAA, 0x00], hasWheel: true) == [.reconnected])
    }

    @Test func mouseFindsItsWayBack() {
        // A stray byte without the marker is skipped.
        #expect(reports([0x00, 0x08, 1, 0], hasWheel: false).count == 1)
        // Half a report, then silence: the next byte starts a new one.
        var decoder = PS2MouseDecoder(hasWheel: false)
        let bytes: [(UInt8, UInt64)] = [(0x08, 0), (9, 1), (0x08, 2000), (1, 2001), (0, 2002)]
        let events = bytes.map { decoder.decode($0.0, at: $0.1 * 1_000_000) }
        var expected = PS2MouseReport()
        expected.x = 1
        #expect(events == [nil, nil, nil, nil, .report(expected)])
    }
}
