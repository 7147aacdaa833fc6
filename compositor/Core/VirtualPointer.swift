// wlr-virtual-pointer: a client that moves the pointer, for remote control and for people who use no mouse.

import Gfx
import Scene
import WaylandServer

/// A `zwlr_virtual_pointer_v1`. What it does happens with its frame request.
final class VirtualPointer {
    private enum Act {
        case move(FinePoint)
        case moveTo(FinePoint)
        case button(UInt32, isPressed: Bool)
    }

    // SAFETY: a client ends its objects before it goes away.
    private unowned(unsafe) let client: Client
    private let id: ObjectID
    private var acts: [Act] = []
    private var scroll: PointerScroll?
    private var time: UInt32 = 0
    private var pressed: [UInt32] = []
    /// More acts in one frame are dropped.
    private static var actLimit: Int { 256 }

    init(_ client: Client, _ id: ObjectID) {
        self.client = client
        self.id = id
    }

    func handle(_ request: ZwlrVirtualPointerV1.Request) {
        switch request {
        case .motion(let time, let dx, let dy): append(.move(FinePoint(x: dx.rawValue, y: dy.rawValue)), time)
        case .motionAbsolute(let time, let x, let y, let width, let height):
            guard width > 0, height > 0 else { return }
            let size = client.compositor.scene.bounds.size
            let position = FinePoint(
                x: Int32(clamping: Int64(x) * Int64(size.width) * 256 / Int64(width)),
                y: Int32(clamping: Int64(y) * Int64(size.height) * 256 / Int64(height)))
            append(.moveTo(position), time)
        case .button(let time, let button, let state): append(.button(button, isPressed: state == .pressed), time)
        case .axis(let time, let axis, let value): self.axis(axis, time) { $0.distance = value.rawValue }
        case .axisSource(let source):
            guard source.rawValue <= 3 else { return fail(.invalidAxisSource, "source \(source.rawValue)") }
            addScroll(time) { $0.source = source.rawValue }
        case .axisStop(let time, let axis): self.axis(axis, time) { $0.stops = true }
        case .axisDiscrete(let time, let axis, let value, let discrete):
            self.axis(axis, time) {
                $0.distance = value.rawValue
                $0.value120 = Int32(clamping: Int64(discrete) * 120)
            }
        case .frame: perform()
        case .destroy:
            end()
            client.remove(id)
        }
    }

    private func fail(_ code: ZwlrVirtualPointerV1.ErrorCode, _ message: String) { client.fail(id, code.rawValue, message) }

    private func append(_ act: Act, _ newTime: UInt32) {
        time = newTime
        if acts.count < VirtualPointer.actLimit { acts.append(act) }
    }

    private func axis(_ axis: WlPointer.Axis, _ newTime: UInt32, _ change: (inout PointerScroll.Axis) -> Void) {
        switch axis {
        case .verticalScroll: addScroll(newTime) { change(&$0.vertical) }
        case .horizontalScroll: addScroll(newTime) { change(&$0.horizontal) }
        default: fail(.invalidAxis, "axis \(axis.rawValue)")
        }
    }

    private func addScroll(_ newTime: UInt32, _ change: (inout PointerScroll) -> Void) {
        time = newTime
        var current = scroll ?? PointerScroll(timeMilliseconds: newTime, source: nil)
        change(&current)
        scroll = current
    }

    private func perform() {
        let seat = client.compositor.seat
        for act in acts {
            switch act {
            case .move(let delta): seat.movePointer(by: delta, timeMilliseconds: time)
            case .moveTo(let position): seat.movePointer(to: position, timeMilliseconds: time)
            case .button(let code, let isPressed):
                if isPressed { pressed.append(code) } else { pressed.removeAll { $0 == code } }
                seat.pressButton(PointerButton(code: code, isPressed: isPressed, timeMilliseconds: time))
            }
        }
        acts = []
        if let scroll { seat.scroll(scroll) }
        scroll = nil
        seat.pointerFrame()
    }

    /// What it holds is let go.
    func end() {
        acts = pressed.map { .button($0, isPressed: false) }
        scroll = nil
        if !acts.isEmpty { perform() }
    }
}

extension Client {
    func virtualPointers(_ id: ObjectID, _ request: ZwlrVirtualPointerManagerV1.Request) throws(WireError) {
        switch request {
        case .createVirtualPointer(_, let new), .createVirtualPointerWithOutput(_, _, let new):
            try add(new, version(id), .virtualPointer(VirtualPointer(self, new)))
        case .destroy: remove(id)
        }
    }
}
