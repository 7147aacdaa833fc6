import Gfx
import Testing

/// A region as a plain bitmap: slow and obviously right.
private struct Bitmap: Equatable {
    static let side = 40
    var bits = [Bool](repeating: false, count: side * side)

    mutating func apply(_ rect: Rect, _ change: (Bool, Bool) -> Bool) {
        for y in 0..<Self.side {
            for x in 0..<Self.side {
                let i = y * Self.side + x
                bits[i] = change(bits[i], rect.contains(Point(x: Int32(x), y: Int32(y))))
            }
        }
    }

    init() {}
    init(_ region: Region) { for rect in region.rects { apply(rect) { $0 || $1 } } }
}

private func randomRect(_ random: inout SeededGenerator) -> Rect {
    func number() -> Int32 { Int32(random.next() % UInt64(Bitmap.side)) }
    return Rect(left: number(), top: number(), right: number(), bottom: number())
}

private func randomRegion(_ random: inout SeededGenerator) -> Region {
    Region((0..<Int(random.next() % 6)).map { _ in randomRect(&random) })
}

/// Why a region is not canonical, or nil.
private func flaw(_ region: Region) -> String? {
    let rects = region.rects
    for rect in rects where rect.isEmpty { return "empty rectangle" }
    var bands: [[Rect]] = []
    for rect in rects {
        if let last = bands.last, last[0].top == rect.top {
            if last[0].bottom != rect.bottom { return "band of two heights" }
            if last.last!.right >= rect.left { return "spans touch or overlap" }
            bands[bands.count - 1].append(rect)
        } else {
            if let last = bands.last, last[0].bottom > rect.top { return "bands overlap" }
            bands.append([rect])
        }
    }
    for (a, b) in zip(bands, bands.dropFirst()) where a[0].bottom == b[0].top {
        if a.map(\.left) == b.map(\.left), a.map(\.right) == b.map(\.right) { return "bands not merged" }
    }
    let bounds = rects.reduce(Rect.zero) { $0.union($1) }
    return bounds == region.bounds ? nil : "wrong bounds"
}

@Suite struct RegionTests {
    @Test(arguments: 0..<8)
    func operationsMatchABitmap(seed: Int) {
        var random = SeededGenerator(seed: UInt64(seed))
        var region = Region()
        var model = Bitmap()
        for _ in 0..<300 {
            let rect = randomRect(&random)
            switch random.next() % 4 {
            case 0, 1:
                region.formUnion(rect)
                model.apply(rect) { $0 || $1 }
            case 2:
                region.subtract(rect)
                model.apply(rect) { $0 && !$1 }
            default:
                if random.next() % 8 == 0 {
                    region.formIntersection(rect)
                    model.apply(rect) { $0 && $1 }
                }
            }
            #expect(flaw(region) == nil)
            #expect(Bitmap(region) == model)
            #expect(region.area == Int64(model.bits.filter { $0 }.count))
        }
    }

    @Test(arguments: 0..<8)
    func regionPairsMatchABitmap(seed: Int) {
        var random = SeededGenerator(seed: 100 + UInt64(seed))
        for _ in 0..<200 {
            let a = randomRegion(&random)
            let b = randomRegion(&random)
            let x = Bitmap(a)
            let y = Bitmap(b)
            func check(_ result: Region, _ operation: (Bool, Bool) -> Bool) {
                var expected = Bitmap()
                expected.bits = zip(x.bits, y.bits).map(operation)
                #expect(flaw(result) == nil)
                #expect(Bitmap(result) == expected)
            }
            check(a.union(b)) { $0 || $1 }
            check(a.subtracting(b)) { $0 && !$1 }
            check(a.intersection(b)) { $0 && $1 }
            // The canonical form makes equality that of sets.
            #expect(a.union(b) == b.union(a))
            #expect(a.subtracting(a).isEmpty)
        }
    }

    @Test func questionsMatchABitmap() {
        var random = SeededGenerator(seed: 7)
        for _ in 0..<300 {
            let region = randomRegion(&random)
            let bitmap = Bitmap(region)
            let rect = randomRect(&random)
            var all = true
            var any = false
            for y in 0..<Bitmap.side {
                for x in 0..<Bitmap.side {
                    let p = Point(x: Int32(x), y: Int32(y))
                    let bit = bitmap.bits[y * Bitmap.side + x]
                    #expect(region.contains(p) == bit)
                    if rect.contains(p) {
                        all = all && bit
                        any = any || bit
                    }
                }
            }
            #expect(region.contains(rect) == all)
            #expect(region.intersects(rect) == any)
        }
    }

    @Test func simplifyGrowsButStaysInBounds() {
        var random = SeededGenerator(seed: 9)
        for _ in 0..<100 {
            let region = randomRegion(&random)
            var simple = region
            simple.simplify(limit: 3)
            #expect(simple.rects.count <= 3)
            #expect(simple.bounds == region.bounds)
            #expect(region.subtracting(simple).isEmpty)
        }
    }

    @Test func extremeCoordinatesDoNotTrap() {
        let huge = Rect(x: -5, y: -5, width: .max, height: .max)
        #expect(huge.right == Int32.max - 5)
        var region = Region(Rect(x: .max, y: .max, width: .max, height: .max))
        #expect(region.isEmpty)
        region.formUnion(huge)
        region.formUnion(Rect(x: .min, y: .min, width: .max, height: .max))
        region.subtract(Rect(x: 0, y: 0, width: 10, height: 10))
        region.translate(by: Point(x: .max, y: .min))
        region.translate(by: Point(x: .min, y: .max))
        #expect(flaw(region) == nil)
        let moved = Rect(x: 0, y: 0, width: 10, height: 10).translated(by: Point(x: .max, y: 0))
        #expect(moved.isEmpty)
        _ = huge.inset(by: .min).scaled(by: .max).center
    }

    @Test func translateMovesEveryRectangle() {
        var region = Region([Rect(x: 0, y: 0, width: 4, height: 4), Rect(x: 10, y: 2, width: 4, height: 4)])
        let before = region
        region.translate(by: Point(x: -3, y: 8))
        #expect(region.bounds == before.bounds.translated(by: Point(x: -3, y: 8)))
        region.translate(by: Point(x: 3, y: -8))
        #expect(region == before)
    }
}
