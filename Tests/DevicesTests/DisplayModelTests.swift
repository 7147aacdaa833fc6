import ABI
import DisplayModel
import Testing

private func clip(_ x1: Int32, _ y1: Int32, _ x2: Int32, _ y2: Int32) -> ScreenRect { ScreenRect(x1: x1, y1: y1, x2: x2, y2: y2) }

@Suite struct DamageTests {
    private func batch() -> DamageBatch { DamageBatch(bounds: ScreenRect(width: 1280, height: 800)) }

    @Test func oneCellStaysOneCell() {
        var damage = batch()
        damage.add(clip(100, 200, 108, 216))
        #expect(damage.count == 1 && damage.pixelCount == 128)
    }

    @Test func clipsAreCutAndNonsenseIsIgnored() {
        var damage = batch()
        damage.add(clip(1270, 790, 65535, 65535))
        damage.add(clip(50, 50, 40, 60))
        damage.add(clip(2000, 0, 2100, 10))
        #expect(damage.count == 1)
        #expect(damage[0] == clip(1270, 790, 1280, 800))
    }

    @Test func mergesOnlyWhatCostsNothing() {
        var damage = batch()
        damage.add(clip(0, 0, 8, 16))
        damage.add(clip(8, 0, 16, 16))
        #expect(damage.count == 1 && damage[0] == clip(0, 0, 16, 16))
        damage.add(clip(100, 100, 110, 110))
        #expect(damage.count == 2)
        damage.add(clip(2, 2, 4, 4))
        #expect(damage.count == 2)
    }

    @Test func neverMoreThanTheLimitAndNothingIsLost() {
        var random = SystemRandomNumberGenerator()
        for _ in 0..<200 {
            var damage = batch()
            var rects: [ScreenRect] = []
            for _ in 0..<Int.random(in: 1...256, using: &random) {
                let x = Int32.random(in: 0..<1280, using: &random), y = Int32.random(in: 0..<800, using: &random)
                let rect = clip(x, y, x + .random(in: 1...64, using: &random), y + .random(in: 1...64, using: &random))
                rects.append(rect.intersection(damage.bounds))
                damage.add(rect)
            }
            #expect(damage.count <= DamageBatch.capacity)
            for rect in rects {
                var isCovered = false
                for index in 0..<damage.count where damage[index].intersection(rect) == rect { isCovered = true }
                #expect(isCovered)
            }
        }
    }

    @Test func dirtyRequestsAreChecked() throws {
        var request = DRMModeDirty()
        #expect(try validatedClipCount(request) == 0)
        request.clipCount = 1
        #expect(throws: Errno.invalidArgument) { try validatedClipCount(request) }
        request.clipsPointer = 0x1000
        #expect(try validatedClipCount(request) == 1)
        request.clipCount = 257
        #expect(throws: Errno.invalidArgument) { try validatedClipCount(request) }
        request.clipCount = 3
        request.flags = DRMModeDirty.annotateCopy
        #expect(throws: Errno.invalidArgument) { try validatedClipCount(request) }
        request.flags = 8
        #expect(throws: Errno.invalidArgument) { try validatedClipCount(request) }
    }
}

@Suite struct GeometryTests {
    @Test func dumbBuffers() throws {
        let geometry = try DumbGeometry(width: 1366, height: 768, bitsPerPixel: 32, flags: 0)
        #expect(geometry.pitch == 5464 && geometry.byteCount == (5464 * 768 + 4095) / 4096 * 4096)
        for (width, height, depth) in [(0, 1, 32), (1, 0, 32), (1, 1, 24), (8193, 1, 32), (.max, .max, 32)]
            as [(UInt32, UInt32, UInt32)]
        {
            #expect(throws: Errno.invalidArgument) {
                try DumbGeometry(width: width, height: height, bitsPerPixel: depth, flags: 0)
            }
        }
    }

    @Test func framebuffersLieInTheirBuffers() throws {
        func make(_ width: UInt32, _ height: UInt32, _ pitch: UInt32, _ offset: UInt32) throws(Errno) -> FramebufferGeometry {
            try FramebufferGeometry(
                width: width, height: height, pitch: pitch, offset: offset, bufferPitch: 400, bufferByteCount: 40960)
        }
        #expect(try make(100, 100, 400, 0).firstRow == 0)
        #expect(try make(50, 50, 400, 800).firstRow == 2)
        for (width, height, pitch, offset) in [
            (101, 10, 400, 0), (100, 103, 400, 0), (100, 100, 400, 1200), (10, 10, 40, 0), (10, 10, 400, 4),
            (10, 1, 400, .max - 5), (0, 1, 400, 0),
        ] as [(UInt32, UInt32, UInt32, UInt32)] {
            #expect(throws: Errno.invalidArgument) { try make(width, height, pitch, offset) }
        }
    }

    @Test func modesAreConsistent() {
        for index in commonDisplaySizes.indices {
            let (width, height) = commonDisplaySizes[index]
            let mode = DRMModeInfo.reducedBlanking(width: width, height: height, type: DRMModeInfo.typeDriver)
            #expect(mode.isConsistent)
            // What programs compute from the timings is 60 Hz, less the clock's rounding to 250 kHz.
            let refresh = Double(mode.clock) * 1000 / Double(mode.htotal) / Double(mode.vtotal)
            #expect(refresh > 59 && refresh <= 60)
        }
        let mode = DRMModeInfo.reducedBlanking(width: 1280, height: 800, type: 0)
        var name = ""
        for index in 0..<32 where mode.name[index] != 0 { name.append(Character(UnicodeScalar(mode.name[index]))) }
        #expect(name == "1280x800")
        #expect(!DRMModeInfo().isConsistent)
    }

    @Test func edidIsVerified() {
        var block = [UInt8](repeating: 0, count: 256)
        for index in 1..<7 { block[index] = 0xFF }
        block[21] = 34
        block[22] = 19
        block[127] = 0 &- block[0..<127].reduce(0, &+)
        #expect(EDID.isValid(block))
        #expect(EDID.byteCount(block) == 128)
        #expect(EDID.sizeMillimetres(block) == (340, 190))
        block[30] ^= 1
        #expect(!EDID.isValid(block))
        #expect(!EDID.isValid([0, 255]))
    }

    @Test func vblankSequences() {
        let clock = VBlankClock(origin: 1000)
        #expect(clock.sequence(at: 0) == 0)
        #expect(clock.sequence(at: clock.time(of: 7)) == 7)
        #expect(clock.sequence(at: clock.time(of: 7) - 1) == 6)
        #expect(clock.expand(2, near: 0xFFFF_FFFF) == 0x1_0000_0002)
        #expect(clock.expand(0xFFFF_FFF0, near: 0x1_0000_0002) == 0xFFFF_FFF0)
    }

    @Test func framesJoinIntoRuns() {
        let pages: [UInt64] = [0x1000, 0x2000, 0x3000, 0x8000, 0x7000, 0x9000, 0xA000]
        let entries = coalesceFrames(count: pages.count, pageByteCount: 4096) { pages[$0] }
        #expect(entries.map(\.address) == [0x1000, 0x8000, 0x7000, 0x9000])
        #expect(entries.map(\.byteCount) == [0x3000, 0x1000, 0x1000, 0x2000])
    }
}

@Suite struct PanicTextTests {
    @Test func textWrapsAndStopsAtTheBottom() {
        var grid = TextGrid(columns: 3, rows: 2)
        var cells: [String] = []
        for byte in "abcd\nef\ng".utf8 {
            let cell = grid.place(byte)
            cells.append(cell.map { "\($0.column),\($0.row)" } ?? "-")
        }
        #expect(cells == ["0,0", "1,0", "2,0", "0,1", "-", "-", "-", "-", "-"])
    }

    @Test func everyPrintableCharacterLooksDifferent() {
        var seen: Set<[UInt8]> = []
        for character in UInt8(0x20)...0x7F { seen.insert((0..<16).map { PanicFont.row(character, $0) }) }
        #expect(seen.count == 96)
        #expect(PanicFont.row(0x41, 0) == 0 && PanicFont.row(0x41, 15) == 0 && PanicFont.row(0x41, 1) == 0x38)
    }
}

@Suite struct DisplayLayoutTests {
    /// The numbers hold the size of the structure: they come from the C headers.
    @Test func requestNumbers() {
        let expected: [(IoctlRequest, UInt32)] = [
            (DRMRequest.version, 0xC040_6400), (DRMRequest.getUnique, 0xC010_6401), (DRMRequest.getMagic, 0x8004_6402),
            (DRMRequest.getClient, 0xC028_6405), (DRMRequest.setVersion, 0xC010_6407), (DRMRequest.gemClose, 0x4008_6409),
            (DRMRequest.getCapability, 0xC010_640C), (DRMRequest.setClientCapability, 0x4010_640D),
            (DRMRequest.authenticate, 0x4004_6411), (DRMRequest.setMaster, 0x641E), (DRMRequest.waitVBlank, 0xC018_643A),
            (DRMRequest.getResources, 0xC040_64A0), (DRMRequest.getCRTC, 0xC068_64A1), (DRMRequest.setCRTC, 0xC068_64A2),
            (DRMRequest.cursor, 0xC01C_64A3), (DRMRequest.getGamma, 0xC020_64A4), (DRMRequest.getEncoder, 0xC014_64A6),
            (DRMRequest.getConnector, 0xC050_64A7), (DRMRequest.getProperty, 0xC040_64AA), (DRMRequest.setProperty, 0xC010_64AB),
            (DRMRequest.getPropertyBlob, 0xC010_64AC), (DRMRequest.getFramebuffer, 0xC01C_64AD),
            (DRMRequest.addFramebuffer, 0xC01C_64AE), (DRMRequest.removeFramebuffer, 0xC004_64AF),
            (DRMRequest.pageFlip, 0xC018_64B0), (DRMRequest.dirtyFramebuffer, 0xC018_64B1), (DRMRequest.createDumb, 0xC020_64B2),
            (DRMRequest.mapDumb, 0xC010_64B3), (DRMRequest.destroyDumb, 0xC004_64B4), (DRMRequest.getPlaneResources, 0xC010_64B5),
            (DRMRequest.getPlane, 0xC020_64B6), (DRMRequest.addFramebuffer2, 0xC068_64B8),
            (DRMRequest.getObjectProperties, 0xC020_64B9), (DRMRequest.setObjectProperty, 0xC018_64BA),
            (DRMRequest.cursor2, 0xC024_64BB),
            (EvdevRequest.getVersion, 0x8004_4501), (EvdevRequest.getIdentity, 0x8008_4502),
            (EvdevRequest.getRepeat, 0x8008_4503),
            (EvdevRequest.setRepeat, 0x4008_4503), (EvdevRequest.getName(256), 0x8100_4506),
            (EvdevRequest.getBits(InputCode.evKey, 96), 0x8060_4521), (EvdevRequest.getAxis(InputCode.absY), 0x8018_4541),
            (EvdevRequest.grab, 0x4004_4590), (EvdevRequest.setClock, 0x4004_45A0),
        ]
        for (request, number) in expected { #expect(request.rawValue == number) }
    }

    @Test func structures() {
        #expect(MemoryLayout<DRMEventVBlank>.size == 32)
        #expect(MemoryLayout<DRMModeInfo>.size == 68)
        #expect(MemoryLayout<InputEvent>.size == 24)
        #expect(MemoryLayout<GPUHeader>.size == 24)
        #expect(MemoryLayout<GPUResourceCreate2D>.size == 40)
        #expect(MemoryLayout<GPUResourceReference>.size == 32)
        #expect(MemoryLayout<GPUSetScanout>.size == 48)
        #expect(MemoryLayout<GPUResourceFlush>.size == 48)
        #expect(MemoryLayout<GPUTransferToHost2D>.size == 56)
        #expect(MemoryLayout<GPUAttachBacking>.size == 32)
        #expect(MemoryLayout<GPUMemoryEntry>.size == 16)
        #expect(MemoryLayout<GPUGetEDID>.size == 32)
        #expect(MemoryLayout<GPUCursor>.size == 56)
        #expect(MemoryLayout<GPUDisplay>.size == 24)
    }
}
