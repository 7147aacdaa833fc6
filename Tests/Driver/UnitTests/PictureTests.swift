import Testing
import TestDriver

@Suite struct PictureTests {
    private func sample() -> Picture {
        var picture = Picture(width: 37, height: 21)
        for y in 0..<21 { for x in 0..<37 { picture[x, y] = UInt32(x * 6) << 16 | UInt32(y * 11) << 8 | UInt32((x * y) & 0xff) } }
        return picture
    }

    @Test func pngRoundTrip() throws { #expect(try Picture(png: sample().pngBytes()) == sample()) }

    @Test func pngRejectsDamage() {
        var bytes = sample().pngBytes()
        bytes[60] ^= 0x55
        #expect(throws: TestFailure.self) { try Picture(png: bytes) }
        #expect(throws: TestFailure.self) { try Picture(png: Array(sample().pngBytes().prefix(40))) }
        #expect(throws: TestFailure.self) { try Picture(png: []) }
    }

    @Test func pixmapWithComment() throws {
        let bytes = Array("P6\n# by hand\n2 1\n255\n".utf8) + [1, 2, 3, 255, 254, 253]
        #expect(try Picture(ppm: bytes) == Picture(width: 2, height: 1, pixels: [0x010203, 0xfffefd]))
        #expect(throws: TestFailure.self) { try Picture(ppm: Array(bytes.dropLast())) }
    }

    @Test func differenceNamesTheRegion() {
        var other = sample()
        other[5, 6] ^= 0x400000
        other[9, 8] ^= 0x000040
        let (count, region) = sample().difference(from: other, tolerance: 2)
        #expect(count == 2)
        #expect(region == PictureRegion(x: 5, y: 6, width: 5, height: 3))
        #expect(sample().difference(from: other, tolerance: 64).count == 0)
    }

    @Test func maskedRegionsAreEqual() {
        var other = sample()
        other[5, 6] = 0xffffff
        let mask = [PictureRegion(x: 4, y: 4, width: 4, height: 4), PictureRegion(x: 30, y: 15, width: 100, height: 100)]
        #expect(sample().masking(mask) == other.masking(mask))
    }

    @Test func flushLineIsRead() {
        let line = "2026-01-01T00:00:00.000000Z virtio_gpu_cmd_res_flush res 0x2, w 8, h 17, x 40, y 80"
        #expect(Flush(traceLine: line)?.byteCount == 8 * 17 * 4)
        #expect(Flush(traceLine: "virtio_gpu_cmd_res_xfer_toh_2d res 0x2") == nil)
    }
}
