import Frames
import Support
import struct Synchronization.Atomic

// Moving the pages of a file. The lock of the tree is held: a page that nobody else refers to can be neither mapped nor in use by a transfer,
// and nobody can find it.

extension PageTree {
    /// Counts what could be moved. Pages that are mapped may be: they are taken out of mappings first.
    func countMovable(_ survey: inout BlockSurvey) {
        forEach(from: 0, to: .max) { _, entry in survey.count(PhysicalAddress(entry & ~Self.dirty)) }
    }

    /// Moves the pages that lie in blocks which are being emptied.
    mutating func migrate(_ set: CaptureSet) {
        var moved = 0
        changeEntries { entry in
            let frame = PhysicalAddress(entry & ~Self.dirty)
            guard let capture = set[frame], FrameAllocator.referenceCount(frame) == 1, let target = set.target() else {
                return entry
            }
            // SAFETY: both are whole frames, and nobody else knows either of them.
            target.directMapped.copyMemory(from: frame.directMapped, byteCount: pageSize)
            capture.hold(frame)
            moved += 1
            return target.rawValue | (entry & Self.dirty)
        }
        MemoryCounters.migrated.wrappingAdd(moved, ordering: .relaxed)
    }
}
