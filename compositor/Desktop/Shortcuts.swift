// The desktop's own keys. They come before clients and after an open launcher.

import CompositorCore
import Keymap
import ShellPolicy

public final class Shortcuts: KeyFilter {
    private let compositor: Compositor
    private let launcher: Launcher
    private let starter: AppStarter
    private let terminal: [String]
    /// Super went down and nothing else has happened since.
    private var superIsAlone = false
    /// The windows in the order in which Alt+Tab goes through them, while Alt is held.
    private var switching: [Window] = []
    private var switchIndex = 0

    public init(_ compositor: Compositor, _ launcher: Launcher, _ starter: AppStarter, terminal: [String]) {
        self.compositor = compositor
        self.launcher = launcher
        self.starter = starter
        self.terminal = terminal
    }

    public func noteButton() { superIsAlone = false }

    public func filter(_ key: KeyPress) -> Bool {
        let isSuper = key.symbol == Keysym.superLeft || key.symbol == Keysym.superRight
        guard key.isPressed else {
            if isSuper, superIsAlone { launcher.toggle() }
            superIsAlone = false
            endSwitchIfReleased()
            return false
        }
        superIsAlone = isSuper
        if isSuper { return true }
        if key.modifiers.contains(.logo) { return superKey(key) }
        if key.modifiers.contains(.alt), !key.modifiers.contains(.control) { return altKey(key) }
        return false
    }

    private func superKey(_ key: KeyPress) -> Bool {
        let windows = compositor.windows
        switch key.symbol {
        case Keysym.left: windows.active.map { windows.moveTile($0, .left) }
        case Keysym.right: windows.active.map { windows.moveTile($0, .right) }
        case Keysym.up: windows.active.map { windows.moveTile($0, .up) }
        case Keysym.down: windows.active.map { windows.moveTile($0, .down) }
        case Keysym.enter: starter.start(terminal)
        case Keysym.tab: switchWindow(by: 1)
        default:
            guard key.character == "q" || key.character == "Q" else { return false }
            windows.active?.close()
        }
        return true
    }

    private func altKey(_ key: KeyPress) -> Bool {
        switch key.symbol {
        case Keysym.tab: switchWindow(by: 1)
        case Keysym.leftTab: switchWindow(by: -1)
        case Keysym.f4: compositor.windows.active?.close()
        default: return false
        }
        return true
    }

    // MARK: Switching

    private func switchWindow(by step: Int) {
        if switching.isEmpty {
            switching = compositor.windows.windows.reversed()
            switchIndex = 0
        }
        switching.removeAll { !$0.isMapped }
        guard !switching.isEmpty else { return }
        let count = switching.count
        switchIndex = ((switchIndex + step) % count + count) % count
        compositor.windows.activate(switching[switchIndex])
    }

    private func endSwitchIfReleased() {
        guard !switching.isEmpty, compositor.seat.modifiers.depressed.isDisjoint(with: [.alt, .logo]) else { return }
        // The windows that were only passed by go back to their places below the chosen one.
        compositor.windows.restack(frontFirst: switching)
        switching = []
    }
}
