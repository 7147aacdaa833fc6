// Input devices of the kernel (/dev/input/event*, the evdev interface).

import ABI
import System

/// Receives what devices report.
public protocol InputSink: AnyObject {
    func key(_ code: UInt32, isPressed: Bool, timeMilliseconds: UInt32)
    func button(_ code: UInt32, isPressed: Bool, timeMilliseconds: UInt32)
    func moved(byX x: Int32, y: Int32, timeMilliseconds: UInt32)
    /// A position as parts of 65536 of the device's range.
    func moved(toX x: Int32, y: Int32, timeMilliseconds: UInt32)
    /// In 1/120 of a detent, positive to the right and down.
    func scrolled(x120: Int32, y120: Int32, timeMilliseconds: UInt32)
    /// The end of a report that moved or pressed something of a pointer.
    func pointerFrame()
}

/// The codes of a type that a device can send, as a bit set; type 0 asks for the types.
private func supportedCodes(_ file: borrowing FileDescriptor, _ type: UInt16) -> [UInt8] {
    var bits = InlineArray<96, UInt8>(repeating: 0)
    _ = try? file.control(UInt(EvdevRequest.getBits(type, 96).rawValue), &bits)
    return bits.indices.map { bits[$0] }
}

private func has(_ bits: [UInt8], _ code: UInt16) -> Bool { bits[Int(code) / 8] & (1 << (code % 8)) != 0 }

private func axis(_ file: borrowing FileDescriptor, _ code: UInt16) -> InputAxis {
    var axis = InputAxis()
    _ = try? file.control(UInt(EvdevRequest.getAxis(code).rawValue), &axis)
    return axis
}

/// One device: a keyboard, a mouse, a tablet or several of them in one.
public final class InputDevice {
    private let file: FileDescriptor
    public let path: String
    private let axisX: InputAxis
    private let axisY: InputAxis
    private let hasHighResolutionWheel: Bool

    // What a report has said so far.
    private var deltaX: Int32 = 0
    private var deltaY: Int32 = 0
    private var absoluteX: Int32?
    private var absoluteY: Int32?
    private var lastX: Int32 = 0
    private var lastY: Int32 = 0
    private var wheelX: Int32 = 0
    private var wheelY: Int32 = 0
    private var movedPointer = false
    /// Events were lost: the rest of the report is not to be trusted.
    private var isResynchronising = false
    private var pressed: [UInt32] = []

    /// Opens a device; nil if it has neither keys nor axes.
    public init?(path: String) throws(Errno) {
        self.path = path
        file = try FileDescriptor.open(path, .readOnly, .nonBlocking)
        let types = supportedCodes(file, 0)
        guard has(types, InputCode.evKey) || has(types, InputCode.evRelative) || has(types, InputCode.evAbsolute) else {
            return nil
        }
        hasHighResolutionWheel = has(supportedCodes(file, InputCode.evRelative), InputCode.relWheelHighResolution)
        let isAbsolute = has(types, InputCode.evAbsolute)
        axisX = isAbsolute ? axis(file, InputCode.absX) : InputAxis()
        axisY = isAbsolute ? axis(file, InputCode.absY) : InputAxis()
        lastX = axisX.value
        lastY = axisY.value
        // Times on the monotonic clock, as Wayland's are.
        var clock: Int32 = 1
        _ = try? file.control(UInt(EvdevRequest.setClock.rawValue), &clock)
    }

    /// Runs `body` with the descriptor, for registering it with an event queue.
    public func withDescriptor(_ body: (borrowing FileDescriptor) -> Void) { body(file) }

    /// Hands over what has come; false when the device is gone.
    public func read(into sink: any InputSink) -> Bool {
        var events = InlineArray<64, InputEvent>(repeating: InputEvent())
        // A device cannot keep the compositor busy for ever: the rest comes with the next turn.
        for _ in 0..<4 {
            let size = MemoryLayout<InputEvent>.stride
            let count: Int
            do throws(Errno) {
                count = try withUnsafeMutableBytes(of: &events) { bytes throws(Errno) in try file.read(into: bytes) }
            } catch {
                return error == .wouldBlock
            }
            guard count >= size else { return false }
            for index in 0..<(count / size) { handle(events[index], sink) }
            if count < 64 * size { return true }
        }
        return true
    }

    private func handle(_ event: InputEvent, _ sink: any InputSink) {
        let time = UInt32(truncatingIfNeeded: event.seconds &* 1000 &+ event.microseconds / 1000)
        if event.type == InputCode.evSynchronize {
            if event.code == InputCode.synDropped {
                isResynchronising = true
                releaseAll(sink, time)
            } else if event.code == InputCode.synReport {
                if !isResynchronising { finishReport(sink, time) }
                isResynchronising = false
            }
            return
        }
        guard !isResynchronising else { return }
        switch event.type {
        case InputCode.evKey: key(event, sink, time)
        case InputCode.evRelative: relative(event)
        case InputCode.evAbsolute:
            if event.code == InputCode.absX { absoluteX = event.value }
            if event.code == InputCode.absY { absoluteY = event.value }
        default: break
        }
    }

    private func key(_ event: InputEvent, _ sink: any InputSink, _ time: UInt32) {
        // Value 2 is the kernel's repetition; clients repeat keys themselves.
        guard event.value == 0 || event.value == 1 else { return }
        let code = UInt32(event.code)
        let isPressed = event.value == 1
        if isPressed { if pressed.count < 64 { pressed.append(code) } } else { pressed.removeAll { $0 == code } }
        send(code, isPressed, sink, time)
    }

    private func send(_ code: UInt32, _ isPressed: Bool, _ sink: any InputSink, _ time: UInt32) {
        let isButton = (0x110...0x117).contains(code) || code == UInt32(InputCode.buttonTouch)
        if isButton {
            // The position comes first: a tablet presses where it points.
            flushMotion(sink, time)
            movedPointer = true
            sink.button(
                code == UInt32(InputCode.buttonTouch) ? UInt32(InputCode.buttonLeft) : code, isPressed: isPressed,
                timeMilliseconds: time)
        } else {
            sink.key(code, isPressed: isPressed, timeMilliseconds: time)
        }
    }

    private func relative(_ event: InputEvent) {
        switch event.code {
        case InputCode.relX: deltaX = deltaX &+ event.value
        case InputCode.relY: deltaY = deltaY &+ event.value
        case InputCode.relWheelHighResolution: wheelY = wheelY &- event.value
        case InputCode.relHorizontalWheelHighResolution: wheelX = wheelX &+ event.value
        case InputCode.relWheel: if !hasHighResolutionWheel { wheelY = wheelY &- event.value &* 120 }
        case InputCode.relHorizontalWheel: if !hasHighResolutionWheel { wheelX = wheelX &+ event.value &* 120 }
        default: break
        }
    }

    private func flushMotion(_ sink: any InputSink, _ time: UInt32) {
        if deltaX != 0 || deltaY != 0 {
            sink.moved(byX: deltaX, y: deltaY, timeMilliseconds: time)
            deltaX = 0
            deltaY = 0
            movedPointer = true
        }
        if absoluteX != nil || absoluteY != nil {
            lastX = absoluteX ?? lastX
            lastY = absoluteY ?? lastY
            absoluteX = nil
            absoluteY = nil
            sink.moved(toX: part(lastX, axisX), y: part(lastY, axisY), timeMilliseconds: time)
            movedPointer = true
        }
    }

    /// A position as parts of 65536 of its axis.
    private func part(_ value: Int32, _ axis: InputAxis) -> Int32 {
        let range = Int64(axis.maximum) - Int64(axis.minimum)
        guard range > 0 else { return 0 }
        let offset = min(max(Int64(value) - Int64(axis.minimum), 0), range)
        return Int32(clamping: offset * 65536 / (range + 1))
    }

    private func finishReport(_ sink: any InputSink, _ time: UInt32) {
        flushMotion(sink, time)
        if wheelX != 0 || wheelY != 0 {
            sink.scrolled(x120: wheelX, y120: wheelY, timeMilliseconds: time)
            wheelX = 0
            wheelY = 0
            movedPointer = true
        }
        if movedPointer {
            movedPointer = false
            sink.pointerFrame()
        }
    }

    /// Nothing stays pressed when events were lost or the device went.
    public func releaseAll(_ sink: any InputSink, _ time: UInt32) {
        let held = pressed
        pressed = []
        for code in held { send(code, false, sink, time) }
    }
}
