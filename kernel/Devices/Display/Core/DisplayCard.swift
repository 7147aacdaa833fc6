import ABI
import DisplayModel
import Files
import Scheduling
import Support

/// Numbers of the objects that programs name. There is one of each.
enum ModeObject {
    static var primaryPlane: UInt32 { 31 }
    static var cursorPlane: UInt32 { 34 }
    static var crtc: UInt32 { 36 }
    static var encoder: UInt32 { 37 }
    static var connector: UInt32 { 38 }
    static var edidBlob: UInt32 { 50 }
    static var firstFramebuffer: UInt32 { 64 }
}

/// A display device with its mode-setting state: what `/dev/dri/card0` is.
public final class DisplayCard {
    /// What is shown.
    struct Picture {
        var framebuffer: Framebuffer
        var mode: DRMModeInfo
        var x: Int32
        var y: Int32
        var source: ScreenRect {
            ScreenRect(x1: x, y1: y, x2: x + Int32(mode.hdisplay), y2: y + Int32(mode.vdisplay))
        }
    }
    struct State: ~Copyable {
        /// The serial number of the file that may set modes; 0 when none may.
        var master: UInt64 = 0
        var framebuffers: [Framebuffer] = []
        var nextFramebuffer = ModeObject.firstFramebuffer
        var picture: Picture?
        var cursor: BufferObject?
        var isPoweredOff = false
        var nextFile: UInt64 = 1
    }
    let state: Mutex<State>
    let driver: DisplayDriver
    let vblank: VBlankTimer

    public init(_ driver: DisplayDriver) {
        self.driver = driver
        state = Mutex(State())
        vblank = VBlankTimer(driver: driver)
        driver.card = self
    }

    /// Called by the driver when a frame is on the screen. Callable in interrupts.
    public func frameCompleted() {
        KeyLatency.frameShown()
        vblank.frameCompleted()
    }

    /// Registers the card as /dev/dri/card0.
    public func register() {
        Log.info("display: card0 is \(driver.summary)")
        DeviceRegistry.registerCharacter(major: 226, minor: 0, name: "dri/card0", mode: 0o660, opener: CardOpener(self))
    }

    // MARK: Files

    /// Opens the card.
    public func makeFile(flags: OpenFlags, inode: Inode? = nil, path: PathNode? = nil) -> OpenFile {
        CardFile(self, flags: flags, inode: inode, path: path)
    }

    /// A new file's serial number. The first file, and the first after a master has gone, becomes master.
    func addFile() -> UInt64 {
        state.withLock { state in
            let serial = state.nextFile
            state.nextFile += 1
            if state.master == 0 { state.master = serial }
            return serial
        }
    }

    /// A file is gone: its framebuffers, buffers and rights go with it. What it showed is taken off the screen.
    func removeFile(_ serial: UInt64, handles: [BufferObject?]) {
        state.withLock { state in
            var index = 0
            while index < state.framebuffers.count {
                if state.framebuffers[index].owner == serial {
                    remove(at: index, &state)
                } else {
                    index += 1
                }
            }
            for case let buffer? in handles { buffer.endUse(driver) }
            if state.master == serial {
                state.master = 0
                hideCursor(&state)
                if state.picture != nil {
                    state.picture = nil
                    driver.blank()
                }
            }
        }
    }

    // MARK: With the lock held

    func framebuffer(_ id: UInt32, _ state: borrowing State) throws(Errno) -> Framebuffer {
        for framebuffer in state.framebuffers where framebuffer.id == id { return framebuffer }
        throw .noEntry
    }

    /// Removes a framebuffer; if it is shown, the screen goes blank first.
    func remove(at index: Int, _ state: inout State) {
        let framebuffer = state.framebuffers.remove(at: index)
        if let picture = state.picture, picture.framebuffer === framebuffer {
            state.picture = nil
            driver.blank()
        }
        framebuffer.buffer.endUse(driver)
    }

    func hideCursor(_ state: inout State) {
        guard let cursor = state.cursor else { return }
        try? driver.setCursor(nil, hotX: 0, hotY: 0, position: nil)
        state.cursor = nil
        cursor.endUse(driver)
    }
}

/// Opens the card.
final class CardOpener: DeviceOpener {
    private let card: DisplayCard
    init(_ card: DisplayCard) { self.card = card }
    override func open(flags: OpenFlags, inode: Inode, path: PathNode?) throws(Errno) -> OpenFile {
        card.makeFile(flags: flags, inode: inode, path: path)
    }
}
