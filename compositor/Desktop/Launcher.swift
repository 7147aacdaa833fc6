// The launcher: Super opens it, typing filters, Enter starts, Escape closes.

import ArtPack
import Chrome
import CompositorCore
import FontAtlas
import Gfx
import Keymap
import Scene
import Text
import Tokens

public final class Launcher: KeyFilter {
    private let compositor: Compositor
    private let starter: AppStarter
    private let style: ChromeStyle
    /// Covers the screen: a press outside the card closes the launcher.
    private let backdrop: SceneNode
    private let card = SceneNode()
    private let shadow = SceneNode()

    private var apps: [AppEntry] = []
    private var results: [AppEntry] = []
    private var query = ""
    private var selected = 0
    public private(set) var isOpen = false { didSet { onChange?() } }
    /// Called when the launcher opens or closes.
    var onChange: (() -> Void)?

    static var width: Int32 { 520 }
    static var fieldHeight: Int32 { 52 }
    static var rowHeight: Int32 { 48 }
    static var rowLimit: Int { 7 }

    public init(_ compositor: Compositor, _ starter: AppStarter) {
        self.compositor = compositor
        self.starter = starter
        style = compositor.chromeStyle
        let size = compositor.scene.bounds.size
        backdrop = SceneNode(size: size)
        backdrop.input = .everywhere
        backdrop.target = BackdropTarget(self)
        backdrop.setVisible(false)
        backdrop.add(shadow)
        backdrop.add(card)
        card.drawable = LauncherPainter(self)
        card.input = .everywhere
        card.target = CardTarget(self)
        shadow.drawable = LauncherShadow(self)
        compositor.overlay.add(backdrop)
    }

    // MARK: Opening

    public func toggle() { if isOpen { close() } else { open() } }

    public func open() {
        guard !isOpen else { return }
        isOpen = true
        apps = starter.installedApps() + AppEntry.actions
        setQuery("")
        backdrop.setVisible(true)
        compositor.seat.add(self)
    }

    public func close() {
        guard isOpen else { return }
        isOpen = false
        backdrop.setVisible(false)
        compositor.seat.remove(self)
    }

    private func setQuery(_ text: String) {
        query = text
        results = Array(AppEntry.search(apps, query).prefix(Launcher.rowLimit))
        selected = 0
        layout()
        card.invalidate()
    }

    private func layout() {
        let rows = Int32(max(results.count, 1))
        let size = Size(width: Launcher.width, height: Launcher.fieldHeight + Metrics.grid * 2 + rows * Launcher.rowHeight)
        let screen = compositor.scene.bounds.size
        card.setPosition(Point(x: (screen.width - size.width) / 2, y: max(Metrics.panelHeight + Metrics.grid, screen.height / 5)))
        card.setSize(size)
        var solid = Region(card.bounds)
        for square in style.corners.squares(of: card.bounds) { solid.subtract(square) }
        card.setOpaque(solid)
        shadow.setPosition(card.position - Point(x: style.shadowMargin, y: style.shadowMargin))
        shadow.setSize(Size(width: size.width + style.shadowMargin * 2, height: size.height + style.shadowMargin * 2))
    }

    // MARK: Keys

    public func noteButton() {}

    public func filter(_ key: KeyPress) -> Bool {
        guard key.isPressed else { return false }
        // Shortcuts with Super go on to the next filter; so does Super itself, which closes.
        if key.modifiers.contains(.logo) || key.symbol == Keysym.superLeft || key.symbol == Keysym.superRight { return false }
        switch key.symbol {
        case Keysym.escape: close()
        case Keysym.enter, Keysym.keypadEnter: start(selected)
        case Keysym.up: select(selected - 1)
        case Keysym.down: select(selected + 1)
        case Keysym.tab: select((selected + 1) % max(results.count, 1))
        case Keysym.backspace: if !query.isEmpty { setQuery(String(query.dropLast())) }
        default:
            if let character = key.character, key.modifiers.isDisjoint(with: [.control, .alt]), query.utf8.count < 64 {
                setQuery(query + String(Character(character)))
            }
        }
        return true
    }

    private func select(_ index: Int) {
        guard results.indices.contains(index), index != selected else { return }
        for row in [selected, index] { card.invalidate(Region(rowRect(row))) }
        selected = index
    }

    private func start(_ index: Int) {
        guard results.indices.contains(index) else { return }
        let command = results[index].command
        close()
        starter.start(command)
    }

    // MARK: Pointer

    fileprivate func hover(_ point: Point) { if let row = row(at: point) { select(row) } }
    fileprivate func press(_ point: Point) { if let row = row(at: point) { start(row) } }

    private func row(at point: Point) -> Int? { results.indices.first { rowRect($0).contains(point) } }

    private func rowRect(_ row: Int) -> Rect {
        Rect(
            x: Metrics.grid, y: Launcher.fieldHeight + Metrics.grid + Int32(row) * Launcher.rowHeight,
            width: Launcher.width - Metrics.grid * 2,
            height: Launcher.rowHeight)
    }

    // MARK: Drawing

    fileprivate func draw(into target: PixelBuffer, at origin: Point) {
        let palette = style.palette
        let area = Rect(origin: origin, size: card.size)
        target.fill(area, corners: style.corners, palette.raised)
        drawField(into: target, Rect(origin: origin, size: Size(width: area.width, height: Launcher.fieldHeight)))
        target.blend(Rect(x: origin.x, y: origin.y + Launcher.fieldHeight - 1, width: area.width, height: 1), palette.hairline)
        for row in results.indices { drawRow(row, into: target, rowRect(row).translated(by: origin)) }
        if results.isEmpty, let font = style.fonts.body {
            target.draw(
                "Nothing is called “\(query)”", font: font, in: rowRect(0).translated(by: origin), alignment: .center,
                palette.secondary)
        }
    }

    private func drawField(into target: PixelBuffer, _ area: Rect) {
        guard target.clip.intersects(area), let font = style.fonts.title else { return }
        let palette = style.palette
        if let icon = style.art?.mask("icon/search@1") {
            target.blend(icon, to: Point(x: area.left + 20, y: area.top + (area.height - icon.height) / 2), palette.secondary)
        }
        let text = area.inset(left: 20 + 16 + Metrics.grid + 4, right: 20)
        let line = TextLine(query, font: font)
        let baseline = font.centeredBaseline(in: text)
        if query.isEmpty {
            target.draw("Search applications", font: font, in: text.inset(left: 4), palette.secondary)
        } else {
            target.clipped(to: text).draw(line, at: Point(x: text.left, y: baseline), palette.text)
        }
        let caret = Rect(
            x: text.left + min(line.width + 1, text.width - 2), y: baseline - font.ascent + 1, width: 2,
            height: font.ascent + font.descent)
        target.fill(caret, palette.accent)
    }

    private func drawRow(_ row: Int, into target: PixelBuffer, _ area: Rect) {
        guard target.clip.intersects(area) else { return }
        let palette = style.palette
        let entry = results[row]
        if row == selected {
            target.fill(area, corners: style.smallCorners, palette.hover)
            target.fill(Rect(x: area.left, y: area.top + (area.height - 20) / 2, width: 3, height: 20), palette.accent)
        }
        let tile = Rect(x: area.left + Metrics.grid, y: area.top + (area.height - 32) / 2, width: 32, height: 32)
        if let symbol = style.art?.mask("icon/\(entry.icon)@1"), entry.appID.isEmpty {
            let corner = tile.origin + Point(x: (tile.width - symbol.width) / 2, y: (tile.height - symbol.height) / 2)
            target.blend(symbol, to: corner, palette.secondary)
        } else if let icon = style.art?.image("app/\(entry.icon)/32") ?? style.art?.image("app/generic/32") {
            target.blend(icon.image, to: tile.origin)
        } else if let font = style.fonts.title, let initial = entry.name.first {
            target.draw(
                String(initial), font: font, in: tile, alignment: .center, row == selected ? palette.onAccent : palette.secondary)
        }
        let text = area.inset(left: 32 + Metrics.grid * 2 + 4, right: Metrics.grid * 2)
        guard let nameFont = style.fonts.bodyMedium ?? style.fonts.body else { return }
        guard let captionFont = style.fonts.caption, !entry.comment.isEmpty else {
            target.draw(entry.name, font: nameFont, in: text, palette.text)
            return
        }
        target.draw(entry.name, font: nameFont, in: text.inset(top: 5, bottom: 21), palette.text)
        target.draw(entry.comment, font: captionFont, in: text.inset(top: 25, bottom: 5), palette.secondary)
    }

    fileprivate func drawShadow(into target: PixelBuffer, at origin: Point) {
        let frame = Rect(origin: origin, size: shadow.size).inset(by: style.shadowMargin)
        style.drawShadow(into: target, around: frame)
    }
}

private final class LauncherPainter: Drawable {
    // SAFETY: the launcher lives as long as the desktop, and so do its nodes.
    private unowned(unsafe) let launcher: Launcher
    init(_ launcher: Launcher) { self.launcher = launcher }
    func draw(into target: PixelBuffer, at origin: Point) { launcher.draw(into: target, at: origin) }
}

private final class LauncherShadow: Drawable {
    // SAFETY: as above.
    private unowned(unsafe) let launcher: Launcher
    init(_ launcher: Launcher) { self.launcher = launcher }
    func draw(into target: PixelBuffer, at origin: Point) { launcher.drawShadow(into: target, at: origin) }
}

private final class BackdropTarget: PointerTarget {
    // SAFETY: as above.
    private unowned(unsafe) let launcher: Launcher
    init(_ launcher: Launcher) { self.launcher = launcher }
    override func pointerPressed(_ button: PointerButton, at position: FinePoint) { if button.isPressed { launcher.close() } }
}

private final class CardTarget: PointerTarget {
    // SAFETY: as above.
    private unowned(unsafe) let launcher: Launcher
    init(_ launcher: Launcher) { self.launcher = launcher }
    // Only a pointer that moves selects: one that merely lies where the launcher opens does not.
    override func pointerMoved(to position: FinePoint, timeMilliseconds: UInt32) { launcher.hover(position.pixel) }
    override func pointerPressed(_ button: PointerButton, at position: FinePoint) {
        if button.isPressed, button.code == PointerButton.left { launcher.press(position.pixel) }
    }
}
