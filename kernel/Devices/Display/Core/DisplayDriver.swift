import ABI
import DisplayModel
import Support

/// A display that the DRM core drives: one picture, one connector, perhaps a cursor. Subclassed for each kind of hardware.
///
/// Every method is called in a thread with the card's lock held, one at a time; they may sleep, with a bound.
open class DisplayDriver {
    /// Told when a frame has been completed; set by the card. Called in any context.
    public internal(set) final unowned(unsafe) var card: DisplayCard?

    public init() {}

    /// A few words for DRM_IOCTL_VERSION's description and the log.
    open var summary: StaticString { "display" }
    /// What the display can show now; the preferred mode is first.
    open func modes() -> [DRMModeInfo] { [] }
    open var isConnected: Bool { true }
    /// Extended display identification data; empty when there is none.
    open var edid: [UInt8] { [] }
    open var maxWidth: UInt32 { DumbGeometry.maxSide }
    open var maxHeight: UInt32 { DumbGeometry.maxSide }
    /// The side of the hardware cursor's square; nil when there is no hardware cursor.
    open var cursorSide: UInt32? { nil }

    /// Whether a mode can be set.
    open func supports(_ mode: DRMModeInfo) -> Bool { false }
    /// Shows a part of a framebuffer, as large as the mode: transfers all of it and makes it the picture.
    open func show(_ framebuffer: Framebuffer, source: ScreenRect) throws(Errno) {}
    /// Shows another framebuffer in the same mode. `isUploaded` says that its content was already transferred by `update`.
    /// - Returns: the number of the frame, to be compared with `completedFrame`.
    open func flip(to framebuffer: Framebuffer, source: ScreenRect, isUploaded: Bool) throws(Errno) -> UInt64 { 0 }
    /// Transfers what has changed in a framebuffer; when it is shown, also makes it visible.
    /// - Parameters:
    ///   - damage: in the framebuffer's coordinates, not empty.
    ///   - source: the part that is shown; nil when the framebuffer is not.
    open func update(_ framebuffer: Framebuffer, damage: DamageBatch, source: ScreenRect?) throws(Errno) {}
    /// Shows nothing.
    open func blank() {}
    /// Sets the cursor's image, or hides it, and moves it in the same step when a position is given.
    open func setCursor(
        _ buffer: BufferObject?, hotX: Int32, hotY: Int32, position: (x: Int32, y: Int32)?
    ) throws(Errno) { throw .noDeviceOrAddress }
    /// Moves the cursor: the position is that of the image's upper left corner.
    open func moveCursor(x: Int32, y: Int32) throws(Errno) { throw .noDeviceOrAddress }
    /// The buffer is no longer used: ends what the driver has for it. Its memory may be freed after this returns.
    open func forget(_ buffer: BufferObject) {}

    /// The number of the last frame that was submitted, and of the last one that is on the screen. Callable in any context.
    open var submittedFrame: UInt64 { 0 }
    open var completedFrame: UInt64 { 0 }
}
