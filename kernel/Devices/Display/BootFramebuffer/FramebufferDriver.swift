import Support

/// Makes the boot framebuffer a card.
public enum FramebufferDriver {
    // Written once at boot.
    nonisolated(unsafe) private static var card: DisplayCard?

    /// - Returns: false when the framebuffer cannot be used.
    public static func start(_ boot: BootFramebuffer) -> Bool {
        guard let surface = FramebufferSurface(boot) else { return false }
        let card = DisplayCard(BootFramebufferDisplay(surface))
        self.card = card
        PanicScreen.target = FramebufferPanicTarget(surface)
        card.register()
        return true
    }
}

/// The panic screen on the framebuffer itself.
final class FramebufferPanicTarget: PanicTarget {
    private let surface: FramebufferSurface
    init(_ surface: FramebufferSurface) { self.surface = surface }
    override var width: Int { surface.width }
    override var height: Int { surface.height }
    override func begin() -> Bool { true }
    override func write(_ pixels: UnsafeRawPointer, count: Int, x: Int, y: Int) {
        surface.write(pixels, count: count, x: x, y: y)
    }
}
