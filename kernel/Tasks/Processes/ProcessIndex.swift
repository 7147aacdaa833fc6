import Scheduling
import Support
import Synchronization

/// Processes by number, for look-ups without a lock (`ReadSection`). Changed under the lock of the tree.
enum ProcessIndex {
    private struct Heads: ~Copyable {
        // Unretained: a process that is taken out is kept alive until nobody can be looking at it.
        let first: UnsafeMutablePointer<Atomic<UInt>>
        init() {
            first = .allocate(capacity: ProcessIndex.bucketCount)
            for index in 0..<ProcessIndex.bucketCount { (first + index).initialize(to: Atomic(0)) }
        }
    }
    private static let bucketCount = 1024
    nonisolated(unsafe) private static let heads = Heads()

    private static func head(_ pid: Int32) -> UnsafeMutablePointer<Atomic<UInt>> { heads.first + Int(pid) & (bucketCount - 1) }

    static func find(_ pid: Int32) -> Process? {
        guard pid > 0 else { return nil }
        return ReadSection.run {
            var link = head(pid).pointee.load(ordering: .acquiring)
            while let address = UnsafeRawPointer(bitPattern: link) {
                // SAFETY: what is in the index, or was when this section began, is alive until the section ends.
                let candidate = Unmanaged<Process>.fromOpaque(address)
                if candidate._withUnsafeGuaranteedRef({ $0.pid == pid }) { return candidate.takeUnretainedValue() }
                link = candidate._withUnsafeGuaranteedRef { $0.nextInIndex.load(ordering: .acquiring) }
            }
            return nil
        }
    }

    static func add(_ process: Process) {
        let head = head(process.pid)
        process.nextInIndex.store(head.pointee.load(ordering: .relaxed), ordering: .relaxed)
        head.pointee.store(address(process), ordering: .releasing)
    }

    /// Takes a process out. Readers that stand on it find their way on: its own link stays. The caller hands a reference to
    /// `DeferredRelease`.
    static func remove(_ process: Process) {
        let next = process.nextInIndex.load(ordering: .relaxed)
        let head = head(process.pid)
        if head.pointee.load(ordering: .relaxed) == address(process) { return head.pointee.store(next, ordering: .releasing) }
        var link = head.pointee.load(ordering: .relaxed)
        while let place = UnsafeRawPointer(bitPattern: link) {
            // SAFETY: all processes in the index are alive while the tree is locked.
            let candidate = Unmanaged<Process>.fromOpaque(place)
            let follower = candidate._withUnsafeGuaranteedRef { $0.nextInIndex.load(ordering: .relaxed) }
            if follower == address(process) {
                candidate._withUnsafeGuaranteedRef { $0.nextInIndex.store(next, ordering: .releasing) }
                return
            }
            link = follower
        }
    }

    private static func address(_ process: Process) -> UInt { UInt(bitPattern: Unmanaged.passUnretained(process).toOpaque()) }
}
