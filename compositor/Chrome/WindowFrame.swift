// The frame of a window: title bar, hairline and shadow.

import Gfx
import Scene
import Text
import Tokens

public enum FrameMetrics {
    public static var titleHeight: Int32 { Metrics.titleBarHeight }
    public static var buttonSize: Int32 { 24 }
    public static var buttonGap: Int32 { Metrics.smallGap }
    /// How far outside the frame the pointer can take hold of an edge.
    public static var resizeReach: Int32 { 8 }
    /// How far a corner reaches along its edges.
    public static var resizeCorner: Int32 { 20 }
    /// The space kept between new windows and the edges of the screen.
    public static var spacing: Int32 { Metrics.grid * 2 }
}

public enum FrameButton: UInt8, CaseIterable, Sendable {
    /// From the right edge to the left.
    case close, maximise, minimise
}

/// What a frame shows of its window's state.
public struct FrameState: Equatable, Sendable {
    public var isActive: Bool
    public var isTiled: Bool
    public var isMaximised: Bool

    public init(isActive: Bool, isTiled: Bool, isMaximised: Bool) {
        self.isActive = isActive
        self.isTiled = isTiled
        self.isMaximised = isMaximised
    }
}

public final class WindowFrame {
    /// Below the window: its shadow and the hairline around it.
    public let shadow = SceneNode()
    /// The title bar.
    public let bar = SceneNode()
    private let style: ChromeStyle
    private var state = FrameState(isActive: false, isTiled: false, isMaximised: false)
    private var title = ""
    private var titleLine: TextLine?
    private var hovered: FrameButton?
    private var isPressed = false

    public init(_ style: ChromeStyle) {
        self.style = style
        let barPainter = BarPainter()
        let shadowPainter = ShadowPainter()
        barPainter.frame = self
        shadowPainter.frame = self
        bar.drawable = barPainter
        bar.input = .everywhere
        shadow.drawable = shadowPainter
    }

    deinit {
        // The nodes may live a little longer than the frame.
        bar.drawable = nil
        shadow.drawable = nil
    }

    public func setTitle(_ newTitle: String) {
        guard newTitle != title else { return }
        title = newTitle
        titleLine = nil
        bar.invalidate()
    }

    /// Puts the frame around a window's content.
    public func layout(content: Rect, state newState: FrameState) {
        let barSize = Size(width: content.width, height: FrameMetrics.titleHeight)
        if barSize != bar.size { titleLine = nil }
        bar.setPosition(Point(x: content.left, y: content.top - barSize.height))
        bar.setSize(barSize)
        let frame = content.inset(top: -barSize.height)
        let outer = frame.inset(by: -style.shadowMargin)
        shadow.setPosition(outer.origin)
        shadow.setSize(outer.size)
        if newState != state {
            state = newState
            titleLine = nil
            bar.invalidate()
            shadow.invalidate()
        }
        var solid = Region(bar.bounds)
        if !state.isTiled { for square in style.corners.squares(of: bar.bounds)[..<2] { solid.subtract(square) } }
        bar.setOpaque(solid)
        let inner = Rect(origin: Point(x: style.shadowMargin, y: style.shadowMargin), size: frame.size)
        let reach = Region(inner.inset(by: -FrameMetrics.resizeReach)).subtracting(inner)
        shadow.input = state.isTiled ? .none : .region(reach)
    }

    // MARK: Buttons

    private func rect(of button: FrameButton) -> Rect {
        let size = FrameMetrics.buttonSize
        let margin = (FrameMetrics.titleHeight - size) / 2
        let right = bar.size.width - margin - Int32(button.rawValue) * (size + FrameMetrics.buttonGap)
        return Rect(x: right - size, y: margin, width: size, height: size)
    }

    /// The button at a position in the bar. The corner of the bar belongs to the close button: it is easy to hit.
    public func button(at point: Point) -> FrameButton? {
        FrameButton.allCases.first { button in
            let area = rect(of: button)
            return Rect(
                left: area.left - FrameMetrics.buttonGap / 2, top: 0,
                right: button == .close ? bar.size.width : area.right + FrameMetrics.buttonGap / 2, bottom: bar.size.height
            ).contains(point)
        }
    }

    public func setHover(_ button: FrameButton?, isPressed newPressed: Bool) {
        guard button != hovered || newPressed != isPressed else { return }
        for case let changed? in [hovered, button] { bar.invalidate(Region(rect(of: changed))) }
        hovered = button
        isPressed = newPressed
    }

    // MARK: Drawing

    fileprivate func drawBar(into target: PixelBuffer, at origin: Point) {
        let palette = style.palette
        let area = Rect(origin: origin, size: bar.size)
        let fill = state.isActive ? palette.raised : palette.surface
        if state.isTiled { target.fill(area, fill) } else { target.fill(area, corners: style.corners, fill, bottom: false) }
        let buttons = rect(of: .minimise)
        let titleArea = Rect(
            left: area.left + Metrics.grid + 4, top: area.top, right: area.left + buttons.left - Metrics.grid, bottom: area.bottom
        )
        if target.clip.intersects(titleArea) { drawTitle(into: target, in: titleArea) }
        for button in FrameButton.allCases { draw(button, into: target, at: rect(of: button).translated(by: origin)) }
    }

    private func drawTitle(into target: PixelBuffer, in area: Rect) {
        guard let font = style.fonts.bodyMedium ?? style.fonts.body, area.width > 16 else { return }
        let line = titleLine ?? TextLine(title, font: font).truncated(to: area.width)
        titleLine = line
        let color = state.isActive ? style.palette.text : style.palette.dimmed
        // In the middle of the bar, unless the buttons are in the way.
        let x = min(bar.globalPosition.x + (bar.size.width - line.width) / 2, area.right - line.width)
        target.clipped(to: area).draw(line, at: Point(x: x, y: font.centeredBaseline(in: area)), color)
    }

    private func draw(_ button: FrameButton, into target: PixelBuffer, at area: Rect) {
        guard target.clip.intersects(area) else { return }
        let palette = style.palette
        let isHovered = hovered == button
        if isHovered {
            let tint =
                button == .close
                ? (isPressed ? palette.danger.opacity(200) : palette.danger) : isPressed ? palette.pressed : palette.hover
            target.blend(style.buttonDisc.mask, to: area.origin, tint)
        }
        guard let icon = style.icon(button, isMaximised: state.isMaximised) else { return }
        let ink =
            isHovered && button == .close
            ? palette.onAccent : isHovered ? palette.text : state.isActive ? palette.secondary : palette.dimmed
        target.blend(icon, to: area.origin + Point(x: (area.width - icon.width) / 2, y: (area.height - icon.height) / 2), ink)
    }

    fileprivate func drawShadow(into target: PixelBuffer, at origin: Point) {
        let margin = style.shadowMargin
        let frame = Rect(origin: origin, size: shadow.size).inset(by: margin)
        guard !state.isMaximised else { return }
        style.drawShadow(
            into: target, around: frame, state.isTiled ? nil : state.isActive ? style.shadow : style.inactiveShadow,
            isSquare: state.isTiled)
    }
}

private final class BarPainter: Drawable {
    // SAFETY: the frame takes its painters off the nodes before it goes away.
    unowned(unsafe) var frame: WindowFrame?
    func draw(into target: PixelBuffer, at origin: Point) { frame?.drawBar(into: target, at: origin) }
}

private final class ShadowPainter: Drawable {
    // SAFETY: the frame takes its painters off the nodes before it goes away.
    unowned(unsafe) var frame: WindowFrame?
    func draw(into target: PixelBuffer, at origin: Point) { frame?.drawShadow(into: target, at: origin) }
}
