import Gfx
import Testing

@Suite struct ShapeTests {
    /// The share of a pixel inside a rounded rectangle, by sampling it 16 × 16 times.
    private func sampled(_ shape: RoundedRect, _ x: Int32, _ y: Int32) -> Double {
        let r = Double(shape.radius)
        var hits = 0
        for i in 0..<16 {
            for j in 0..<16 {
                let px = Double(x) + (Double(i) + 0.5) / 16
                let py = Double(y) + (Double(j) + 0.5) / 16
                let left = Double(shape.rect.left), right = Double(shape.rect.right)
                let top = Double(shape.rect.top), bottom = Double(shape.rect.bottom)
                guard px >= left, px < right, py >= top, py < bottom else { continue }
                let nearLeft = px < (left + right) / 2
                let nearTop = py < (top + bottom) / 2
                let corner: Corners = nearTop ? (nearLeft ? .topLeft : .topRight) : (nearLeft ? .bottomLeft : .bottomRight)
                if shape.corners.contains(corner) {
                    let dx = max(0, nearLeft ? left + r - px : px - (right - r))
                    let dy = max(0, nearTop ? top + r - py : py - (bottom - r))
                    if dx * dx + dy * dy > r * r { continue }
                }
                hits += 1
            }
        }
        return Double(hits) / 256
    }

    @Test func roundedCornersHaveTheCircleAsEdge() {
        let cases: [(Int32, Int32, Int32, Corners)] = [
            (20, 14, 5, .all), (9, 9, 4, .all), (30, 24, 10, .top), (16, 12, 6, [.topLeft, .bottomRight]),
            (10, 10, 50, .all), (7, 5, 1, .all), (12, 8, 0, .all),
        ]
        for (width, height, radius, corners) in cases {
            let canvas = Canvas(40, 30, fill: 0xFF00_0000)
            let shape = RoundedRect(Rect(x: 3, y: 2, width: width, height: height), radius: radius, corners: corners)
            canvas.buffer().blend(shape, .white)
            #expect(canvas.guardIsIntact)
            for y in 0..<30 {
                for x in 0..<40 {
                    let wanted = sampled(shape, Int32(x), Int32(y)) * 255
                    let got = Double(canvas[x, y] & 0xFF)
                    #expect(abs(wanted - got) < 6, "\(width)×\(height) r\(radius) at \(x),\(y)")
                }
            }
        }
    }

    @Test func strokeIsTheDifferenceOfTwoShapes() {
        for (radius, width) in [(Int32(6), Int32(1)), (6, 2), (3, 5), (0, 1), (8, 8)] {
            let rect = Rect(x: 2, y: 2, width: 26, height: 20)
            let canvas = Canvas(32, 24, fill: 0xFF00_0000)
            canvas.buffer().stroke(RoundedRect(rect, radius: radius), width: width, .white)
            let outer = RoundedRect(rect, radius: radius)
            let inner = RoundedRect(rect.inset(by: width), radius: max(0, radius - width))
            for y in 0..<24 {
                for x in 0..<32 {
                    let wanted = (sampled(outer, Int32(x), Int32(y)) - sampled(inner, Int32(x), Int32(y))) * 255
                    #expect(abs(wanted - Double(canvas[x, y] & 0xFF)) < 9, "r\(radius) w\(width) at \(x),\(y)")
                }
            }
        }
    }

    @Test func clippedPiecesMakeTheWhole() {
        var random = SeededGenerator(seed: 11)
        let image = Canvas(40, 30)
        image.randomize(&random)
        let mask = [UInt8](unsafeUninitializedCapacity: 81) { memory, count in
            for i in 0..<81 { memory[i] = UInt8(truncatingIfNeeded: random.next()) }
            count = 81
        }
        mask.withUnsafeBytes { bytes in
            let patch = NinePatch(
                CoverageMask(memory: bytes, width: 9, height: 9, strideBytes: 9)!,
                insets: .init(left: 4, top: 3, right: 2, bottom: 5))!
            let shape = RoundedRect(Rect(x: 4, y: 3, width: 30, height: 22), radius: 8)
            let draws: [(PixelBuffer) -> Void] = [
                { $0.blend(shape, Color(rgb: 0x3366FF, alpha: 180)) },
                { $0.stroke(shape, width: 2, Color(rgb: 0xFF0000, alpha: 99)) },
                { $0.blend(image.buffer().image, to: Point(x: 2, y: 1), clippedTo: shape, alpha: 200) },
                { $0.blend(patch, in: Rect(x: 3, y: 2, width: 33, height: 25), .black) },
                { $0.blend(patch, in: Rect(x: 3, y: 2, width: 5, height: 4), .black) },
                { $0.fillGradient(shape.rect, from: .black, to: .white, along: .horizontal) },
            ]
            for draw in draws {
                for kernel in [BlendKernel.scalar, .vector] {
                    let whole = Canvas(40, 30, fill: 0xFFFF_FFFF)
                    draw(whole.buffer(.argb8888, kernel))
                    let pieces = Canvas(40, 30, fill: 0xFFFF_FFFF)
                    for y in stride(from: Int32(0), to: 30, by: 7) {
                        for x in stride(from: Int32(0), to: 40, by: 11) {
                            draw(pieces.buffer().clipped(to: Rect(x: x, y: y, width: 11, height: 7)))
                        }
                    }
                    #expect(whole.pixels == pieces.pixels)
                    #expect(whole.guardIsIntact && pieces.guardIsIntact)
                    #expect(Set(whole.pixels).count > 1)
                }
            }
        }
    }

    @Test func ninePatchKeepsCornersAndRepeatsTheMiddle() {
        // 3 × 3: every pixel another coverage.
        let mask: [UInt8] = [10, 20, 30, 40, 50, 60, 70, 80, 90]
        mask.withUnsafeBytes { bytes in
            let patch = NinePatch(
                CoverageMask(memory: bytes, width: 3, height: 3, strideBytes: 3)!,
                insets: .init(left: 1, top: 1, right: 1, bottom: 1))!
            let canvas = Canvas(7, 6)
            canvas.buffer().blend(patch, in: Rect(x: 1, y: 1, width: 5, height: 4), .white)
            let rows = (1...4).map { y in (1...5).map { canvas[$0, y] >> 24 } }
            #expect(rows == [[10, 20, 20, 20, 30], [40, 50, 50, 50, 60], [40, 50, 50, 50, 60], [70, 80, 80, 80, 90]])
            #expect(NinePatch(patch.mask, insets: .init(left: 2, top: 1, right: 1, bottom: 1)) == nil)
            #expect(NinePatch(patch.mask, insets: .init(left: -1, top: 1, right: 1, bottom: 1)) == nil)
        }
    }

    @Test func gradientsRunFromEndToEndWithoutJumps() {
        let canvas = Canvas(300, 8)
        canvas.buffer().fillGradient(
            Rect(x: 0, y: 0, width: 300, height: 8), from: Color(rgb: 0x102030), to: Color(rgb: 0xC0A080),
            along: .horizontal)
        #expect(canvas[0, 0] == 0xFF10_2030 && canvas[299, 3] == 0xFFC0_A080)
        for x in 1..<300 {
            // The mean of a dithered column follows the gradient to a fraction of a step.
            let sum = (0..<8).reduce(0) { $0 + Int((canvas[x, $1] >> 16) & 0xFF) }
            let wanted = 16 + Double(x) * 176 / 299
            #expect(abs(Double(sum) / 8 - wanted) < 1)
        }
    }

    @Test func scaledPicturesAreMeans() {
        var random = SeededGenerator(seed: 31)
        let source = Canvas(24, 18)
        source.randomize(&random)
        let half = Canvas(12, 9)
        half.buffer().blend(source.buffer().image, scaledTo: half.buffer().bounds)
        for y in 0..<9 {
            for x in 0..<12 {
                var wanted: UInt32 = 0
                for shift in stride(from: UInt32(0), to: 32, by: 8) {
                    var sum: UInt32 = 0
                    for (dx, dy) in [(0, 0), (1, 0), (0, 1), (1, 1)] {
                        sum += (source[2 * x + dx, 2 * y + dy] >> shift) & 0xFF
                    }
                    wanted |= ((sum + 2) / 4) << shift
                }
                #expect(half[x, y] == wanted)
            }
        }
        // Doubled, every pixel is repeated; any part of it can be drawn by itself.
        let double = Canvas(48, 36)
        for x in stride(from: Int32(0), to: 48, by: 7) {
            double.buffer().clipped(to: Rect(x: x, y: 0, width: 7, height: 36))
                .blend(source.buffer().image, scaledTo: Rect(x: 0, y: 0, width: 48, height: 36))
        }
        for y in 0..<36 { for x in 0..<48 { #expect(double[x, y] == source[x / 2, y / 2]) } }
        let odd = Canvas(7, 5, fill: 0xFF00_0000)
        odd.buffer().blend(source.buffer(.xrgb8888).image, scaledTo: Rect(x: -3, y: -2, width: 13, height: 9), alpha: 128)
        #expect(odd.guardIsIntact)
    }

    @Test func opaqueRegionLeavesOutTheCorners() {
        let shape = RoundedRect(Rect(x: 0, y: 0, width: 30, height: 20), radius: 4, corners: .top)
        #expect(shape.opaqueRegion.area == 600 - 32)
    }
}
