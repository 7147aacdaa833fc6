import Files
import Support

/// A transfer cut into requests: each at most 256 KiB long, of at most so many pieces of memory as the device takes.
struct BlockRequestPlan {
    static let maxRequestByteCount = 256 * 1024

    private let segments: [BlockSegment]
    private let maxSegments: Int
    private let maxSegmentByteCount: Int
    private var index = 0
    private var offset = 0
    /// The sector of the next request.
    private(set) var sector: UInt64

    /// - Parameters:
    ///   - maxSegments: the device's limit for one request, at least 1.
    ///   - maxSegmentByteCount: the device's limit for one piece, a multiple of the sector size.
    init(sector: UInt64, segments: [BlockSegment], maxSegments: Int, maxSegmentByteCount: Int) {
        self.sector = sector
        self.segments = segments
        self.maxSegments = maxSegments
        self.maxSegmentByteCount = maxSegmentByteCount
    }

    var isFinished: Bool { index >= segments.count }

    /// Calls `body` with each piece of the next request and moves on.
    /// - Returns: the number of pieces.
    mutating func takeRequest(_ body: (UInt64, Int) -> Void) -> Int {
        var pieces = 0
        var room = Self.maxRequestByteCount
        while index < segments.count, pieces < maxSegments, room > 0 {
            let segment = segments[index]
            let count = min(segment.byteCount - offset, room, maxSegmentByteCount)
            if count > 0 {
                body(segment.physical.rawValue + UInt64(offset), count)
                pieces += 1
                room -= count
                offset += count
                sector += UInt64(count / BlockDevice.sectorSize)
            }
            if offset >= segment.byteCount {
                index += 1
                offset = 0
            }
        }
        return pieces
    }
}
