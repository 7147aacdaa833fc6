import ABI
import InputModel
import Support

/// A keyboard at the first port.
final class PS2Keyboard: InputDevice {
    private struct Decoding: ~Copyable {
        var decoder: PS2KeyboardDecoder
        /// What the LEDs are to show, and how far telling the keyboard has come.
        var leds: UInt8 = 0
        var ledStep = LEDStep.idle
    }
    private enum LEDStep: UInt8 { case idle, commandSent, valueSent }
    private let decoding: SpinLock<Decoding>

    init(set: PS2KeyboardDecoder.ScanCodeSet) {
        decoding = SpinLock(Decoding(decoder: PS2KeyboardDecoder(set: set)))
        super.init(
            name: "AT Translated Set 2 keyboard", physicalPath: "isa0060/serio0/input0",
            identity: InputIdentity(bus: InputIdentity.busI8042, vendor: 1, product: 1, version: 0xAB41))
        describe { state in
            state.support(InputCode.evKey, PS2KeyboardDecoder.allKeyCodes)
            var leds = CodeSet()
            leds.insert(InputCode.ledNumLock...InputCode.ledScrollLock)
            state.support(InputCode.evLED, leds)
            state.supportType(InputCode.evRepeat)
        }
    }

    /// A byte from the keyboard.
    func take(_ byte: UInt8) {
        let key: PS2Key? = decoding.withLock { decoding in
            if byte == 0xFA { acknowledged(&decoding) }
            return decoding.decoder.decode(byte)
        }
        guard let key else { return }
        report(type: InputCode.evKey, code: key.code, value: key.isPressed ? 1 : 0)
        synchronize()
        if key.code == 119, key.isPressed {
            // Pause sends no release of its own.
            report(type: InputCode.evKey, code: key.code, value: 0)
            synchronize()
        }
    }

    /// The keyboard took a byte of the LED command: the next one may follow.
    private func acknowledged(_ decoding: inout Decoding) {
        switch decoding.ledStep {
        case .idle: break
        case .commandSent:
            PS2Port.writeQuickly(decoding.leds)
            decoding.ledStep = .valueSent
        case .valueSent: decoding.ledStep = .idle
        }
    }

    override func output(type: UInt16, code: UInt16, value: Int32) {
        guard type == InputCode.evLED else { return }
        // The keyboard's order is scroll, num, caps.
        let bit: UInt8 = code == InputCode.ledScrollLock ? 1 : code == InputCode.ledNumLock ? 2 : 4
        decoding.withLock { decoding in
            decoding.leds = value != 0 ? decoding.leds | bit : decoding.leds & ~bit
            PS2Port.writeQuickly(0xED)
            decoding.ledStep = .commandSent
        }
    }
}

/// A mouse at the second port.
final class PS2Mouse: InputDevice {
    private let decoder: SpinLock<PS2MouseDecoder>

    init(hasWheel: Bool) {
        decoder = SpinLock(PS2MouseDecoder(hasWheel: hasWheel))
        super.init(
            name: hasWheel ? "ImPS/2 Generic Wheel Mouse" : "PS/2 Generic Mouse", physicalPath: "isa0060/serio1/input0",
            identity: InputIdentity(bus: InputIdentity.busI8042, vendor: 2, product: hasWheel ? 5 : 1, version: 0))
        describe { state in
            var buttons = CodeSet()
            buttons.insert(InputCode.buttonLeft...InputCode.buttonMiddle)
            state.support(InputCode.evKey, buttons)
            var axes = CodeSet()
            axes.insert(InputCode.relX...InputCode.relY)
            if hasWheel {
                axes.insert(InputCode.relWheel)
                axes.insert(InputCode.relWheelHighResolution)
            }
            state.support(InputCode.evRelative, axes)
            state.properties.insert(InputCode.propertyPointer)
        }
    }

    /// A byte from the mouse. Called in interrupts.
    func take(_ byte: UInt8, at time: UInt64) {
        switch decoder.withLock({ $0.decode(byte, at: time) }) {
        case nil: return
        case .reconnected:
            // It starts without wheel reports; enabling it again is one byte through the controller.
            decoder.withLock { $0 = PS2MouseDecoder(hasWheel: false) }
            if PS2Port.command(0xD4) { PS2Port.writeQuickly(0xF4) }
        case .report(let movement):
            report(type: InputCode.evKey, code: InputCode.buttonLeft, value: movement.isLeftPressed ? 1 : 0)
            report(type: InputCode.evKey, code: InputCode.buttonRight, value: movement.isRightPressed ? 1 : 0)
            report(type: InputCode.evKey, code: InputCode.buttonMiddle, value: movement.isMiddlePressed ? 1 : 0)
            report(type: InputCode.evRelative, code: InputCode.relX, value: movement.x)
            report(type: InputCode.evRelative, code: InputCode.relY, value: movement.y)
            report(type: InputCode.evRelative, code: InputCode.relWheel, value: movement.wheel)
            report(type: InputCode.evRelative, code: InputCode.relWheelHighResolution, value: movement.wheel &* 120)
            synchronize()
        }
    }
}
