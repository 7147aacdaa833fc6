import ArtBaker
import ArtPack
import Gfx
import Paths
import Testing
import Wallpaper

/// Memory of an art file, aligned as a mapping is.
private final class ArtFile: @unchecked Sendable {
    /// All the art, drawn once.
    static let pack = ArtFile(artPack())
    let memory: UnsafeMutableRawBufferPointer
    init(_ bytes: [UInt8]) {
        memory = .allocate(byteCount: bytes.count, alignment: 4096)
        memory.copyBytes(from: bytes)
    }
    deinit { memory.deallocate() }
    func library() throws(ArtPackError) -> ArtLibrary { try ArtLibrary(UnsafeRawBufferPointer(memory)) }
}

private func smallPack() -> [UInt8] {
    var image = BakedArt(name: "cursor/default@1", kind: .image, data: [UInt8](repeating: 0x40, count: 5 * 3 * 4))
    image.width = 5
    image.height = 3
    image.hotspot = (2, 1)
    var mask = BakedArt(name: "icon/close@1", kind: .mask, data: [UInt8](0..<35))
    mask.width = 7
    mask.height = 5
    var shadow = BakedArt(name: "shadow/active", kind: .mask, data: [UInt8](repeating: 9, count: 81))
    shadow.width = 9
    shadow.height = 9
    shadow.insets = [4, 4, 4, 4]
    shadow.outsets = [2, 1, 2, 3]
    let long = BakedArt(name: String(repeating: "x", count: 32), kind: .data, data: [1, 2, 3])
    return BakedArt.encode([shadow, image, long, mask])
}

@Suite struct ArtTests {
    @Test func whatIsPackedIsFound() throws {
        let file = ArtFile(smallPack())
        let library = try file.library()
        #expect(library.count == 4)
        let image = try #require(library.image("cursor/default@1"))
        #expect(image.image.size == Size(width: 5, height: 3) && image.hotspot == Point(x: 2, y: 1))
        #expect(image.image.pixel(at: Point(x: 4, y: 2)) == 0x4040_4040)
        let mask = try #require(library.mask("icon/close@1"))
        #expect(mask.width == 7 && mask.base[8] == 8)
        let shadow = try #require(library.shadow("shadow/active"))
        #expect(shadow.bounds(around: Rect(x: 10, y: 10, width: 20, height: 20)) == Rect(x: 8, y: 9, width: 24, height: 24))
        #expect(library.data(String(repeating: "x", count: 32))?.count == 3)
        #expect(library.mask("cursor/default@1") == nil)
        for name in ["", "icon", "icon/close", "icon/close@11", "zzz", "a", String(repeating: "x", count: 33)] {
            #expect(library.mask(name) == nil && library.image(name) == nil && library.data(name) == nil)
        }
    }

    @Test func damagedPacksAreRefusedOrHarmless() {
        let bytes = smallPack()
        for count in 0..<bytes.count {
            #expect(throws: ArtPackError.self) { try ArtFile(Array(bytes[..<count])).library() }
        }
        var random = SeededGenerator(seed: 21)
        var refused = 0
        let canvas = Canvas(40, 40)
        for _ in 0..<3000 {
            var damaged = bytes
            for _ in 0..<(1 + random.next() % 3) {
                damaged[Int(random.next() % 310)] = UInt8(truncatingIfNeeded: random.next() % 3 == 0 ? 0xFF : random.next())
            }
            let file = ArtFile(damaged)
            guard let library = try? file.library() else {
                refused += 1
                continue
            }
            if let image = library.image("cursor/default@1") { canvas.buffer().blend(image.image, to: .zero) }
            if let mask = library.mask("icon/close@1") { canvas.buffer().blend(mask, to: .zero, .white) }
            if let shadow = library.shadow("shadow/active") {
                canvas.buffer().blend(shadow.patch, in: shadow.bounds(around: Rect(x: 5, y: 5, width: 9, height: 9)), .black)
            }
            #expect(canvas.guardIsIntact)
        }
        #expect(refused > 300)
    }

    @Test func pathsCoverTheirArea() {
        func area(_ path: Path) -> Double {
            Double(Coverage(path, width: 64, height: 64).values.reduce(0, +))
        }
        #expect(abs(area(.rect(3.25, 4.5, 10.5, 7.25)) - 76.125) < 0.05)
        #expect(abs(area(.circle(32, 32, 20)) - 1256.6) < 1.5)
        // Overlapping parts count once, whichever way they were drawn.
        var both = Path.rect(10, 10, 10, 10)
        both.add(Path(polygon: [(15, 10), (15, 20), (25, 20), (25, 10)]))
        #expect(abs(area(both.solid) - 150) < 0.05)
        let line = Path { p in
            p.move(10, 10)
            p.line(40, 10)
            p.line(40, 40)
        }
        // Two bars that share a quarter of the corner's circle's square, the corner's outer quarter, two half caps.
        #expect(abs(area(line.stroked(width: 4)) - (240 - 4 + 3.14 + 12.57)) < 0.3)
        #expect(abs(area(line.stroked(width: 4, cap: .butt)) - (240 - 4 + 3.14)) < 0.3)
        #expect(abs(area(Path.rect(20, 20, 10, 10).grown(by: 2)) - (100 + 80 + 12.57)) < 1)
        // What lies outside is cut, not wrapped.
        #expect(abs(area(.rect(-10, -10, 15, 15)) - 25) < 0.05)
        #expect(area(.rect(70, 70, 5, 5)) == 0 && area(Path()) == 0)
    }

    @Test func everyPictureOfTheDesktopIsThere() throws {
        let library = try ArtFile.pack.library()
        for scale in 1...2 {
            for name in ["default", "text", "pointer", "ns-resize", "ew-resize", "nwse-resize", "nesw-resize", "move", "wait"] {
                let cursor = try #require(library.image("cursor/\(name)@\(scale)"))
                #expect(cursor.image.bounds.contains(cursor.hotspot))
                #expect(cursor.image.width == Int32(32 * scale))
                // The hotspot is on the shape, or (for rings) in the middle of it; pixels obey their alpha.
                for y in 0..<cursor.image.height {
                    for x in 0..<cursor.image.width {
                        let p = try #require(cursor.image.pixel(at: Point(x: x, y: y)))
                        #expect(max((p >> 16) & 0xFF, (p >> 8) & 0xFF, p & 0xFF) <= p >> 24)
                    }
                }
            }
            for name in ["close", "minimize", "maximize", "restore", "power", "search", "terminal", "window"] {
                #expect(library.mask("icon/\(name)@\(scale)") != nil)
            }
        }
        for size in [16, 24, 32, 48, 64] {
            #expect(library.image("app/terminal/\(size)") != nil && library.image("app/generic/\(size)") != nil)
        }
        #expect(library.mask("mark/18") != nil)
        for name in ["active", "inactive", "menu"] { #expect(library.shadow("shadow/\(name)") != nil) }
        for name in ["dusk", "day"] { #expect(library.data("wallpaper/\(name)") != nil) }
    }
}

@Suite struct WallpaperTests {
    private func painter(_ name: String, _ width: Int32, _ height: Int32) throws -> WallpaperPainter {
        let bytes = try #require(try ArtFile.pack.library().data("wallpaper/\(name)"))
        return try #require(WallpaperPainter(try Wallpaper(bytes), size: Size(width: width, height: height)))
    }

    @Test func piecesMakeTheWhole() throws {
        for (width, height) in [(Int32(203), Int32(127)), (64, 48), (16, 16), (15, 9), (1, 1)] {
            let painter = try painter("dusk", width, height)
            let whole = Canvas(Int(width), Int(height))
            painter.paint(into: whole.buffer())
            let pieces = Canvas(Int(width), Int(height))
            for y in stride(from: Int32(0), to: height, by: 31) {
                for x in stride(from: Int32(0), to: width, by: 23) {
                    painter.paint(into: pieces.buffer().clipped(to: Rect(x: x, y: y, width: 23, height: 31)))
                }
            }
            #expect(whole.pixels == pieces.pixels)
            #expect(whole.guardIsIntact)
            #expect(whole.pixels.allSatisfy { $0 >= 0xFF00_0000 })
        }
    }

    @Test func duskGoesFromIndigoToEmber() throws {
        let painter = try painter("dusk", 320, 200)
        let canvas = Canvas(320, 200)
        painter.paint(into: canvas.buffer())
        func mean(_ row: Int) -> (Double, Double, Double) {
            var sum = (0.0, 0.0, 0.0)
            for x in 0..<320 {
                let p = canvas[x, row]
                sum.0 += Double((p >> 16) & 0xFF) / 320
                sum.1 += Double((p >> 8) & 0xFF) / 320
                sum.2 += Double(p & 0xFF) / 320
            }
            return sum
        }
        let top = mean(0), horizon = mean(126), ground = mean(198)
        #expect(abs(top.0 - 0x1B) < 8 && abs(top.2 - 0x3C) < 8)
        #expect(horizon.0 > 180 && horizon.0 > 1.5 * horizon.2)
        #expect(ground.0 < 40 && ground.2 < 60)
        // Neighbouring rows of the sky differ by little: no bands, no torn fields.
        for row in 1..<100 { #expect(abs(mean(row).0 - mean(row - 1).0) < 6) }
    }

    @Test func damagedDescriptionsAreRefusedOrHarmless() throws {
        let bytes = Array(try #require(try ArtFile.pack.library().data("wallpaper/dusk")))
        for count in [0, 10, 31, 32, 100, 5000, bytes.count / 2, bytes.count - 1] {
            let opened = bytes[..<count].withUnsafeBytes { part in (try? Wallpaper(part)) != nil }
            #expect(!opened)
        }
        var random = SeededGenerator(seed: 5)
        let canvas = Canvas(40, 30)
        for _ in 0..<150 {
            var damaged = bytes
            for _ in 0..<2 { damaged[Int(random.next() % 40)] = UInt8(truncatingIfNeeded: random.next()) }
            for _ in 0..<40 { damaged[Int(random.next() % UInt64(bytes.count))] = 0xFF }
            damaged.withUnsafeBytes { memory in
                guard let wallpaper = try? Wallpaper(memory) else { return }
                WallpaperPainter(wallpaper, size: Size(width: 40, height: 30))?.paint(into: canvas.buffer())
            }
            #expect(canvas.guardIsIntact)
        }
    }

    @Test func sizesOutOfRangeAreRefused() throws {
        let wallpaper = try Wallpaper(try #require(try ArtFile.pack.library().data("wallpaper/day")))
        for (width, height) in [(Int32(0), Int32(5)), (5, -1), (20000, 10), (10, .max)] {
            #expect(WallpaperPainter(wallpaper, size: Size(width: width, height: height)) == nil)
        }
    }
}
