// Keys and pointer, as a person would use them, through QMP's input-send-event.

import Foundation

/// Buttons of a pointer, by QEMU's names.
public enum PointerButton: String, Sendable {
    case left, middle, right
    case wheelUp = "wheel-up"
    case wheelDown = "wheel-down"
}

extension Machine {
    /// Pause between two keystrokes. QEMU's PS/2 queue holds 16 bytes and drops what does not fit, so keys come at a
    /// pace that a very quick person has; nothing waits for a state by it.
    private static let keystrokeSeconds = 0.012

    private func send(_ events: [JSON]) throws {
        try qmp.execute("input-send-event", ["events": .array(events)])
    }

    private func keyEvent(_ key: Key, _ down: Bool) -> JSON {
        .object([
            "type": .string("key"),
            "data": .object([
                "down": .bool(down), "key": .object(["type": .string("qcode"), "data": .string(key.name)]),
            ]),
        ])
    }

    /// Holds keys down in order and releases them in the opposite order: `press(.control, "c")`.
    public func press(_ keys: Key...) throws { try press(keys) }

    /// Holds keys down in order and releases them in the opposite order.
    public func press(_ keys: [Key]) throws {
        try send(keys.map { keyEvent($0, true) })
        Thread.sleep(forTimeInterval: Machine.keystrokeSeconds)
        try send(keys.reversed().map { keyEvent($0, false) })
        Thread.sleep(forTimeInterval: Machine.keystrokeSeconds)
    }

    /// Puts keys down or releases them, for gestures that `press` cannot say.
    public func hold(_ key: Key) throws { try send([keyEvent(key, true)]) }
    public func release(_ key: Key) throws { try send([keyEvent(key, false)]) }

    /// Types text on a US keyboard; throws for a character that it does not have.
    public func type(_ text: String) throws {
        for character in text {
            guard let stroke = Keystroke(character) else { throw TestFailure("no key for \"\(character)\"") }
            try press(stroke.isShifted ? [.shift, stroke.key] : [stroke.key])
        }
    }

    /// Moves an absolute pointer (tablet) to a pixel of a screen of the given size.
    public func movePointer(x: Int, y: Int, screen: (width: Int, height: Int) = (1280, 800)) throws {
        // QEMU's axes go from 0 to 32767 over the screen; the middle of the pixel survives rounding on the way.
        let axes = [("x", (2 * x + 1) * 32768 / (2 * screen.width)), ("y", (2 * y + 1) * 32768 / (2 * screen.height))]
        try send(
            axes.map { axis, value in
                .object([
                    "type": .string("abs"), "data": .object(["axis": .string(axis), "value": .int(min(value, 32767))]),
                ])
            })
    }

    /// Moves a relative pointer (mouse) by counts, in steps that a PS/2 packet can hold.
    public func movePointer(byX dx: Int, y dy: Int) throws {
        var (x, y) = (dx, dy)
        while x != 0 || y != 0 {
            let step = (max(-100, min(100, x)), max(-100, min(100, y)))
            try send(
                [("x", step.0), ("y", step.1)].map { axis, value in
                    .object(["type": .string("rel"), "data": .object(["axis": .string(axis), "value": .int(value)])])
                })
            (x, y) = (x - step.0, y - step.1)
            Thread.sleep(forTimeInterval: Machine.keystrokeSeconds)
        }
    }

    /// Presses or releases a button where the pointer is.
    public func button(_ button: PointerButton, isDown: Bool) throws {
        try send([
            .object([
                "type": .string("btn"), "data": .object(["down": .bool(isDown), "button": .string(button.rawValue)]),
            ])
        ])
    }

    /// Presses and releases a button where the pointer is.
    public func click(_ which: PointerButton = .left) throws {
        try button(which, isDown: true)
        Thread.sleep(forTimeInterval: Machine.keystrokeSeconds)
        try button(which, isDown: false)
        Thread.sleep(forTimeInterval: Machine.keystrokeSeconds)
    }

    /// Moves an absolute pointer and clicks.
    public func click(x: Int, y: Int, screen: (width: Int, height: Int) = (1280, 800)) throws {
        try movePointer(x: x, y: y, screen: screen)
        try click()
    }

    /// Drags with an absolute pointer, in steps as a hand would.
    public func drag(from: (x: Int, y: Int), to: (x: Int, y: Int), screen: (width: Int, height: Int) = (1280, 800)) throws {
        try movePointer(x: from.x, y: from.y, screen: screen)
        try button(.left, isDown: true)
        for step in 1...8 {
            Thread.sleep(forTimeInterval: Machine.keystrokeSeconds)
            let (x, y) = (from.x + (to.x - from.x) * step / 8, from.y + (to.y - from.y) * step / 8)
            try movePointer(x: x, y: y, screen: screen)
        }
        Thread.sleep(forTimeInterval: Machine.keystrokeSeconds)
        try button(.left, isDown: false)
    }
}
