import Gfx
import System
import Testing
import Toolkit

/// Paints cells of a board with numbers, and knows what the board must look like.
private final class Board: WindowDelegate {
    var colors: [UInt32] = []
    var size = Size.zero
    var keys: [KeyEvent] = []
    var pointer: [PointerEvent] = []
    var drawn: [Region] = []
    var closeRequests = 0
    /// Counts the board's changes, and which of them has been drawn.
    var version = 0
    var drawnVersion = 0
    static let cell: Int32 = 8

    func windowDidResize(_ window: Window) {
        size = window.pixelSize
        version += 1
        let count = Int((size.width / Board.cell + 1) * (size.height / Board.cell + 1))
        colors = (0..<count).map { 0xFF00_0000 | UInt32($0) }
    }

    private func index(_ x: Int32, _ y: Int32) -> Int { Int(y / Board.cell * (size.width / Board.cell + 1) + x / Board.cell) }

    func color(_ x: Int32, _ y: Int32) -> UInt32 { colors[index(x, y)] }

    /// Gives a cell another number and returns its place.
    func change(_ column: Int32, _ row: Int32, _ value: UInt32) -> Rect {
        version += 1
        colors[index(column * Board.cell, row * Board.cell)] = 0xFF00_0000 | value
        return Rect(x: column * Board.cell, y: row * Board.cell, width: Board.cell, height: Board.cell)
    }

    func window(_ window: Window, draw damage: Region, into buffer: PixelBuffer) {
        drawn.append(damage)
        drawnVersion = version
        for rect in damage.rects {
            for y in rect.top..<rect.bottom {
                for x in rect.left..<rect.right { buffer.fill(Rect(x: x, y: y, width: 1, height: 1), pixel: color(x, y)) }
            }
        }
    }

    func window(_ window: Window, key event: KeyEvent) { keys.append(event) }
    func window(_ window: Window, pointer event: PointerEvent) { pointer.append(event) }
    func windowShouldClose(_ window: Window) { closeRequests += 1 }
}

/// The environment names the socket, so these tests run one after another.
@Suite(.serialized) final class ToolkitTests {
    private let server: FakeServer
    private let application: Application
    private let board = Board()
    private let window: Window

    init() throws {
        server = try FakeServer()
        application = try Application(identifier: "test")
        try server.serve(application.loop)
        window = Window(application, title: "Board", size: Size(width: 64, height: 48))
        window.delegate = board
        turn { self.server.title == "Board" }
    }

    /// Runs the loop until something holds, or for a bounded number of milliseconds.
    private func turn(milliseconds: Int = 2000, until holds: @escaping () -> Bool) {
        guard let timer = try? LoopTimer(application.loop) else { return }
        let deadline = Clock.monotonicNanoseconds + Int64(milliseconds) * 1_000_000
        let loop = application.loop
        timer.action = { if holds() || Clock.monotonicNanoseconds > deadline { loop.stop() } }
        timer.start(afterMilliseconds: 1, intervalMilliseconds: 1)
        application.loop.run()
    }

    private func settle() { turn(milliseconds: 12) { false } }

    @Test func theFirstPictureFollowsTheFirstConfigure() {
        #expect(server.commits.count == 1 && server.commits[0].buffer == nil, "the role is committed without a picture")
        server.configure(0, 0)
        turn { self.server.commits.count == 2 }
        #expect(server.acknowledged == [1] && server.commits[1].damage == [Rect(x: 0, y: 0, width: 64, height: 48)])
        #expect(server.failure == "")
    }

    @Test func onlyDamageIsDrawnAndOnceAFrame() {
        server.configure(64, 48)
        turn { self.server.commits.count == 2 }
        window.invalidate(board.change(1, 1, 77))
        settle()
        #expect(server.commits.count == 2, "the server has not asked for a frame yet")
        window.invalidate(board.change(2, 1, 78))
        server.finishFrame()
        turn { self.server.commits.count == 3 }
        #expect(server.commits[2].damage == [Rect(x: 8, y: 8, width: 16, height: 8)])
        #expect(board.drawn.last == Region(Rect(x: 8, y: 8, width: 16, height: 8)))
        server.finishFrame()
        settle()
        #expect(server.commits.count == 3, "nothing has changed, so nothing is committed")
    }

    /// Whatever buffers the server keeps and however long: each picture it is given is whole.
    @Test(arguments: 0..<6 as Range<UInt64>)
    func everyPictureIsWhole(_ seed: UInt64) {
        var state = seed &* 0x9E37_79B9 &+ 1
        func random(_ bound: UInt32) -> UInt32 {
            state = state &* 6364136223846793005 &+ 1442695040888963407
            return UInt32(truncatingIfNeeded: state >> 33) % bound
        }
        server.configure(64, 48)
        turn { self.server.commits.count == 2 }
        var checked = 1
        for step in 0..<80 {
            if random(12) == 0 { server.configure(48 + Int32(random(4)) * 8, 40 + Int32(random(3)) * 8) }
            for _ in 0..<random(4) {
                guard board.size.width >= 16, board.size.height >= 16 else { break }
                window.invalidate(
                    board.change(
                        Int32(random(UInt32(board.size.width / 8))), Int32(random(UInt32(board.size.height / 8))), random(1 << 20)
                    ))
            }
            if random(3) != 0 { server.finishFrame() }
            for buffer in server.heldBuffers where random(2) == 0 { server.release(buffer) }
            settle()
            while checked < server.commits.count {
                // Of several commits in a turn only the last shows what the board is now.
                if checked == server.commits.count - 1, let id = server.commits[checked].buffer, let buffer = server.buffers[id],
                    buffer.size == board.size
                {
                    var wrong: Point?
                    for y in 0..<buffer.size.height {
                        for x in 0..<buffer.size.width where server.pixel(id, x, y) != board.color(x, y) {
                            wrong = Point(x: x, y: y)
                        }
                    }
                    // What was invalidated after the commit is not in it yet.
                    let isCurrent = board.drawn.count == server.commits.count - 1 && board.drawnVersion == board.version
                    #expect(wrong == nil || !isCurrent, "seed \(seed) step \(step)")
                }
                checked += 1
            }
            #expect(server.failure == "")
        }
        #expect(server.buffers.count <= 4)
    }

    @Test func keysHaveSymbolsAndRepeat() throws {
        server.configure(64, 48)
        turn { self.server.commits.count == 2 }
        try server.focus(keymap: smallKeymap)
        turn { self.window.isFocused }
        server.key(30, pressed: true, modifiers: .shift)
        turn { self.board.keys.count >= 3 }
        #expect(board.keys[0].symbol == 0x41 && board.keys[0].character == "A" && board.keys[0].kind == .press)
        #expect(board.keys[2].kind == .repeating)
        server.key(30, pressed: false)
        turn { self.board.keys.last?.kind == .release }
        let count = board.keys.count
        turn(milliseconds: 100) { false }
        #expect(board.keys.count == count, "a released key does not repeat")
    }

    @Test func clicksHaveAPlaceAndACount() {
        server.configure(64, 48)
        turn { self.server.commits.count == 2 }
        server.click(13, 7, time: 0)
        server.click(14, 7, time: 200)
        server.click(14, 7, time: 900)
        server.wheel()
        turn { self.board.pointer.count >= 11 }
        var counts: [Int] = []
        for event in board.pointer {
            if case .press(.left, let count) = event.kind { counts.append(count) }
        }
        #expect(counts == [1, 2, 1])
        #expect(board.pointer[2].position == Point(x: 13, y: 7))
        guard case .scroll(0, -120)? = board.pointer.last?.kind else {
            Issue.record("one step of the wheel is one step")
            return
        }
    }

    @Test func theUserMayClose() {
        server.configure(64, 48)
        turn { self.server.commits.count == 2 }
        server.closeWindow()
        turn { self.board.closeRequests == 1 }
        #expect(board.closeRequests == 1)
    }

    private var smallKeymap: String {
        """
        xkb_keymap {
        xkb_keycodes "x" { minimum = 8; maximum = 255; <AC01> = 38; <LFSH> = 50; };
        xkb_types "x" {
          type "ONE_LEVEL" { modifiers= none; level_name[1]= "Any"; };
          type "ALPHABETIC" { modifiers= Shift+Lock; map[Shift]= 2; map[Lock]= 2; };
        };
        xkb_compatibility "x" { };
        xkb_symbols "x" {
          key <AC01> { [ a, A ] };
          key <LFSH> { [ Shift_L ] };
          modifier_map Shift { <LFSH> };
        };
        };
        """
    }
}
