// The sweep behind all set operations: both operands are cut into common bands, and each band into common spans.

enum RegionOperation {
    case union, subtraction, intersection

    @inline(__always)
    func keeps(_ inFirst: Bool, _ inSecond: Bool) -> Bool {
        switch self {
        case .union: return inFirst || inSecond
        case .subtraction: return inFirst && !inSecond
        case .intersection: return inFirst && inSecond
        }
    }
}

/// Combines two canonical rectangle lists into one.
/// - Complexity: O(n + m + result) rectangles, times two where bands overlap.
func combine(_ first: [Rect], _ second: [Rect], _ operation: RegionOperation) -> [Rect] {
    var builder = BandBuilder(capacity: first.count + second.count)
    var a = Band(in: first, from: 0)
    var b = Band(in: second, from: 0)
    var y = min(a.top, b.top)
    while !a.isEnd || !b.isEnd {
        if y < a.top && y < b.top { y = min(a.top, b.top) }
        let inA = a.top <= y
        let inB = b.top <= y
        let next = min(inA ? a.bottom : a.top, inB ? b.bottom : b.top)
        builder.appendBand(
            top: y, bottom: next, first, inA ? a.range : 0..<0, second, inB ? b.range : 0..<0, operation)
        y = next
        if a.bottom <= y { a = Band(in: first, from: a.range.upperBound) }
        if b.bottom <= y { b = Band(in: second, from: b.range.upperBound) }
    }
    return builder.rects
}

/// The rectangles of a list that share top and bottom. Past the end of the list: an empty band that never begins.
private struct Band {
    let range: Range<Int>
    let top: Int32
    let bottom: Int32
    var isEnd: Bool { range.isEmpty }

    init(in rects: [Rect], from start: Int) {
        guard start < rects.count else {
            range = start..<start
            top = Int32.max
            bottom = Int32.max
            return
        }
        top = rects[start].top
        bottom = rects[start].bottom
        var end = start + 1
        while end < rects.count, rects[end].top == rects[start].top { end += 1 }
        range = start..<end
    }
}

/// Collects bands, merging one with the band above it where both have the same spans and touch.
private struct BandBuilder {
    var rects: [Rect] = []
    private var previousStart = 0

    init(capacity: Int) { rects.reserveCapacity(capacity + 2) }

    mutating func appendBand(
        top: Int32, bottom: Int32, _ first: [Rect], _ firstRange: Range<Int>,
        _ second: [Rect], _ secondRange: Range<Int>, _ operation: RegionOperation
    ) {
        let start = rects.count
        var i = firstRange.lowerBound
        var j = secondRange.lowerBound
        var inFirst = false
        var inSecond = false
        var open: Int32? = nil
        while i < firstRange.upperBound || j < secondRange.upperBound {
            let edgeA = i < firstRange.upperBound ? (inFirst ? first[i].right : first[i].left) : Int32.max
            let edgeB = j < secondRange.upperBound ? (inSecond ? second[j].right : second[j].left) : Int32.max
            let x = min(edgeA, edgeB)
            if i < firstRange.upperBound, edgeA == x {
                if inFirst { i += 1 }
                inFirst.toggle()
            }
            if j < secondRange.upperBound, edgeB == x {
                if inSecond { j += 1 }
                inSecond.toggle()
            }
            let keep = operation.keeps(inFirst, inSecond)
            if keep, open == nil {
                open = x
            } else if !keep, let left = open {
                rects.append(Rect(left: left, top: top, right: x, bottom: bottom))
                open = nil
            }
        }
        coalesce(from: start, top: top, bottom: bottom)
    }

    private mutating func coalesce(from start: Int, top: Int32, bottom: Int32) {
        let count = rects.count - start
        guard count > 0 else { return }
        let previous = previousStart
        previousStart = start
        guard start - previous == count, rects[previous].bottom == top else { return }
        for k in 0..<count
        where rects[previous + k].left != rects[start + k].left || rects[previous + k].right != rects[start + k].right {
            return
        }
        for k in previous..<start {
            let r = rects[k]
            rects[k] = Rect(left: r.left, top: r.top, right: r.right, bottom: bottom)
        }
        rects.removeLast(count)
        previousStart = previous
    }
}
