/// Resource limits by Linux's numbers (`include/uapi/asm-generic/resource.h`): soft and hard.
public struct ResourceLimits: BitwiseCopyable, Sendable {
    public static var infinity: UInt64 { .max }
    public static var count: Int { 16 }

    public struct Limit: BitwiseCopyable, Sendable {
        public var soft: UInt64
        public var hard: UInt64
        public init(soft: UInt64, hard: UInt64) { self.soft = soft; self.hard = hard }
    }

    public enum Kind: Int {
        case cpu = 0, fileSize, data, stack, core, residentSet, processCount, openFiles, lockedMemory, addressSpace
        case locks, pendingSignals, messageQueues, nice, realTimePriority, realTimeTime
    }

    private var limits: InlineArray<16, Limit>

    public init() {
        limits = InlineArray(repeating: Limit(soft: Self.infinity, hard: Self.infinity))
        limits[Kind.stack.rawValue] = Limit(soft: 8 << 20, hard: Self.infinity)
        limits[Kind.core.rawValue] = Limit(soft: 0, hard: Self.infinity)
        limits[Kind.openFiles.rawValue] = Limit(soft: 1024, hard: 4096)
        limits[Kind.lockedMemory.rawValue] = Limit(soft: 8 << 20, hard: 8 << 20)
        limits[Kind.messageQueues.rawValue] = Limit(soft: 819_200, hard: 819_200)
        limits[Kind.nice.rawValue] = Limit(soft: 0, hard: 0)
        limits[Kind.realTimePriority.rawValue] = Limit(soft: 0, hard: 0)
    }

    public subscript(_ kind: Kind) -> Limit {
        get { limits[kind.rawValue] }
        set { limits[kind.rawValue] = newValue }
    }
}
