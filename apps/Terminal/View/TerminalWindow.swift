// The window of a terminal: keys and mouse go to the program, cells come to the screen.

import FontAtlas
import Gfx
import Keymap
import System
import Tokens
import Toolkit
import VT

/// A window with a shell in it.
public final class TerminalWindow: WindowDelegate {
    private let application: Application
    private let renderer: CellRenderer
    private let session: TerminalSession
    private let window: Window
    private var pointer = PointerState()
    private var textSize = TextSize.medium
    /// The text size that the window was opened with.
    private var usualTextSize = TextSize.medium

    private static var padding: Int32 { Metrics.grid }

    /// What the mouse is doing.
    private struct PointerState {
        var held: PointerEvent.Button?
        /// Where a selection starts when the pointer leaves the cell.
        var anchor: (row: Int, column: Int)?
        var cell = (row: 0, column: 0)
        /// Steps of the wheel that are not a whole line yet, in 120ths.
        var wheel: Int32 = 0
        var isSelecting = false
    }

    private static var columns: Int { 80 }
    private static var rows: Int { 24 }

    /// Opens a window of 80 × 24 cells; fails if there are no fonts, throws if no program can be started.
    public init?(_ application: Application, command: Command) throws(Errno) {
        let start = TextSize.medium
        guard let fonts = start.fonts(application.resources, scale: 1) else { return nil }
        self.application = application
        renderer = CellRenderer(fonts: fonts, padding: TerminalWindow.padding)
        session = try TerminalSession(
            application.loop, columns: TerminalWindow.columns, rows: TerminalWindow.rows, command: command)
        window = Window(
            application, title: "Terminal", size: renderer.size(columns: TerminalWindow.columns, rows: TerminalWindow.rows),
            minimumSize: renderer.size(columns: 20, rows: 4))
        window.maximumScale = start.fonts(application.resources, scale: 2) == nil ? 1 : 2
        window.cursorShape = .text
        window.delegate = self
        renderer.resize(window.pixelSize, fonts: fonts, padding: TerminalWindow.padding)
        unowned(unsafe) let this = self
        // SAFETY: the session belongs to this object.
        session.onOutput = { this.didReadOutput() }
        session.onEnd = { this.window.close() }
    }

    /// A child of this process has ended.
    public func childMayHaveEnded() { session.childMayHaveEnded() }

    private var modes: Modes { session.emulator.screen.modes }

    private func didReadOutput() {
        let title = session.emulator.screen.title
        window.title = title.isEmpty ? "Terminal" : title
        window.setNeedsDisplay()
    }

    // MARK: Drawing

    public func windowPreferredSize(_ window: Window, within bounds: Size?) -> Size {
        func size(_ text: TextSize) -> Size? {
            guard let fonts = text.fonts(application.resources, scale: 1) else { return nil }
            return CellRenderer(fonts: fonts, padding: TerminalWindow.padding)
                .size(columns: TerminalWindow.columns, rows: TerminalWindow.rows)
        }
        usualTextSize = TextSize.preferred(within: bounds, gap: 2 * Metrics.grid, window: size)
        textSize = usualTextSize
        return size(textSize) ?? window.size
    }

    public func windowDidResize(_ window: Window) {
        let fonts = textSize.fonts(application.resources, scale: window.scale) ?? renderer.fonts
        renderer.resize(window.pixelSize, fonts: fonts, padding: TerminalWindow.padding * window.scale)
        let (columns, rows) = renderer.grid(window.pixelSize)
        session.resize(
            columns: columns, rows: rows, pixelWidth: Int(window.pixelSize.width), pixelHeight: Int(window.pixelSize.height))
        session.emulator.screen.damageAll()
    }

    public func windowWillDraw(_ window: Window) {
        renderer.update(session.emulator, isFocused: window.isFocused) { window.invalidate($0) }
    }

    public func window(_ window: Window, draw damage: Region, into buffer: PixelBuffer) {
        renderer.draw(damage, into: buffer, session.emulator)
    }

    public func windowDidChangeFocus(_ window: Window) {
        session.send(KeyEncoder.focus(gained: window.isFocused, modes))
        window.setNeedsDisplay()
    }

    public func windowShouldClose(_ window: Window) {
        session.hangUp()
        window.close()
    }

    // MARK: Keys

    public func window(_ window: Window, key event: KeyEvent) {
        guard event.kind != .release else { return }
        if command(event) { return }
        var modifiers: KeyModifiers = []
        if event.modifiers.contains(.shift) { modifiers.insert(.shift) }
        if event.modifiers.contains(.control) { modifiers.insert(.control) }
        if event.modifiers.contains(.alt) { modifiers.insert(.alt) }
        if event.modifiers.contains(.logo) { modifiers.insert(.logo) }
        var scalar = event.character?.value ?? 0
        // Control needs a Latin letter, whatever the layout has on that key.
        if modifiers.contains(.control), scalar >= 0x80, let latin = event.latinLetter { scalar = latin.value }
        let press = KeyPress(symbol: event.symbol, scalar: scalar, modifiers: modifiers)
        let bytes = KeyEncoder.encode(press, modes)
        guard !bytes.isEmpty else { return }
        scrollToEnd()
        session.send(bytes)
    }

    /// Keys that are for the terminal itself.
    private func command(_ event: KeyEvent) -> Bool {
        let page = session.emulator.screen.rows - 1
        let isLatin = event.symbol < 0x80
        let letter = isLatin ? event.symbol | 0x20 : event.latinLetter?.value ?? 0
        switch (event.symbol, event.modifiers.contains(.shift), event.modifiers.contains(.control)) {
        case (_, true, true) where letter == 0x63: copy()
        case (_, true, true) where letter == 0x76: paste()
        case (0xFF63, true, false): paste()
        case (Keysym.pageUp, true, false): scroll(by: page)
        case (Keysym.pageDown, true, false): scroll(by: -page)
        case (0x2B, _, true), (0x3D, _, true), (0xFFAB, _, true): setTextSize(textSize.stepped(by: 1))
        case (0x2D, false, true), (0xFFAD, _, true): setTextSize(textSize.stepped(by: -1))
        case (0x30, false, true): setTextSize(usualTextSize)
        case (Keysym.home, true, true): scroll(by: Int.max / 2)
        case (Keysym.end, true, true): scrollToEnd()
        default: return false
        }
        return true
    }

    /// Shows the text in another size; the window stays as large as it is.
    private func setTextSize(_ size: TextSize) {
        guard size != textSize, size.fonts(application.resources, scale: window.scale) != nil else { return }
        textSize = size
        windowDidResize(window)
        window.invalidateAll()
    }

    private func scroll(by rows: Int) {
        session.emulator.screen.scrollView(by: rows)
        window.setNeedsDisplay()
    }

    private func scrollToEnd() {
        session.emulator.screen.scrollViewToEnd()
        window.setNeedsDisplay()
    }

    private func copy() {
        let text = session.emulator.screen.selectedText()
        if !text.isEmpty { application.clipboard?.copy(text) }
    }

    private func paste() {
        unowned(unsafe) let this = self
        // SAFETY: the clipboard's transfers end with the application, which this object outlives.
        application.clipboard?.paste { this.insert($0) }
    }

    private func insert(_ text: String) {
        scrollToEnd()
        session.send(KeyEncoder.paste(text, modes))
    }

    // MARK: Mouse

    public func window(_ window: Window, pointer event: PointerEvent) {
        let cell = renderer.cell(at: event.position)
        let moved = cell != pointer.cell
        pointer.cell = cell
        // With Shift the mouse is the terminal's, whatever the program wants.
        let isReported = modes.mouse != .off && !event.modifiers.contains(.shift) && !pointer.isSelecting
        switch event.kind {
        case .enter, .leave: break
        case .motion:
            if isReported {
                if moved { report(.motion, pointer.held, event) }
            } else if pointer.held == .left {
                drag(to: event, moved: moved)
            }
        case .press(let button, let count):
            pointer.held = button
            if isReported { report(.press, button, event) } else { press(button, count, event) }
        case .release(let button):
            pointer.held = nil
            pointer.anchor = nil
            if isReported { report(.release, button, event) }
            pointer.isSelecting = false
        case .scroll(_, let vertical): wheel(vertical, event, isReported)
        }
    }

    private func press(_ button: PointerEvent.Button, _ count: Int, _ event: PointerEvent) {
        switch button {
        case .left:
            pointer.isSelecting = true
            session.emulator.screen.clearSelection()
            pointer.anchor = pointer.cell
            if count > 1 {
                session.emulator.screen.beginSelection(
                    viewRow: pointer.cell.row, column: pointer.cell.column, count == 2 ? .word : .line)
                pointer.anchor = nil
            }
            window.setNeedsDisplay()
        case .middle:
            let text = session.emulator.screen.selectedText()
            if text.isEmpty { paste() } else { insert(text) }
        default: break
        }
    }

    private func drag(to event: PointerEvent, moved: Bool) {
        // Beyond the edges the view follows.
        if event.position.y < 0 { session.emulator.screen.scrollView(by: 1) }
        if event.position.y >= window.pixelSize.height { session.emulator.screen.scrollView(by: -1) }
        if let anchor = pointer.anchor {
            guard moved else { return }
            session.emulator.screen.beginSelection(
                viewRow: anchor.row, column: anchor.column, event.modifiers.contains(.alt) ? .block : .character)
            pointer.anchor = nil
        }
        session.emulator.screen.extendSelection(viewRow: pointer.cell.row, column: pointer.cell.column)
        window.setNeedsDisplay()
    }

    private func wheel(_ amount: Int32, _ event: PointerEvent, _ isReported: Bool) {
        pointer.wheel &+= amount
        if isReported {
            while abs(pointer.wheel) >= 120 {
                send(.press, pointer.wheel < 0 ? .wheelUp : .wheelDown, event)
                pointer.wheel -= pointer.wheel < 0 ? -120 : 120
            }
            return
        }
        // Three lines for each step.
        let lines = Int(pointer.wheel) / 40
        guard lines != 0 else { return }
        pointer.wheel -= Int32(lines * 40)
        if session.emulator.screen.isAlternate {
            guard modes.alternateScroll else { return }
            let key = KeyPress(symbol: lines < 0 ? Keysym.up : Keysym.down, scalar: 0, modifiers: [])
            for _ in 0..<min(abs(lines), 60) { session.send(KeyEncoder.encode(key, modes)) }
        } else {
            scroll(by: -lines)
        }
    }

    private func report(_ kind: MouseEvent.Kind, _ button: PointerEvent.Button?, _ event: PointerEvent) {
        switch button {
        case .left?: send(kind, .left, event)
        case .middle?: send(kind, .middle, event)
        case .right?: send(kind, .right, event)
        case nil: send(kind, .none, event)
        case .other?: break
        }
    }

    private func send(_ kind: MouseEvent.Kind, _ button: MouseEvent.Button, _ event: PointerEvent) {
        var modifiers: KeyModifiers = []
        if event.modifiers.contains(.alt) { modifiers.insert(.alt) }
        if event.modifiers.contains(.control) { modifiers.insert(.control) }
        let mouse = MouseEvent(kind, button, row: pointer.cell.row, column: pointer.cell.column, modifiers: modifiers)
        session.send(MouseEncoder.encode(mouse, modes))
    }
}
