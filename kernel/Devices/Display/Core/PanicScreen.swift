import DisplayModel
import Support

/// Where the panic screen can draw. Used only when the kernel has stopped: one processor, interrupts off, nothing allocated, no
/// lock taken.
open class PanicTarget {
    public init() {}
    open var width: Int { 0 }
    open var height: Int { 0 }
    /// Takes the display over.
    /// - Returns: false when nothing can be shown.
    open func begin() -> Bool { false }
    /// Writes a run of XRGB8888 pixels, which lies on the screen.
    open func write(_ pixels: UnsafeRawPointer, count: Int, x: Int, y: Int) {}
    /// Makes rows visible, from `first` up to but not including `end`.
    open func present(first: Int, end: Int) {}
}

/// Text on the screen when the kernel has panicked.
public enum PanicScreen {
    private enum Progress { case untouched, ready, impossible }

    // Set by the driver that owns the display, at boot; the rest is used after the kernel has stopped.
    nonisolated(unsafe) static var target: PanicTarget?
    nonisolated(unsafe) private static var progress = Progress.untouched
    nonisolated(unsafe) private static var grid = TextGrid(columns: 1, rows: 0)

    private static let margin = 16
    private static let background: UInt32 = 0x1B1E3C
    private static let foreground: UInt32 = 0xECEDF3

    /// Appends text. The first call clears the screen.
    public static func write(_ text: UnsafeBufferPointer<UInt8>) {
        guard let target, isReady(target) else { return }
        var first = Int.max, end = 0
        for byte in text {
            guard let cell = grid.place(byte) else { continue }
            let y = margin + cell.row * PanicFont.cellHeight
            draw(byte, x: margin + cell.column * PanicFont.cellWidth, y: y, target)
            first = min(first, y)
            end = max(end, y + PanicFont.cellHeight)
        }
        if first < end { target.present(first: first, end: end) }
    }

    private static func isReady(_ target: PanicTarget) -> Bool {
        switch progress {
        case .ready: return true
        case .impossible: return false
        case .untouched:
            // A fault while taking over must not come here again.
            progress = .impossible
            guard target.begin() else { return false }
            grid = TextGrid(
                columns: (target.width - 2 * margin) / PanicFont.cellWidth,
                rows: (target.height - 2 * margin) / PanicFont.cellHeight)
            clear(target)
            progress = .ready
            return true
        }
    }

    private static func clear(_ target: PanicTarget) {
        withUnsafeTemporaryAllocation(of: UInt32.self, capacity: 64) { run in
            run.initialize(repeating: background)
            for y in 0..<target.height {
                var x = 0
                while x < target.width {
                    target.write(run.baseAddress!, count: min(64, target.width - x), x: x, y: y)
                    x += 64
                }
            }
        }
        target.present(first: 0, end: target.height)
    }

    private static func draw(_ byte: UInt8, x: Int, y: Int, _ target: PanicTarget) {
        withUnsafeTemporaryAllocation(of: UInt32.self, capacity: PanicFont.cellWidth) { run in
            for line in 0..<PanicFont.cellHeight {
                let bits = PanicFont.row(byte, line)
                for column in 0..<PanicFont.cellWidth {
                    run[column] = bits >> UInt8(7 - column) & 1 != 0 ? foreground : background
                }
                target.write(run.baseAddress!, count: PanicFont.cellWidth, x: x, y: y + line)
            }
        }
    }
}
