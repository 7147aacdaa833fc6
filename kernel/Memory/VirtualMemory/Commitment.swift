import Frames
import Synchronization

/// What programs were promised: memory that they may write, whether or not it has pages yet.
///
/// Promises are normally not limited, for most programs use a part only: just what could never be kept is refused. `/proc/sys/vm` can
/// choose to promise everything, or nothing beyond a limit (Linux, Documentation/mm/overcommit-accounting.rst).
public enum Commitment {
    public enum Mode: UInt8, Sendable {
        /// Refuses requests that are larger than all memory.
        case heuristic = 0
        /// Refuses nothing.
        case always = 1
        /// Refuses what goes beyond `limit`, all promises together.
        case never = 2
    }

    private static let chosenMode = Atomic<UInt8>(0)
    private static let chosenRatio = Atomic<Int>(50)
    private static let pages = Atomic<Int>(0)

    public static var mode: Mode {
        get { Mode(rawValue: chosenMode.load(ordering: .relaxed)) ?? .heuristic }
        set { chosenMode.store(newValue.rawValue, ordering: .relaxed) }
    }

    /// The share of memory that may be promised in mode `never`, in hundredths.
    public static var ratio: Int {
        get { chosenRatio.load(ordering: .relaxed) }
        set { chosenRatio.store(newValue, ordering: .relaxed) }
    }

    /// The most pages that may be promised in mode `never`.
    public static var limit: Int { FrameAllocator.totalFrames / 100 * ratio + FrameAllocator.totalFrames % 100 * ratio / 100 }

    /// Pages promised to all programs together.
    public static var total: Int { max(0, pages.load(ordering: .relaxed)) }

    /// Whether so many more pages may be promised.
    static func permits(_ count: UInt64) -> Bool {
        switch mode {
        case .heuristic: count <= UInt64(FrameAllocator.totalFrames)
        case .always: true
        case .never: Int(clamping: count) <= limit - total
        }
    }

    /// Counts promises in, or out.
    @inline(__always)
    static func add(_ count: UInt64) { pages.wrappingAdd(Int(truncatingIfNeeded: count), ordering: .relaxed) }
}

/// The memory of MAP_SHARED | MAP_ANONYMOUS. All of it is promised when it is made.
public final class SharedAnonymousMemory: MemoryPageCache {
    private let promised: UInt64

    /// - Returns: nil when so much may not be promised.
    public init?(byteCount: UInt64, skipsReserve: Bool) {
        let pages = byteCount >> 12
        if !skipsReserve, !Commitment.permits(pages) { return nil }
        promised = skipsReserve ? 0 : pages
        Commitment.add(promised)
        super.init(byteCount: byteCount)
    }

    deinit { Commitment.add(0 &- promised) }

    public override var mappedName: [UInt8] { Array("/dev/zero (deleted)".utf8) }
}
