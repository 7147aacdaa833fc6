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
        card.register()
        return true
    }
}
