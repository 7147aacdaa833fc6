import ABI
import Display
import DisplayModel
import Files
import KernelSeams
import Support
import Testing
import VirtualMemory

/// A display that only writes down what it is asked to do.
private final class RecordingDisplay: DisplayDriver {
    var log: [Swift.String] = []
    var frames: UInt64 = 0
    var finished: UInt64 = 0

    override func modes() -> [DRMModeInfo] {
        [
            .reducedBlanking(width: 640, height: 480, type: DRMModeInfo.typePreferred),
            .reducedBlanking(width: 320, height: 200, type: 0),
        ]
    }
    override func supports(_ mode: DRMModeInfo) -> Bool { mode.hdisplay <= 640 }
    override var cursorSide: UInt32? { 64 }
    override var submittedFrame: UInt64 { frames }
    override var completedFrame: UInt64 { finished }
    private func text(_ rect: ScreenRect) -> Swift.String { "\(rect.x1),\(rect.y1) \(rect.width)x\(rect.height)" }

    override func show(_ framebuffer: Framebuffer, source: ScreenRect) throws(Errno) { log.append("show \(text(source))") }
    override func flip(to framebuffer: Framebuffer, source: ScreenRect, isUploaded: Bool) throws(Errno) -> UInt64 {
        log.append("flip \(framebuffer.id)")
        frames += 1
        return frames
    }
    override func update(_ framebuffer: Framebuffer, damage: DamageBatch, source: ScreenRect?) throws(Errno) {
        for index in 0..<damage.count { log.append((source == nil ? "upload " : "update ") + text(damage[index])) }
    }
    override func blank() { log.append("blank") }
    override func setCursor(
        _ buffer: BufferObject?, hotX: Int32, hotY: Int32, position: (x: Int32, y: Int32)?
    ) throws(Errno) {
        let place: Swift.String = position.map { " at \($0.x),\($0.y)" } ?? ""
        log.append(buffer == nil ? "no cursor" : "cursor \(hotX),\(hotY)" + place)
    }
    override func moveCursor(x: Int32, y: Int32) throws(Errno) { log.append("move \(x),\(y)") }
    override func forget(_ buffer: BufferObject) { log.append("forget") }
    func take() -> [Swift.String] {
        defer { log = [] }
        return log
    }
}

/// One open card, with calls that look like a program's.
private final class Client {
    let file: OpenFile
    init(_ card: DisplayCard) { file = card.makeFile(flags: [.readWrite, .nonBlocking]) }

    @discardableResult
    func call<T: BitwiseCopyable>(_ request: IoctlRequest, _ value: inout T) -> Errno? {
        let place = UserScratch.place(value)
        defer { value = place.pointee }
        do throws(Errno) {
            _ = try file.control(request.rawValue, UserScratch.address(place))
            return nil
        } catch { return error }
    }

    func makeBuffer(_ width: UInt32, _ height: UInt32) -> DRMModeCreateDumb {
        var dumb = DRMModeCreateDumb()
        dumb.width = width
        dumb.height = height
        dumb.bitsPerPixel = 32
        call(DRMRequest.createDumb, &dumb)
        return dumb
    }

    func makeFramebuffer(_ width: UInt32, _ height: UInt32) -> UInt32 {
        let dumb = makeBuffer(width, height)
        var command = DRMModeFramebuffer()
        command.width = width
        command.height = height
        command.pitch = dumb.pitch
        command.bitsPerPixel = 32
        command.depth = 24
        command.handle = dumb.handle
        call(DRMRequest.addFramebuffer, &command)
        return command.framebufferID
    }

    func setMode(_ framebuffer: UInt32, _ width: UInt16 = 640, _ height: UInt16 = 480) -> Errno? {
        var crtc = DRMModeCRTC()
        crtc.crtcID = 36
        crtc.framebufferID = framebuffer
        crtc.connectorsPointer = UserScratch.place([UInt32(38)])
        crtc.connectorCount = 1
        crtc.modeValid = 1
        crtc.mode = .reducedBlanking(width: width, height: height, type: 0)
        return call(DRMRequest.setCRTC, &crtc)
    }

    func dirty(_ framebuffer: UInt32, _ clips: [DRMClipRect]) -> Errno? {
        var command = DRMModeDirty()
        command.framebufferID = framebuffer
        command.clipCount = UInt32(clips.count)
        command.clipsPointer = UserScratch.place(clips)
        return call(DRMRequest.dirtyFramebuffer, &command)
    }

    func flip(_ framebuffer: UInt32, userData: UInt64) -> Errno? {
        var flip = DRMModePageFlip()
        flip.crtcID = 36
        flip.framebufferID = framebuffer
        flip.flags = DRMModePageFlip.event
        flip.userData = userData
        return call(DRMRequest.pageFlip, &flip)
    }

    func readEvents(_ room: Int) -> [DRMEventVBlank] {
        var events = [DRMEventVBlank](repeating: DRMEventVBlank(), count: room)
        let count = events.withUnsafeMutableBytes { bytes -> Int in
            do throws(Errno) {
                var buffer = TransferBuffer(kernel: bytes)
                return try file.read(&buffer)
            } catch { return 0 }
        }
        return Array(events.prefix(count / 32))
    }
}

private func withCard(_ body: (DisplayCard, RecordingDisplay) -> Void) {
    FakeMemory.start()
    FakeProcessor.start()
    withProcessor {
        let driver = RecordingDisplay()
        let card = DisplayCard(driver)
        body(card, driver)
    }
}

@Suite struct CardTests {
    @Test func theNameIsTold() {
        withCard { card, _ in
            let client = Client(card)
            let name = UserScratch.allocate(UInt8.self, count: 32)
            var version = DRMVersion()
            version.nameLength = 32
            version.name = UserScratch.address(name)
            #expect(client.call(DRMRequest.version, &version) == nil)
            #expect(version.nameLength == 7)
            #expect(Swift.String(decoding: UnsafeBufferPointer(start: name, count: 8).prefix(7), as: UTF8.self) == "martlet")
        }
    }

    @Test func listsObjectsAndModes() {
        withCard { card, _ in
            let client = Client(card)
            var resources = DRMModeResources()
            #expect(client.call(DRMRequest.getResources, &resources) == nil)
            #expect(resources.crtcCount == 1 && resources.connectorCount == 1 && resources.encoderCount == 1)
            let modes = UserScratch.allocate(DRMModeInfo.self, count: 2)
            var connector = DRMModeConnector()
            connector.connectorID = 38
            connector.modeCount = 2
            connector.modesPointer = UserScratch.address(modes)
            #expect(client.call(DRMRequest.getConnector, &connector) == nil)
            #expect(connector.modeCount == 2 && connector.connection == DRMModeConnector.connected)
            #expect(modes[0].hdisplay == 640 && modes[1].vdisplay == 200)
            connector.connectorID = 7
            #expect(client.call(DRMRequest.getConnector, &connector) == .noEntry)
        }
    }

    @Test func damageIsExact() {
        withCard { card, driver in
            let client = Client(card)
            let framebuffer = client.makeFramebuffer(640, 480)
            #expect(client.dirty(framebuffer, [DRMClipRect(x1: 1, y1: 1, x2: 3, y2: 3)]) == nil)
            #expect(driver.take() == ["upload 1,1 2x2"])
            #expect(client.setMode(framebuffer) == nil)
            #expect(driver.take() == ["show 0,0 640x480"])
            #expect(
                client.dirty(
                    framebuffer, [DRMClipRect(x1: 8, y1: 16, x2: 16, y2: 32), DRMClipRect(x1: 600, y1: 470, x2: 700, y2: 500)])
                    == nil)
            #expect(driver.take() == ["update 8,16 8x16", "update 600,470 40x10"])
            #expect(client.dirty(framebuffer, []) == nil)
            #expect(driver.take() == ["update 0,0 640x480"])
            #expect(client.dirty(9999, []) == .noEntry)
        }
    }

    @Test func modesMustFit() {
        withCard { card, driver in
            let client = Client(card)
            let small = client.makeFramebuffer(320, 200)
            #expect(client.setMode(small) == .noSpace)
            #expect(client.setMode(small, 320, 200) == nil)
            #expect(client.setMode(small, 1280, 800) == .invalidArgument)
            #expect(client.setMode(12345, 320, 200) == .noEntry)
            #expect(driver.take() == ["show 0,0 320x200"])
        }
    }

    @Test func onlyTheMasterMayShow() {
        withCard { card, driver in
            let master = Client(card), other = Client(card)
            let framebuffer = other.makeFramebuffer(640, 480)
            #expect(other.setMode(framebuffer) == .accessDenied)
            #expect(other.dirty(framebuffer, []) == .accessDenied)
            var nothing: UInt32 = 0
            #expect(other.call(DRMRequest.setMaster, &nothing) == .busy)
            #expect(other.call(DRMRequest.dropMaster, &nothing) == .invalidArgument)
            #expect(master.call(DRMRequest.dropMaster, &nothing) == nil)
            #expect(other.call(DRMRequest.setMaster, &nothing) == nil)
            #expect(other.setMode(framebuffer) == nil)
            #expect(driver.take() == ["show 0,0 640x480"])
            // Framebuffers belong to who made them.
            var id = framebuffer
            #expect(master.call(DRMRequest.removeFramebuffer, &id) == .noEntry)
        }
    }

    @Test func closingTakesEverythingAway() {
        withCard { card, driver in
            do {
                let client = Client(card)
                let framebuffer = client.makeFramebuffer(640, 480)
                _ = client.makeBuffer(64, 64)
                #expect(client.setMode(framebuffer) == nil)
                _ = driver.take()
            }
            #expect(driver.take() == ["blank", "forget", "forget"])
            let next = Client(card)
            #expect(next.setMode(next.makeFramebuffer(640, 480)) == nil)
        }
    }

    @Test func buffersLiveAsLongAsTheirFramebuffers() {
        withCard { card, driver in
            let client = Client(card)
            let framebuffer = client.makeFramebuffer(640, 480)
            var handle: UInt32 = 1
            #expect(client.call(DRMRequest.destroyDumb, &handle) == nil)
            #expect(client.call(DRMRequest.destroyDumb, &handle) == .invalidArgument)
            #expect(driver.take() == [])
            var id = framebuffer
            #expect(client.call(DRMRequest.removeFramebuffer, &id) == nil)
            #expect(driver.take() == ["forget"])
            #expect(client.call(DRMRequest.removeFramebuffer, &id) == .noEntry)
        }
    }

    @Test func buffersAreMappedAtTheirOffset() throws {
        withCard { card, _ in
            let client = Client(card)
            _ = client.makeBuffer(16, 16)
            var map = DRMModeMapDumb()
            map.handle = 1
            #expect(client.call(DRMRequest.mapDumb, &map) == nil)
            func object(_ offset: UInt64, _ length: UInt64) -> MemoryObject? {
                do throws(Errno) {
                    return try client.file.memoryObject(offset: offset, length: length, shared: true, writable: true)
                } catch { return nil }
            }
            let mapped = object(map.offset, 4096)
            #expect(mapped != nil)
            func hasFrame(_ page: UInt64) -> Bool {
                do throws(FaultError) {
                    _ = try mapped?.frame(at: page, writing: true)
                    return true
                } catch { return false }
            }
            #expect(hasFrame(map.offset / 4096))
            #expect(!hasFrame(map.offset / 4096 + 1))
            #expect(!hasFrame(0))
            #expect(object(map.offset, 8192) == nil)
            #expect(object(0, 4096) == nil)
            #expect(object(5 << 32, 4096) == nil)
            #expect(object(.max & ~4095, 4096) == nil)
            map.handle = 77
            #expect(client.call(DRMRequest.mapDumb, &map) == .noEntry)
        }
    }

    @Test func flipsCompleteAtTheTickAfterTheFrame() {
        withCard { card, driver in
            let client = Client(card)
            let first = client.makeFramebuffer(640, 480), second = client.makeFramebuffer(640, 480)
            #expect(client.flip(first, userData: 1) == .busy)
            #expect(client.setMode(first) == nil)
            #expect(client.flip(second, userData: 42) == nil)
            #expect(client.flip(first, userData: 43) == .busy)
            #expect(client.readEvents(4).isEmpty)
            let end = machineMonotonicNanoseconds() + 20_000_000
            while machineMonotonicNanoseconds() < end {}
            card.frameCompleted()
            // The tick has come, but the device has not finished the frame.
            #expect(client.readEvents(4).isEmpty)
            driver.finished = driver.frames
            card.frameCompleted()
            #expect(client.file.poll(nil).contains(.input))
            let events = client.readEvents(4)
            #expect(events.count == 1)
            #expect(
                events.first?.userData == 42 && events.first?.type == DRMEventVBlank.flipComplete && events.first?.crtcID == 36)
            #expect(client.readEvents(4).isEmpty)
            #expect(client.flip(first, userData: 43) == nil)
        }
    }

    @Test func flippingToTheSameReportedBufferOnlyWaits() {
        withCard { card, driver in
            let client = Client(card)
            let framebuffer = client.makeFramebuffer(640, 480)
            #expect(client.setMode(framebuffer) == nil)
            #expect(client.dirty(framebuffer, [DRMClipRect(x1: 0, y1: 0, x2: 1, y2: 1)]) == nil)
            _ = driver.take()
            #expect(client.flip(framebuffer, userData: 0) == nil)
            #expect(driver.take() == [])
        }
    }

    @Test func cursorsAreChecked() {
        withCard { card, driver in
            let client = Client(card)
            let dumb = client.makeBuffer(64, 64)
            var cursor = DRMModeCursor2()
            cursor.cursor.flags = DRMModeCursor.image | DRMModeCursor.move
            cursor.cursor.crtcID = 36
            cursor.cursor.width = 64
            cursor.cursor.height = 64
            cursor.cursor.handle = dumb.handle
            cursor.cursor.x = 10
            cursor.cursor.y = -5
            cursor.hotX = 4
            cursor.hotY = 2
            #expect(client.call(DRMRequest.cursor2, &cursor) == nil)
            #expect(driver.take() == ["cursor 4,2 at 10,-5"])
            cursor.hotX = 64
            #expect(client.call(DRMRequest.cursor2, &cursor) == .invalidArgument)
            cursor.hotX = 0
            cursor.cursor.width = 32
            #expect(client.call(DRMRequest.cursor2, &cursor) == .invalidArgument)
            cursor.cursor.flags = 0
            #expect(client.call(DRMRequest.cursor2, &cursor) == .invalidArgument)
            var hide = DRMModeCursor()
            hide.flags = DRMModeCursor.image
            hide.crtcID = 36
            #expect(client.call(DRMRequest.cursor, &hide) == nil)
            #expect(driver.take() == ["no cursor"])
        }
    }

    @Test func shorterStructuresAreZeroExtended() {
        withCard { card, _ in
            let client = Client(card)
            // A program whose connector structure ends before the sizes in millimetres.
            let request = IoctlRequest(direction: 3, type: 0x64, number: 0xA7, size: 64)
            var connector = DRMModeConnector()
            connector.connectorID = 38
            connector.widthMillimetres = 0xDEAD
            #expect(client.call(request, &connector) == nil)
            #expect(connector.connectorType == DRMModeConnector.typeVirtual)
            #expect(connector.widthMillimetres == 0xDEAD)
        }
    }

    @Test func unknownRequestsAreRefused() {
        withCard { card, _ in
            let client = Client(card)
            var value: UInt64 = 0
            #expect(client.call(IoctlRequest(rawValue: 0xC008_64EE), &value) == .invalidArgument)
            #expect(client.call(IoctlRequest(rawValue: 0x5401), &value) == .notTerminal)
            #expect(client.call(IoctlRequest(direction: 3, type: 0x64, number: 0x2D, size: 8), &value) == .notSupported)
        }
    }
}
