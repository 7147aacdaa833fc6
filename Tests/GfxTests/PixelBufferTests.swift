import Gfx
import Testing

/// The definition of src-over for one channel, in wide integers.
private func reference(_ s: UInt32, over d: UInt32) -> UInt32 {
    let inverse = 255 - Int(s >> 24)
    var result: UInt32 = 0
    for shift in stride(from: UInt32(0), to: 32, by: 8) {
        let dc = Int((d >> shift) & 0xFF)
        let sc = Int((s >> shift) & 0xFF)
        let scaled = (dc * inverse * 2 + 255) / 510
        result |= UInt32((sc + scaled) & 0xFF) << shift
    }
    return result
}

@Suite struct PixelBufferTests {
    static let kernels: [BlendKernel] = [.scalar, .vector]

    @Test func colorPremultiplies() {
        for alpha in 0...255 {
            for value in 0...255 {
                let color = Color(rgb: UInt32(value) << 8 | UInt32(255 - value), alpha: UInt8(alpha))
                let wanted = UInt32((value * alpha * 2 + 255) / 510)
                #expect((color.premultiplied >> 8) & 0xFF == wanted)
                #expect(color.premultiplied >> 24 == UInt32(alpha))
            }
        }
        #expect(Color(rgb: 0x102030).mixed(with: Color(rgb: 0x304050), position: 255) == Color(rgb: 0x304050))
        #expect(Color.white.opacity(128).alpha == 128)
    }

    @Test(arguments: [false, true])
    func blendVariantsAgreeWithTheDefinition(valid: Bool) {
        var random = SeededGenerator(seed: valid ? 1 : 2)
        for width in Array(1...13) + [64, 101] {
            let source = Canvas(width, 5)
            source.randomize(&random, premultiplied: valid)
            let background = Canvas(width, 5)
            background.randomize(&random, premultiplied: valid)
            var results: [[UInt32]] = []
            for kernel in Self.kernels {
                let canvas = Canvas(width, 5)
                canvas.buffer().copy(background.buffer().image, to: .zero)
                canvas.buffer(.argb8888, kernel).blend(source.buffer().image, to: .zero)
                #expect(canvas.guardIsIntact)
                results.append(canvas.pixels)
            }
            #expect(results[0] == results[1])
            let wanted = zip(source.pixels, background.pixels).map { s, d in
                // An opaque source replaces whatever was there.
                s >= 0xFF00_0000 ? s : reference(s, over: d)
            }
            #expect(results[0] == wanted)
        }
    }

    @Test func everyVariantOfEveryRowAgrees() {
        var random = SeededGenerator(seed: 3)
        for round in 0..<60 {
            let width = 1 + Int(random.next() % 70)
            let source = Canvas(width, 4)
            source.randomize(&random, premultiplied: round % 2 == 0)
            let background = Canvas(width, 4)
            background.randomize(&random)
            let coverage = (0..<width * 4).map { _ -> UInt8 in
                switch random.next() % 4 {
                case 0: return 0
                case 1: return 255
                default: return UInt8(truncatingIfNeeded: random.next())
                }
            }
            let color = Color(argb: randomPixel(&random, premultiplied: false))
            let alpha = UInt8(truncatingIfNeeded: random.next())
            let results = Self.kernels.map { kernel -> [[UInt32]] in
                func drawn(_ draw: (PixelBuffer) -> Void) -> [UInt32] {
                    let canvas = Canvas(width, 4)
                    canvas.buffer().copy(background.buffer().image, to: .zero)
                    draw(canvas.buffer(.argb8888, kernel))
                    #expect(canvas.guardIsIntact)
                    return canvas.pixels
                }
                return [
                    drawn { $0.blend(source.buffer().image, to: .zero, alpha: alpha) },
                    drawn { $0.blend(source.buffer(.xrgb8888).image, to: .zero, alpha: alpha) },
                    drawn { $0.blend($0.bounds, color) },
                    drawn { buffer in
                        coverage.withUnsafeBytes {
                            let mask = CoverageMask(
                                memory: $0, width: Int32(width), height: 4, strideBytes: width)!
                            buffer.blend(mask, to: .zero, color)
                            buffer.blend(mask, to: .zero, Color(rgb: 0x336699))
                        }
                    },
                ]
            }
            #expect(results[0] == results[1])
        }
    }

    @Test func drawingStaysInsideTheClip() {
        var random = SeededGenerator(seed: 4)
        let source = Canvas(20, 20)
        source.randomize(&random)
        for _ in 0..<400 {
            func number() -> Int32 { Int32(random.next() % 60) - 20 }
            let canvas = Canvas(24, 18, fill: 0xFF11_2233)
            let clip = Rect(left: number(), top: number(), right: number(), bottom: number())
            let rect = Rect(left: number(), top: number(), right: number(), bottom: number())
            let buffer = canvas.buffer().clipped(to: clip)
            let point = Point(x: number(), y: number())
            switch random.next() % 5 {
            case 0: buffer.fill(rect, .white)
            case 1: buffer.blend(rect, Color(rgb: 0xFF0000, alpha: 100))
            case 2: buffer.copy(source.buffer().image, rect, to: point)
            case 3: buffer.blend(source.buffer().image, rect, to: point, alpha: 200)
            default: buffer.scroll(rect, by: Point(x: point.x / 4, y: point.y / 4))
            }
            #expect(canvas.guardIsIntact)
            for y in 0..<18 {
                for x in 0..<24 where !clip.contains(Point(x: Int32(x), y: Int32(y))) {
                    #expect(canvas[x, y] == 0xFF11_2233)
                }
            }
        }
    }

    @Test func copyLandsWhereAsked() {
        var random = SeededGenerator(seed: 5)
        let source = Canvas(30, 30)
        source.randomize(&random)
        for _ in 0..<200 {
            func number() -> Int32 { Int32(random.next() % 70) - 20 }
            let rect = Rect(left: number(), top: number(), right: number(), bottom: number())
            let point = Point(x: number(), y: number())
            let canvas = Canvas(25, 25)
            canvas.buffer().copy(source.buffer().image, rect, to: point)
            for y in 0..<25 {
                for x in 0..<25 {
                    let from = Point(x: Int32(x) - point.x + rect.left, y: Int32(y) - point.y + rect.top)
                    let inside = rect.contains(from) && source.buffer().bounds.contains(from)
                    #expect(canvas[x, y] == (inside ? source[Int(from.x), Int(from.y)] : 0))
                }
            }
        }
    }

    @Test func copyOfOpaquePixelsSetsAlpha() {
        let source = Canvas(4, 1, fill: 0x0012_3456)
        let canvas = Canvas(4, 1)
        canvas.buffer().copy(source.buffer(.xrgb8888).image, to: .zero)
        #expect(canvas.pixels == [UInt32](repeating: 0xFF12_3456, count: 4))
    }

    @Test func scrollMovesOverlappingPixels() {
        var random = SeededGenerator(seed: 6)
        for _ in 0..<300 {
            let canvas = Canvas(20, 16)
            canvas.randomize(&random)
            let before = canvas.pixels
            func number(_ range: Int32) -> Int32 { Int32(random.next() % UInt64(range)) }
            let rect = Rect(left: number(20), top: number(16), right: number(24), bottom: number(20))
            let offset = Point(x: number(13) - 6, y: number(13) - 6)
            let exposed = canvas.buffer().scroll(rect, by: offset)
            let area = rect.intersection(canvas.buffer().bounds)
            #expect(canvas.guardIsIntact)
            for y in 0..<16 {
                for x in 0..<20 {
                    let p = Point(x: Int32(x), y: Int32(y))
                    let from = p - offset
                    let moves = area.contains(p) && area.contains(from) && offset != .zero
                    #expect(canvas[x, y] == before[moves ? Int(from.y) * 20 + Int(from.x) : y * 20 + x])
                    #expect(exposed.contains(p) == (area.contains(p) && !area.contains(from)))
                }
            }
        }
    }

    @Test func viewsHaveTheirOwnOrigin() {
        let canvas = Canvas(20, 20)
        let view = canvas.buffer().clipped(to: Rect(x: 6, y: 6, width: 4, height: 4))
            .view(of: Rect(x: 5, y: 5, width: 100, height: 100))
        #expect(view.size == Size(width: 15, height: 15))
        view.fill(view.bounds, .white)
        #expect(canvas.buffer().pixel(at: Point(x: 6, y: 6)) == 0xFFFF_FFFF)
        #expect(canvas.buffer().pixel(at: Point(x: 5, y: 5)) == 0)
        #expect(canvas.buffer().pixel(at: Point(x: 10, y: 9)) == 0)
        #expect(canvas.pixels.filter { $0 != 0 }.count == 16)
        let none = canvas.buffer().view(of: Rect(x: 30, y: 0, width: 5, height: 5))
        none.fill(Rect(x: 0, y: 0, width: 100, height: 100), .white)
        #expect(canvas.guardIsIntact)
    }

    @Test func mixersInterpolate() {
        var random = SeededGenerator(seed: 12)
        for _ in 0..<300 {
            let a = randomPixel(&random)
            let b = randomPixel(&random)
            let mixer = PixelMixer(from: a, to: b)
            for t in 0...255 {
                let pixel = interpolate(a, b, UInt8(t))
                #expect(mixer.pixel(UInt8(t)) == pixel)
                let wanted = (Int((a >> 8) & 0xFF) * (255 - t) + Int((b >> 8) & 0xFF) * t) * 2
                #expect(Int((pixel >> 8) & 0xFF) == (wanted + 255) / 510)
            }
            #expect(mixer.pixel(0) == a && mixer.pixel(255) == b)
        }
    }

    @Test func layoutsThatDoNotFitAreRefused() {
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 400, alignment: 16)
        defer { memory.deallocate() }
        func fits(_ width: Int32, _ height: Int32, _ stride: Int, offset: Int = 0) -> Bool {
            PixelBuffer(
                memory: UnsafeMutableRawBufferPointer(rebasing: memory[offset...]), width: width, height: height,
                strideBytes: stride, format: .argb8888) != nil
        }
        #expect(fits(10, 10, 40))
        #expect(!fits(10, 10, 44))
        #expect(fits(10, 9, 44))
        #expect(!fits(10, 11, 40))
        #expect(!fits(11, 1, 40))
        #expect(!fits(1, 1, 6))
        #expect(!fits(1, 1, 4, offset: 1))
        #expect(!fits(-1, 1, 4))
        #expect(!fits(1, .max, .max - 3))
        #expect(fits(0, 10, 0))
    }

    @Test func fastestMeasuresBoth() {
        var time: UInt64 = 0
        _ = BlendKernel.fastest {
            time += 100
            return time
        }
        #expect(time == 100 * 16)
        #expect(BlendKernel(name: "vector") == .vector)
        #expect(BlendKernel(name: "mmx") == nil)
    }
}
