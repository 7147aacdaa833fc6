import ABI

/// A rectangle of pixels: left and top inclusive, right and bottom exclusive, never negative.
public struct ScreenRect: Equatable, BitwiseCopyable, Sendable {
    public var x1: Int32
    public var y1: Int32
    public var x2: Int32
    public var y2: Int32

    public init(x1: Int32, y1: Int32, x2: Int32, y2: Int32) {
        self.x1 = x1
        self.y1 = y1
        self.x2 = x2
        self.y2 = y2
    }
    public init(width: Int32, height: Int32) { self.init(x1: 0, y1: 0, x2: width, y2: height) }
    public init(_ clip: DRMClipRect) { self.init(x1: Int32(clip.x1), y1: Int32(clip.y1), x2: Int32(clip.x2), y2: Int32(clip.y2)) }

    public var width: Int32 { x2 &- x1 }
    public var height: Int32 { y2 &- y1 }
    public var isEmpty: Bool { x1 >= x2 || y1 >= y2 }
    public var area: Int64 { isEmpty ? 0 : Int64(width) * Int64(height) }

    public func intersection(_ other: ScreenRect) -> ScreenRect {
        ScreenRect(x1: max(x1, other.x1), y1: max(y1, other.y1), x2: min(x2, other.x2), y2: min(y2, other.y2))
    }
    public func union(_ other: ScreenRect) -> ScreenRect {
        ScreenRect(x1: min(x1, other.x1), y1: min(y1, other.y1), x2: max(x2, other.x2), y2: max(y2, other.y2))
    }
    public func moved(x: Int32, y: Int32) -> ScreenRect {
        ScreenRect(x1: x1 &+ x, y1: y1 &+ y, x2: x2 &+ x, y2: y2 &+ y)
    }
}

/// What of a frame must reach the screen: at most 14 rectangles, so that a frame's commands always fit in a device's queue.
///
/// Two rectangles become one only when that moves no more pixels than the two of them; past the limit, the two that
/// waste least are joined.
public struct DamageBatch {
    /// A transfer and a flush for each rectangle, and a change of scanout, take 58 of a queue's 64 descriptors.
    public static let capacity = 14

    public let bounds: ScreenRect
    public private(set) var count = 0
    private var rects: InlineArray<15, ScreenRect> = .init(repeating: ScreenRect(width: 0, height: 0))

    /// - Parameter bounds: everything outside is cut off.
    public init(bounds: ScreenRect) { self.bounds = bounds }

    public var isEmpty: Bool { count == 0 }
    public subscript(index: Int) -> ScreenRect { rects[index] }

    /// The sum of the areas, in pixels.
    public var pixelCount: Int64 {
        var sum: Int64 = 0
        for index in 0..<count { sum += rects[index].area }
        return sum
    }

    /// Adds a rectangle; empty and inverted ones add nothing.
    public mutating func add(_ rect: ScreenRect) {
        var new = rect.intersection(bounds)
        if new.isEmpty { return }
        // Joining makes a larger rectangle, which may then be worth joining with an earlier one: start over each time.
        // Every round removes one rectangle, so this ends.
        var index = 0
        while index < count {
            let joined = rects[index].union(new)
            if joined.area <= rects[index].area + new.area {
                new = joined
                remove(index)
                index = 0
            } else {
                index += 1
            }
        }
        rects[count] = new
        count += 1
        if count > Self.capacity { joinCheapestPair() }
    }

    private mutating func joinCheapestPair() {
        var best = (first: 0, second: 1, waste: Int64.max)
        for first in 0..<count {
            for second in (first + 1)..<max(count, first + 1) {
                let waste = rects[first].union(rects[second]).area - rects[first].area - rects[second].area
                if waste < best.waste { best = (first, second, waste) }
            }
        }
        let joined = rects[best.first].union(rects[best.second])
        remove(best.second)
        remove(best.first)
        add(joined)
    }

    private mutating func remove(_ index: Int) {
        count -= 1
        rects[index] = rects[count]
    }
}

/// Checks the head of a DIRTYFB request as Linux does, before its clips are read.
/// - Returns: the number of clips to read; 0 means the whole framebuffer.
public func validatedClipCount(_ request: DRMModeDirty) throws(Errno) -> Int {
    guard (request.clipCount == 0) == (request.clipsPointer == 0) else { throw .invalidArgument }
    guard request.flags & ~(DRMModeDirty.annotateCopy | DRMModeDirty.annotateFill) == 0 else { throw .invalidArgument }
    if request.flags & DRMModeDirty.annotateCopy != 0, request.clipCount & 1 != 0 { throw .invalidArgument }
    guard request.clipCount <= UInt32(DRMModeDirty.maxClips) else { throw .invalidArgument }
    return Int(request.clipCount)
}
