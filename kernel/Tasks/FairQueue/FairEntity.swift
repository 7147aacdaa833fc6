/// Where the scheduler's record of a thread lies. It stays at its place, and alive, as long as a queue or the tree knows it.
public typealias FairReference = UnsafeMutablePointer<FairEntity>

/// What the fair policy knows of one thread: its weight, how much it ran, and by when it should have run again.
///
/// Virtual quantities count weighted service: one unit is a nanosecond of processor time at nice 0, more at a higher nice
/// value, less at a lower one. They are points on a circle of 64 bits, compared by their distance.
public struct FairEntity {
    /// How an entity that is on no queue came to leave.
    enum Absence: UInt8 {
        /// It never was on one.
        case fresh
        /// It stopped wanting the processor.
        case asleep
        /// It goes on another queue, ready to run.
        case migrating
    }

    /// What the entity belongs to: the way back for who gets it from `FairQueue.pick`.
    public var owner: UnsafeMutableRawPointer?

    /// −20 to 19; see `FairQueue.setNice`.
    public internal(set) var nice: Int8
    /// Whether it has the least weight of all, whatever its nice value; see `FairQueue.setShare`.
    public internal(set) var isIdle = false
    /// The share it gets, relative to those of others.
    public internal(set) var weight: Int64
    /// How much processor time it requests at once when it computes without pause.
    public internal(set) var sliceNanoseconds: UInt64

    /// The service it got, in virtual units, on the scale of the queue it is on.
    public internal(set) var virtualRuntime: UInt64 = 0
    /// When it should have got all of its current request; relative to `virtualRuntime` while it migrates.
    public internal(set) var virtualDeadline: UInt64 = 0
    /// Virtual units that it was owed (or, below zero, had too much) when it left its queue. Meaningless while queued.
    public internal(set) var lag: Int64 = 0
    /// Whether it runs or waits to run on some queue.
    public internal(set) var isQueued = false

    /// Service not yet in `virtualRuntime`, in units of 1/1024 ns of nice 0, less than `weight`: nothing is lost by rounding.
    var fraction: Int64 = 0
    var absence = Absence.fresh
    /// The queue's virtual time right after it fell asleep.
    var sleptAt: UInt64 = 0
    /// Nanoseconds that it ran since it last woke up.
    var burstNanoseconds: UInt64 = 0
    /// The average of that over its past.
    var expectedBurstNanoseconds: UInt64

    // The tree's, while it waits: neighbours, height, and the least virtual runtime at or below it.
    var parent: FairReference?
    var left: FairReference?
    var right: FairReference?
    var height: UInt8 = 1
    var leastRuntime: UInt64 = 0

    /// - Parameters:
    ///   - nice: brought into −20…19.
    ///   - sliceNanoseconds: brought into the limits of `FairQueue`; nil for the usual one.
    public init(nice: Int8 = 0, sliceNanoseconds: UInt64? = nil) {
        self.nice = NiceWeight.clamp(nice)
        weight = NiceWeight.weight(nice)
        let slice = FairQueue.clampSlice(sliceNanoseconds ?? FairQueue.baseSliceNanoseconds)
        self.sliceNanoseconds = slice
        // The first request is half a slice: a program that starts gets going soon among busy ones.
        expectedBurstNanoseconds = slice / 4
    }

    /// Changes the slice from the next request on.
    public mutating func setSlice(nanoseconds: UInt64) { sliceNanoseconds = FairQueue.clampSlice(nanoseconds) }

    /// `nanoseconds` of its processor time in virtual units.
    func virtual(_ nanoseconds: UInt64) -> Int64 {
        Int64(truncatingIfNeeded: nanoseconds) &* NiceWeight.normal / weight
    }

    var virtualSlice: Int64 { virtual(sliceNanoseconds) }

    /// The request it makes when it wakes up: twice what it usually runs before it sleeps again, so that one that needs little
    /// gets it early; a full slice at most. It moves when the entity runs, not how much.
    var wakeRequest: Int64 {
        virtual(min(max(2 * expectedBurstNanoseconds, FairQueue.minimumSliceNanoseconds), sliceNanoseconds))
    }

    /// Notes the length of a burst that ends now.
    mutating func endBurst() {
        let burst = min(burstNanoseconds, FairQueue.maximumSliceNanoseconds)
        expectedBurstNanoseconds = (3 * expectedBurstNanoseconds + burst) / 4
        burstNanoseconds = 0
    }
}

/// The distance from `b` to `a` on the circle of virtual times.
@inline(__always)
func distance(from b: UInt64, to a: UInt64) -> Int64 { Int64(bitPattern: a &- b) }

@inline(__always)
func isBefore(_ a: UInt64, _ b: UInt64) -> Bool { distance(from: b, to: a) < 0 }
