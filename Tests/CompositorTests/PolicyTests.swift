import Gfx
import ShellPolicy
import Testing

struct PolicyTests {
    static let area = Rect(x: 0, y: 30, width: 1280, height: 770)

    @Test func twoWindowsGoSideBySide() {
        let placement = Placement(workArea: Self.area)
        let size = Size(width: 600, height: 400)
        let first = Rect(origin: placement.position(for: size, among: []), size: size)
        let second = Rect(origin: placement.position(for: size, among: [first]), size: size)
        #expect(Self.area.contains(first) && Self.area.contains(second))
        #expect(!first.intersects(second))
        #expect(first.top == second.top)
    }

    @Test func aLargeFirstWindowIsCentred() {
        let placement = Placement(workArea: Self.area)
        let size = Size(width: 900, height: 500)
        let first = Rect(origin: placement.position(for: size, among: []), size: size)
        #expect(abs(first.center.x - Self.area.center.x) <= 1 && abs(first.center.y - Self.area.center.y) <= 1)
    }

    @Test(arguments: [UInt64](1...40))
    func windowsStayReachable(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let placement = Placement(workArea: Self.area)
        var frames: [Rect] = []
        for _ in 0..<12 {
            let size = Size(width: .random(in: 50...1600, using: &random), height: .random(in: 50...1000, using: &random))
            let frame = Rect(origin: placement.position(for: size, among: frames), size: size)
            #expect(Self.area.contains(frame.origin), "seed \(seed)")
            if size.width <= Self.area.width, size.height <= Self.area.height {
                #expect(Self.area.contains(frame), "seed \(seed): \(frame)")
            }
            frames.append(frame)
        }
    }

    @Test func halvesAndQuartersFillTheArea() {
        let area = Rect(x: 0, y: 30, width: 1281, height: 771)
        for tiles in [[Tile.left, .right], [.topLeft, .topRight, .bottomLeft, .bottomRight], [.maximised]] {
            let region = Region(tiles.map { $0.rect(in: area) })
            #expect(region == Region(area))
            #expect(tiles.reduce(0) { $0 + $1.rect(in: area).area } == area.area)
        }
    }

    @Test func edgesSnap() {
        let screen = Rect(x: 0, y: 0, width: 1280, height: 800)
        #expect(Tile.atEdge(Point(x: 0, y: 400), of: screen) == .left)
        #expect(Tile.atEdge(Point(x: 1279, y: 400), of: screen) == .right)
        #expect(Tile.atEdge(Point(x: 0, y: 5), of: screen) == .topLeft)
        #expect(Tile.atEdge(Point(x: 600, y: 0), of: screen) == .maximised)
        #expect(Tile.atEdge(Point(x: 600, y: 300), of: screen) == nil)
    }

    @Test func arrowsWalkThroughTheTiles() {
        #expect(Tile.first(.left) == .left)
        #expect(Tile.left.moved(.right) == nil)
        #expect(Tile.right.moved(.left) == nil)
        #expect(Tile.left.moved(.up) == .topLeft)
        #expect(Tile.topLeft.moved(.right) == .topRight)
        #expect(Tile.maximised.moved(.down) == nil)
        #expect(Tile.first(.up) == .maximised)
    }

    @Test func theEdgeThatDoesNotMoveStays() {
        var limits = SizeLimits()
        limits.minimum = Size(width: 200, height: 100)
        limits.maximum = Size(width: 700, height: 0)
        let start = Rect(x: 100, y: 100, width: 400, height: 300)
        let resizing = Resizing(edges: [.left, .top], start: start, pointerStart: .zero, limits: limits)
        for x: Int32 in [-1000, -50, 0, 80, 1000] {
            let size = resizing.size(for: Point(x: x, y: x))
            #expect((200...700).contains(size.width) && size.height >= 100)
            let rect = Rect(origin: resizing.origin(for: size), size: size)
            #expect(rect.right == start.right && rect.bottom == start.bottom)
        }
        #expect(
            Resizing(edges: .right, start: start, pointerStart: .zero, limits: SizeLimits()).size(for: Point(x: .max, y: 0)).width
                == .max)
    }

    @Test func edgesAroundAFrame() {
        let frame = Rect(x: 100, y: 100, width: 200, height: 200)
        func edges(_ x: Int32, _ y: Int32) -> Edges? { Edges.around(frame, Point(x: x, y: y), reach: 8, corner: 20) }
        #expect(edges(95, 200) == .left)
        #expect(edges(200, 95) == .top)
        #expect(edges(95, 95) == [.left, .top])
        #expect(edges(305, 290) == [.right, .bottom])
        #expect(edges(200, 200) == nil && edges(50, 200) == nil)
        #expect(!Edges([.left, .right]).isValid && !Edges([]).isValid && Edges([.left, .top]).isValid)
    }

    // MARK: Popups

    static func menu() -> PopupPositioner {
        var rules = PopupPositioner()
        rules.size = Size(width: 100, height: 200)
        rules.anchorRect = Rect(x: 10, y: 10, width: 40, height: 20)
        rules.hasAnchorRect = true
        rules.anchor = .bottomLeft
        rules.gravity = .bottomRight
        return rules
    }

    @Test func aMenuOpensBelowItsButton() {
        #expect(
            Self.menu().rect(within: Rect(x: 0, y: 0, width: 500, height: 500)) == Rect(x: 10, y: 30, width: 100, height: 200))
    }

    @Test func aMenuFlipsSlidesAndShrinks() {
        var rules = Self.menu()
        rules.anchorRect = Rect(x: 450, y: 400, width: 40, height: 20)
        let area = Rect(x: 0, y: 0, width: 500, height: 500)
        rules.adjustment = [.flipY, .slideX]
        #expect(rules.rect(within: area) == Rect(x: 400, y: 200, width: 100, height: 200))
        rules.adjustment = [.resizeY]
        #expect(rules.rect(within: area) == Rect(x: 450, y: 420, width: 100, height: 80))
        rules.adjustment = []
        #expect(rules.rect(within: area) == Rect(x: 450, y: 420, width: 100, height: 200))
    }

    @Test(arguments: [UInt64](1...50))
    func positionersNeverOverflow(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        for _ in 0..<50 {
            var rules = PopupPositioner()
            func number() -> Int32 {
                Bool.random(using: &random) ? .random(in: .min ... .max, using: &random) : .random(in: -500...500, using: &random)
            }
            rules.size = Size(width: max(number(), 1), height: max(number(), 1))
            rules.anchorRect = Rect(x: number(), y: number(), width: number(), height: number())
            rules.anchor = PopupPositioner.Corner(rawValue: .random(in: 0...8, using: &random))!
            rules.gravity = PopupPositioner.Corner(rawValue: .random(in: 0...8, using: &random))!
            rules.offset = Point(x: number(), y: number())
            rules.adjustment = PopupPositioner.Adjustment(rawValue: .random(in: 0...63, using: &random))
            _ = rules.rect(within: Rect(x: number(), y: number(), width: number(), height: number()))
        }
    }
}
