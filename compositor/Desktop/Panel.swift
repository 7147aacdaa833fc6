// The panel at the top: the mark, the windows, clock and date, indicators.

import ArtPack
import Chrome
import CompositorCore
import FontAtlas
import Gfx
import Scene
import Text
import Tokens

public final class Panel: WindowObserver {
    public let node: SceneNode
    private let compositor: Compositor
    private let launcher: Launcher
    private let style: ChromeStyle
    private let mark: CoverageMask?
    private let layoutName: String

    private var date = ""
    private var time = ""
    private var load = SystemLoad()
    private var items: [WindowItem] = []
    private var hovered: Part?

    /// What the pointer can be over.
    enum Part: Equatable {
        case mark
        case window(Int)
    }

    private struct WindowItem: Equatable {
        var title: String
        var isActive: Bool
        var isMinimised: Bool
        var rect: Rect
    }

    static var markWidth: Int32 { 40 }
    static var itemLimit: Int32 { 180 }

    public init(_ compositor: Compositor, _ launcher: Launcher, layoutName: String) {
        self.compositor = compositor
        self.launcher = launcher
        self.layoutName = layoutName
        style = compositor.chromeStyle
        mark = style.art?.mask("mark/20")
        node = SceneNode(size: Size(width: compositor.scene.bounds.width, height: Metrics.panelHeight))
        node.setOpaque(Region(node.bounds))
        node.input = .everywhere
        node.drawable = PanelPainter(self)
        node.target = PanelTarget(self)
        compositor.panelLayer.add(node)
        compositor.windows.observer = self
        // SAFETY: the panel lives as long as the launcher: both are the desktop's.
        launcher.onChange = { [unowned(unsafe) self] in node.invalidate(Region(rect(of: .mark))) }
        tick()
    }

    // MARK: Content

    /// Once a minute: the clock, and what is sampled with it.
    public func tick() {
        let now = WallClock.now()
        load.sample()
        date = now.date
        time = now.time
        node.invalidate(Region(clockRect))
        node.invalidate(Region(indicatorRect))
    }

    public func windowsChanged() {
        let windows = compositor.windows.openingOrder
        let area = windowListRect
        let gap = Metrics.smallGap
        let width =
            windows.isEmpty ? 0 : min(Panel.itemLimit, (area.width - gap * Int32(windows.count - 1)) / Int32(windows.count))
        var new: [WindowItem] = []
        for (index, window) in windows.enumerated() where width > 16 {
            let title = window.title.isEmpty ? (window.appID.isEmpty ? "Window" : window.appID) : window.title
            new.append(
                WindowItem(
                    title: title, isActive: window.isActive, isMinimised: window.isMinimised,
                    rect: Rect(x: area.left + Int32(index) * (width + gap), y: 0, width: width, height: area.height)))
        }
        // Only what differs is painted again: titles change at every command.
        for index in 0..<max(new.count, items.count) {
            let old = index < items.count ? items[index] : nil
            let now = index < new.count ? new[index] : nil
            guard old != now else { continue }
            for rect in [old?.rect, now?.rect] { if let rect { node.invalidate(Region(rect)) } }
        }
        items = new
    }

    // MARK: Geometry

    private var clockRect: Rect {
        let width: Int32 = 200
        return Rect(x: (node.size.width - width) / 2, y: 0, width: width, height: Metrics.panelHeight)
    }

    private var indicatorRect: Rect {
        Rect(left: node.size.width - 232, top: 0, right: node.size.width, bottom: Metrics.panelHeight)
    }

    private var windowListRect: Rect {
        Rect(
            left: Panel.markWidth + Metrics.smallGap, top: 0,
            right: max(clockRect.left - Metrics.grid, Panel.markWidth + Metrics.smallGap),
            bottom: Metrics.panelHeight)
    }

    private func part(at point: Point) -> Part? {
        if point.x < Panel.markWidth { return .mark }
        return items.firstIndex { $0.rect.contains(point) }.map { .window($0) }
    }

    private func rect(of part: Part?) -> Rect {
        switch part {
        case nil: .zero
        case .mark: Rect(x: 0, y: 0, width: Panel.markWidth, height: Metrics.panelHeight)
        case .window(let index): items.indices.contains(index) ? items[index].rect : .zero
        }
    }

    // MARK: Pointer

    fileprivate func hover(_ point: Point?) {
        let new = point.flatMap { part(at: $0) }
        guard new != hovered else { return }
        for rect in [rect(of: hovered), rect(of: new)] { node.invalidate(Region(rect)) }
        hovered = new
    }

    fileprivate func press(_ point: Point, _ button: UInt32) {
        switch part(at: point) {
        case .mark: launcher.toggle()
        case .window(let index):
            let windows = compositor.windows.openingOrder
            guard windows.indices.contains(index) else { return }
            let window = windows[index]
            if button == PointerButton.middle {
                window.close()
            } else if window.isActive, !window.isMinimised {
                compositor.windows.minimise(window)
            } else {
                compositor.windows.activate(window)
            }
        case nil: break
        }
    }

    // MARK: Drawing

    fileprivate func draw(into target: PixelBuffer, at origin: Point) {
        let palette = style.palette
        let area = Rect(origin: origin, size: node.size)
        target.fill(area, palette.sunken)
        target.blend(area.inset(top: area.height - 1), palette.hairline)
        drawMark(into: target, rect(of: .mark).translated(by: origin))
        for (index, item) in items.enumerated() {
            draw(item, isHovered: hovered == .window(index), into: target, item.rect.translated(by: origin))
        }
        drawClock(into: target, clockRect.translated(by: origin))
        drawIndicators(into: target, indicatorRect.translated(by: origin))
    }

    private func drawMark(into target: PixelBuffer, _ area: Rect) {
        guard target.clip.intersects(area) else { return }
        if hovered == .mark || launcher.isOpen {
            target.fill(area.inset(by: 3), corners: style.smallCorners, style.palette.hover)
        }
        guard let mark else { return }
        target.blend(
            mark, to: Point(x: area.left + (area.width - mark.width) / 2, y: area.top + (area.height - mark.height) / 2),
            style.palette.accent)
    }

    private func draw(_ item: WindowItem, isHovered: Bool, into target: PixelBuffer, _ area: Rect) {
        guard target.clip.intersects(area),
            let font = item.isActive ? style.fonts.bodyMedium ?? style.fonts.body : style.fonts.body
        else { return }
        let palette = style.palette
        let pill = area.inset(top: 3, bottom: 3)
        if item.isActive { target.fill(pill, corners: style.smallCorners, palette.raised) }
        if isHovered { target.fill(pill, corners: style.smallCorners, palette.hover) }
        if item.isActive { target.fill(Rect(x: pill.left + 10, y: pill.bottom - 2, width: 12, height: 2), palette.accent) }
        let color = item.isActive ? palette.text : item.isMinimised ? palette.dimmed : palette.secondary
        target.draw(item.title, font: font, in: pill.inset(left: 10, right: 10), color)
    }

    private func drawClock(into target: PixelBuffer, _ area: Rect) {
        guard target.clip.intersects(area), let font = style.fonts.body, let bold = style.fonts.bodySemibold ?? style.fonts.body
        else { return }
        let dateLine = TextLine(date, font: font)
        let timeLine = TextLine(time, font: bold)
        let gap = Metrics.grid
        let left = area.left + (area.width - dateLine.width - gap - timeLine.width) / 2
        let baseline = font.centeredBaseline(in: area)
        let part = target.clipped(to: area)
        part.draw(dateLine, at: Point(x: left, y: baseline), style.palette.secondary)
        part.draw(timeLine, at: Point(x: left + dateLine.width + gap, y: baseline), style.palette.text)
    }

    private func drawIndicators(into target: PixelBuffer, _ area: Rect) {
        guard target.clip.intersects(area) else { return }
        let palette = style.palette
        var right = area.right - 14
        if let font = style.fonts.caption {
            let width = font.width(of: layoutName)
            target.draw(
                layoutName, font: font, in: Rect(left: right - width, top: area.top, right: right, bottom: area.bottom),
                palette.secondary)
            right -= width + Metrics.grid * 2
        }
        right = drawSparkline(load.memory, palette.info, "mem", into: target, area, right)
        _ = drawSparkline(load.processor, palette.good, "cpu", into: target, area, right)
    }

    /// Bars of the last samples; returns where the next indicator ends.
    private func drawSparkline(
        _ samples: [UInt8], _ color: Color, _ label: String, into target: PixelBuffer, _ area: Rect, _ right: Int32
    ) -> Int32 {
        let height: Int32 = 14
        let width = Int32(SystemLoad.sampleCount) * 3 - 1
        let box = Rect(x: right - width, y: area.top + (area.height - height) / 2, width: width, height: height)
        target.fill(box.inset(top: height - 1), palette(box: color))
        for (index, sample) in samples.reversed().enumerated() {
            let bar = max(Int32(sample) * height / 100, 1)
            target.fill(Rect(x: box.right - 2 - Int32(index) * 3, y: box.bottom - bar, width: 2, height: bar), color)
        }
        guard let font = style.fonts.caption else { return box.left - Metrics.grid * 2 }
        let labelWidth = font.width(of: label)
        let left = box.left - 6 - labelWidth
        target.draw(
            label, font: font, in: Rect(left: left, top: area.top, right: box.left - 6, bottom: area.bottom),
            style.palette.secondary)
        return left - Metrics.grid * 2
    }

    private func palette(box color: Color) -> Color { style.palette.sunken.mixed(with: color, position: 60) }
}

private final class PanelPainter: Drawable {
    // SAFETY: the panel lives as long as the desktop, and so does its node.
    private unowned(unsafe) let panel: Panel
    init(_ panel: Panel) { self.panel = panel }
    func draw(into target: PixelBuffer, at origin: Point) { panel.draw(into: target, at: origin) }
}

private final class PanelTarget: PointerTarget {
    // SAFETY: as above.
    private unowned(unsafe) let panel: Panel
    init(_ panel: Panel) { self.panel = panel }
    override func pointerEntered(at position: FinePoint) { panel.hover(position.pixel) }
    override func pointerMoved(to position: FinePoint, timeMilliseconds: UInt32) { panel.hover(position.pixel) }
    override func pointerLeft() { panel.hover(nil) }
    override func pointerPressed(_ button: PointerButton, at position: FinePoint) {
        if button.isPressed { panel.press(position.pixel, button.code) }
    }
}
