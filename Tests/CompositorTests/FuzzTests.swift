import Gfx
import Scene
import System
import Testing
import WaylandClient

@testable import CompositorCore

/// Whatever bytes come, the compositor goes on. A failing seed is its own record.
@Suite(.serialized) struct FuzzTests {
    /// A conversation that touches most of the protocol.
    private static func conversation(_ window: TestWindow) throws {
        let client = window.client
        try window.show(120, 80)
        window.toplevel.setTitle(title: "fuzz")
        window.toplevel.setAppId(appId: "fuzz")
        window.toplevel.setMaximized()
        window.toplevel.setMinSize(width: 10, height: 10)
        let region = WlRegion.Proxy(client.outbox, client.newID(), version: 1)
        window.compositor.createRegion(id: region.id)
        region.add(x: 0, y: 0, width: 50, height: 50)
        region.subtract(x: 10, y: 10, width: 5, height: 5)
        window.surface.setOpaqueRegion(region: region.id)
        window.surface.setInputRegion(region: region.id)
        window.seat.getPointer(id: client.newID())
        window.seat.getKeyboard(id: client.newID())
        let positioner = XdgPositioner.Proxy(client.outbox, client.newID(), version: 5)
        window.base.createPositioner(id: positioner.id)
        positioner.setSize(width: 20, height: 20)
        positioner.setAnchorRect(x: 0, y: 0, width: 5, height: 5)
        positioner.setConstraintAdjustment(constraintAdjustment: 63)
        let popupSurface = client.newID()
        window.compositor.createSurface(id: popupSurface)
        let popup = XdgSurface.Proxy(client.outbox, client.newID(), version: 5)
        window.base.getXdgSurface(id: popup.id, surface: popupSurface)
        popup.getPopup(id: client.newID(), parent: window.xdgSurface.id, positioner: positioner.id)
        WlSurface.Proxy(client.outbox, popupSurface, version: 5).commit()
        window.surface.frame(callback: client.newID())
        window.surface.damageBuffer(x: 0, y: 0, width: 10, height: 10)
        window.surface.commit()
    }

    /// The bytes that a client would send after its window was shown.
    private static func record(_ window: TestWindow) throws -> [UInt8] {
        try conversation(window)
        var bytes: [UInt8] = []
        _ = try window.client.outbox.send { (chunk, _) throws(Errno) in
            bytes = [UInt8](chunk)
            return chunk.count
        }
        return bytes
    }

    private static func mutate(_ bytes: [UInt8], _ random: inout SeededGenerator) -> [UInt8] {
        var result = bytes
        for _ in 0..<Int.random(in: 1...6, using: &random) where result.count >= 8 {
            let word = Int.random(in: 0..<(result.count / 4), using: &random) * 4
            switch Int.random(in: 0..<7, using: &random) {
            case 0: result[Int.random(in: 0..<result.count, using: &random)] = .random(in: 0...255, using: &random)
            case 1: for index in word..<(word + 4) { result[index] = 0xff }
            case 2: for index in word..<(word + 4) { result[index] = 0 }
            case 3: result.removeSubrange(word..<min(word + 4 * Int.random(in: 1...8, using: &random), result.count))
            case 4: result.insert(contentsOf: (0..<8).map { _ in .random(in: 0...255, using: &random) }, at: word)
            case 5:
                // A small number: likely another object or opcode.
                result[word] = .random(in: 0...24, using: &random)
                for index in (word + 1)..<(word + 4) { result[index] = 0 }
            default:
                let other = Int.random(in: 0..<(result.count / 4), using: &random) * 4
                for index in 0..<4 { result.swapAt(word + index, other + index) }
            }
        }
        return result
    }

    @Test(arguments: [UInt64](1...250))
    func mutatedConversations(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let desktop = try TestDesktop(size: Size(width: 320, height: 240))
        let bystander = TestWindow(try desktop.connect())
        try bystander.show(60, 40)
        let window = TestWindow(try desktop.connect())
        let bytes = Self.mutate(try Self.record(window), &random)
        var rest = bytes[...]
        while !rest.isEmpty, window.client.isAlive {
            // In pieces of any size, as a socket gives them.
            let piece = rest.prefix(Int.random(in: 1...200, using: &random))
            rest = rest.dropFirst(piece.count)
            guard (try? window.client.stream.descriptor.writeAll(Array(piece))) != nil else { break }
            window.client.exchange()
            if Bool.random(using: &random) { use(desktop, &random) }
        }
        paint(desktop)
        desktop.compositor.disconnect(window.client.server)
        bystander.surface.commit()
        bystander.client.exchange()
        #expect(bystander.client.isAlive, "seed \(seed)")
        #expect(desktop.compositor.windows.windows.count == 1, "seed \(seed)")
    }

    @Test(arguments: [UInt64](1...60))
    func noise(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let desktop = try TestDesktop(size: Size(width: 320, height: 240))
        let client = try desktop.connect()
        for _ in 0..<20 where client.isAlive {
            let bytes = (0..<Int.random(in: 1...400, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random) }
            guard (try? client.stream.descriptor.writeAll(bytes)) != nil else { break }
            client.exchange()
        }
        desktop.compositor.disconnect(client.server)
        #expect(desktop.compositor.clients.isEmpty)
    }

    /// What a person may do meanwhile.
    private func use(_ desktop: TestDesktop, _ random: inout SeededGenerator) {
        let seat = desktop.compositor.seat
        switch Int.random(in: 0..<5, using: &random) {
        case 0, 1:
            let point = Point(x: .random(in: 0..<320, using: &random), y: .random(in: 0..<240, using: &random))
            seat.movePointer(to: FinePoint(point), timeMilliseconds: 1)
        case 2: seat.pressButton(PointerButton(code: PointerButton.left, isPressed: true, timeMilliseconds: 2))
        case 3: seat.pressButton(PointerButton(code: PointerButton.left, isPressed: false, timeMilliseconds: 3))
        default: seat.pressKey(30, isPressed: Bool.random(using: &random), timeMilliseconds: 4)
        }
        desktop.frame()
    }

    private func paint(_ desktop: TestDesktop) {
        var pixels = [UInt32](repeating: 0, count: 320 * 240)
        pixels.withUnsafeMutableBytes { bytes in
            let view = PixelBuffer(memory: bytes, width: 320, height: 240, strideBytes: 1280, format: .xrgb8888)!
            desktop.compositor.scene.invalidateEverything()
            desktop.compositor.scene.paint(desktop.compositor.scene.takeDamage(), into: view)
        }
    }
}
