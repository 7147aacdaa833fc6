import Gfx
import Testing

@testable import Scene

/// A node of one colour.
private final class Solid: Drawable {
    let color: Color
    let size: Size
    init(_ color: Color, _ size: Size) {
        self.color = color
        self.size = size
    }
    func draw(into target: PixelBuffer, at origin: Point) { target.blend(Rect(origin: origin, size: size), color) }
}

/// Draws everything in order, with no regard to damage or to what hides what.
private func paintPlainly(_ node: SceneNode, at origin: Point, into target: PixelBuffer) {
    guard node.isVisible else { return }
    let bounds = Rect(origin: origin, size: node.size)
    node.drawable?.draw(into: target.clipped(to: bounds), at: origin)
    for child in node.children { paintPlainly(child, at: origin + child.position, into: target) }
}

struct SceneTests {
    private static let size = Size(width: 64, height: 48)

    private static func makeNode(_ random: inout SeededGenerator) -> SceneNode {
        let size = Size(width: .random(in: 1...40, using: &random), height: .random(in: 1...30, using: &random))
        let node = SceneNode(size: size)
        let isOpaque = Bool.random(using: &random)
        let color = Color(
            rgb: .random(in: 0...0xff_ffff, using: &random), alpha: isOpaque ? 255 : .random(in: 1...254, using: &random))
        node.drawable = Solid(color, size)
        if isOpaque {
            // Sometimes only a part is declared opaque, which is allowed.
            let all = Rect(size: size)
            node.setOpaque(Region(Bool.random(using: &random) ? all : all.inset(by: 3)))
        }
        node.setPosition(Point(x: .random(in: -20...60, using: &random), y: .random(in: -20...40, using: &random)))
        return node
    }

    /// Whatever is done to a scene, repainting only its damage gives the picture that painting everything gives.
    @Test(arguments: [UInt64](1...60))
    func damageCoversEveryChange(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let scene = Scene(size: Self.size)
        let shown = Picture(Self.size)
        var nodes: [SceneNode] = []
        let background = SceneNode(size: Self.size)
        background.drawable = Solid(Color(rgb: 0x203040), Self.size)
        background.setOpaque(Region(Rect(size: Self.size)))
        scene.root.add(background)
        for step in 0..<80 {
            let operation = Int.random(in: 0..<10, using: &random)
            if nodes.isEmpty || operation < 2 {
                let node = Self.makeNode(&random)
                let parent = nodes.isEmpty || Bool.random(using: &random) ? scene.root : nodes.randomElement(using: &random)!
                parent.add(node)
                nodes.append(node)
            } else {
                let node = nodes.randomElement(using: &random)!
                switch operation {
                case 2, 3:
                    node.setPosition(Point(x: .random(in: -20...60, using: &random), y: .random(in: -20...40, using: &random)))
                case 4: node.setVisible(!node.isVisible)
                case 5: node.parent?.raise(node)
                case 6:
                    let size = Size(width: .random(in: 1...40, using: &random), height: .random(in: 1...30, using: &random))
                    let color = (node.drawable as! Solid).color
                    node.setOpaque(Region())
                    node.setSize(size)
                    node.drawable = Solid(color, size)
                    node.invalidate()
                    if color.isOpaque { node.setOpaque(Region(Rect(size: size))) }
                case 7: node.parent?.setChildren(node.parent!.children.reversed())
                case 8:
                    node.removeFromParent()
                    nodes.removeAll { $0 === node }
                default:
                    let color = Color(
                        rgb: .random(in: 0...0xff_ffff, using: &random), alpha: (node.drawable as! Solid).color.alpha)
                    let old = node.drawable as! Solid
                    node.drawable = Solid(color, old.size)
                    node.invalidate()
                }
            }
            if Int.random(in: 0..<3, using: &random) == 0 { continue }
            scene.paint(scene.takeDamage(), into: shown.pixels)
            let expected = Picture(Self.size)
            paintPlainly(scene.root, at: .zero, into: expected.pixels)
            #expect(shown.isEqual(expected), "seed \(seed), step \(step)")
            if !shown.isEqual(expected) { return }
        }
    }

    @Test func hiddenDamageIsNotRepainted() {
        let scene = Scene(size: Self.size)
        let lower = SceneNode(size: Size(width: 20, height: 20))
        let upper = SceneNode(size: Size(width: 20, height: 20))
        for node in [lower, upper] {
            node.drawable = Solid(.white, node.size)
            node.setOpaque(Region(node.bounds))
            scene.root.add(node)
        }
        upper.setPosition(Point(x: 5, y: 0))
        _ = scene.takeDamage()
        lower.invalidate()
        #expect(scene.takeDamage() == Region(Rect(x: 0, y: 0, width: 5, height: 20)))
        lower.invalidate(Region(Rect(x: 6, y: 3, width: 4, height: 4)))
        #expect(scene.takeDamage().isEmpty)
    }

    @Test func manySmallDamagesStaySmall() {
        let scene = Scene(size: Size(width: 800, height: 600))
        let node = SceneNode(size: Size(width: 800, height: 600))
        node.drawable = Solid(.white, node.size)
        scene.root.add(node)
        _ = scene.takeDamage()
        node.invalidate(Region([Rect(x: 8, y: 18, width: 8, height: 18), Rect(x: 700, y: 500, width: 8, height: 18)]))
        #expect(scene.takeDamage().area == 2 * 8 * 18)
    }

    @Test func theUppermostTargetIsHit() {
        let scene = Scene(size: Self.size)
        let targets = [PointerTarget(), PointerTarget(), PointerTarget()]
        var nodes: [SceneNode] = []
        for target in targets {
            let node = SceneNode(size: Size(width: 30, height: 30))
            node.target = target
            node.input = .everywhere
            scene.root.add(node)
            nodes.append(node)
        }
        #expect(scene.hitTest(Point(x: 10, y: 10))?.target === targets[2])
        nodes[2].input = .region(Region(Rect(x: 20, y: 20, width: 10, height: 10)))
        #expect(scene.hitTest(Point(x: 10, y: 10))?.target === targets[1])
        nodes[1].setVisible(false)
        #expect(scene.hitTest(Point(x: 10, y: 10))?.target === targets[0])
        scene.root.raise(nodes[0])
        #expect(scene.hitTest(Point(x: 25, y: 25))?.target === targets[0])
        #expect(scene.hitTest(Point(x: 40, y: 40)) == nil)
    }
}

// MARK: Surfaces

private final class TestBuffer: SurfaceBuffer {
    let size: Size
    let isOpaque: Bool
    var uses = 0
    init(_ size: Size, isOpaque: Bool = true) {
        self.size = size
        self.isOpaque = isOpaque
    }
    func withImage(_ body: (PixelImage) -> Void) {}
    func beginUse() { uses += 1 }
    func endUse() { uses -= 1 }
}

struct SurfaceTests {
    private static func attach(_ surface: Surface, _ buffer: TestBuffer?) {
        surface.pending.attachment = .buffer(buffer)
        surface.commit()
    }

    @Test func aBufferIsUsedUntilTheNextOne() {
        let surface = Surface()
        let first = TestBuffer(Size(width: 10, height: 10))
        let second = TestBuffer(Size(width: 20, height: 10))
        Self.attach(surface, first)
        #expect(first.uses == 1 && surface.size == first.size)
        Self.attach(surface, second)
        #expect(first.uses == 0 && second.uses == 1 && surface.size == second.size)
        surface.commit()
        #expect(second.uses == 1)
        surface.destroy()
        #expect(second.uses == 0)
    }

    @Test func damageFollowsScaleAndTransform() {
        let scene = Scene(size: Size(width: 200, height: 200))
        let surface = Surface()
        scene.root.add(surface.node)
        surface.pending.scale = 2
        surface.pending.transform = .rotated90
        Self.attach(surface, TestBuffer(Size(width: 40, height: 80)))
        #expect(surface.size == Size(width: 40, height: 20))
        _ = scene.takeDamage()
        surface.pending.bufferDamage = Region(Rect(x: 0, y: 0, width: 2, height: 4))
        surface.commit()
        // The buffer's top left corner is the surface's bottom left one.
        #expect(scene.takeDamage() == Region(Rect(x: 0, y: 19, width: 2, height: 1)))
        surface.destroy()
    }

    @Test func aSynchronisedSubsurfaceWaitsForItsParent() {
        let parent = Surface()
        let child = Surface()
        let role = child.becomeSubsurface(of: parent)
        Self.attach(parent, TestBuffer(Size(width: 50, height: 50)))
        let first = TestBuffer(Size(width: 10, height: 10))
        let second = TestBuffer(Size(width: 12, height: 12))
        Self.attach(child, first)
        #expect(!child.hasContent)
        Self.attach(child, second)
        #expect(first.uses == 0 && second.uses == 1)
        role.setPosition(Point(x: 7, y: 8))
        parent.commit()
        #expect(child.hasContent && child.node.position == Point(x: 7, y: 8))
        role.setDesynchronised()
        Self.attach(child, first)
        #expect(child.size == first.size && second.uses == 0)
        child.destroy()
        parent.destroy()
        #expect(first.uses == 0)
    }

    @Test func siblingsChangePlacesWithTheParentsCommit() {
        let parent = Surface()
        let children = [Surface(), Surface()]
        let roles = children.map { $0.becomeSubsurface(of: parent) }
        parent.commit()
        #expect(
            parent.node.children.map { ObjectIdentifier($0) }
                == [parent.content, children[0].node, children[1].node, parent.overlay].map { ObjectIdentifier($0) })
        #expect(roles[1].place(.below, parent))
        #expect(!roles[0].place(.above, Surface()))
        parent.commit()
        #expect(
            parent.node.children.map { ObjectIdentifier($0) }
                == [children[1].node, parent.content, children[0].node, parent.overlay].map { ObjectIdentifier($0) })
        parent.destroy()
        #expect(children[0].subsurface == nil)
        for child in children { child.destroy() }
    }
}
