// Keys: which symbol they give, and their repetition.

import Keymap
import KeymapText
import System
import WaylandClient

final class Keyboard {
    private unowned(unsafe) let seat: Seat
    private var proxy: WlKeyboard.Proxy
    private var table: KeyTable?
    private(set) var modifiers: Modifiers = []
    private var deadKeys = DeadKeys()
    private var focus: Window?
    private var repeatTimer: LoopTimer?
    private var repeatCode: UInt32?
    /// As people know it until the server says otherwise.
    private var delayMilliseconds = 400
    private var intervalMilliseconds = 30

    init(_ seat: Seat) {
        self.seat = seat
        let connection = seat.display.connection
        // SAFETY: the seat owns this object and releases it before it goes; the connection goes with the seat.
        proxy = WlKeyboard.Proxy(connection.outbox, .display, version: seat.proxy.version)
        unowned(unsafe) let this = self
        let id = connection.create(carriesDescriptors: true) { message throws(WireError) in try this.receive(&message) }
        seat.proxy.getKeyboard(id: id)
        proxy = WlKeyboard.Proxy(connection.outbox, id, version: seat.proxy.version)
        do throws(Errno) {
            let timer = try LoopTimer(seat.display.application.loop)
            timer.action = { this.repeatKey() }
            repeatTimer = timer
        } catch { Log.write("toolkit", "no key repeat: \(error.message)") }
    }

    func release() {
        stopRepeating()
        setFocus(nil)
        Retired.keep(self)
        if proxy.version >= 3 { proxy.release() }
        seat.display.connection.retire(proxy.id)
    }

    private func receive(_ message: inout IncomingMessage) throws(WireError) {
        let event = try WlKeyboard.Event.decode(&message, version: proxy.version)
        switch event {
        case .keymap(let format, let file, let size): if let file = file.take() { load(format, file, size) }
        case .enter(let serial, let surface, _):
            seat.serial = serial
            setFocus(seat.display.window(of: surface))
        case .leave(let serial, _):
            seat.serial = serial
            stopRepeating()
            setFocus(nil)
        case .key(let serial, _, let code, let state):
            seat.serial = serial
            key(code, pressed: state == .pressed)
        case .modifiers(_, let depressed, let latched, let locked, _):
            modifiers = Modifiers(rawValue: (depressed | latched | locked) & 0xFF)
        case .repeatInfo(let rate, let delay):
            intervalMilliseconds = rate > 0 ? max(1000 / Int(rate), 1) : 0
            delayMilliseconds = max(Int(delay), 1)
        }
    }

    /// Reads the keymap. One that cannot be read leaves the keyboard as it was, and says so.
    private func load(_ format: WlKeyboard.KeymapFormat, _ file: borrowing FileDescriptor, _ size: UInt32) {
        guard format == .xkbV1, size > 0, size < 16 << 20 else { return }
        do throws(Errno) {
            let mapping = try MemoryMapping(private: file, byteCount: Int(size), .read)
            let text = UnsafeRawBufferPointer(mapping.bytes)
            do throws(KeymapTextError) {
                if let baked = BakedKeymaps.table(of: text, seat.display.application.resources) {
                    table = baked
                } else {
                    table = try KeymapText.table(text)
                }
            } catch { Log.write("toolkit", "the keymap cannot be read") }
        } catch { Log.write("toolkit", "the keymap cannot be mapped: \(error.message)") }
    }

    private func setFocus(_ window: Window?) {
        guard focus !== window else { return }
        let old = focus
        focus = window
        deadKeys.reset()
        old?.setFocused(false)
        window?.setFocused(true)
    }

    func forget(_ window: Window) {
        guard focus === window else { return }
        stopRepeating()
        focus = nil
    }

    private func key(_ code: UInt32, pressed: Bool) {
        if pressed {
            deliver(code, .press)
            if let table, table.repeats(code), intervalMilliseconds > 0, focus != nil {
                repeatCode = code
                repeatTimer?.start(afterMilliseconds: delayMilliseconds, intervalMilliseconds: intervalMilliseconds)
            }
        } else {
            if repeatCode == code { stopRepeating() }
            deliver(code, .release)
        }
    }

    private func deliver(_ code: UInt32, _ kind: KeyEvent.Kind) {
        guard let table, let focus else { return }
        let symbol = table.symbol(code, modifiers)
        guard symbol != 0 else { return }
        var character = KeyTable.character(of: symbol)
        if kind != .release {
            switch deadKeys.press(symbol: symbol, character: character) {
            case .unchanged: break
            case .waiting: return
            case .character(let composed): character = composed
            }
        }
        focus.deliver(KeyEvent(kind: kind, symbol: symbol, character: character, modifiers: modifiers, code: code))
    }

    private func repeatKey() { if let repeatCode { deliver(repeatCode, .repeating) } }

    private func stopRepeating() {
        guard repeatCode != nil else { return }
        repeatCode = nil
        repeatTimer?.stop()
    }
}

/// Objects whose handlers may still be called once because their events carry descriptors. A seat loses its keyboard so
/// seldom that keeping it is cheaper than finding out when the server is done with it.
enum Retired {
    nonisolated(unsafe) private static var keyboards: [Keyboard] = []

    static func keep(_ keyboard: Keyboard) { keyboards.append(keyboard) }
}
