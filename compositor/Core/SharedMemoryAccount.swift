// What one client's shared memory costs the compositor.

/// Counts a client's pools and the copies of their buffers until they are really gone: a buffer keeps the file and the
/// mapping of a pool that its client has destroyed. The pools share it with their client, which they may outlive.
final class SharedMemoryAccount {
    /// Each pool that is in use is a descriptor.
    private(set) var pools = 0
    private(set) var poolBytes = 0
    /// Memory of the compositor, for files that cannot be mapped safely.
    private(set) var copiedBytes = 0

    /// Enters a pool; false when that would be too much.
    func addPool(byteCount: Int) -> Bool {
        guard pools < Client.Limits.pools, poolBytes + byteCount <= Client.Limits.poolBytes else { return false }
        pools += 1
        poolBytes += byteCount
        return true
    }

    func removePool(byteCount: Int) {
        pools -= 1
        poolBytes -= byteCount
    }

    /// A pool becomes larger; false when that would be too much.
    func grow(by byteCount: Int) -> Bool {
        guard poolBytes + byteCount <= Client.Limits.poolBytes else { return false }
        poolBytes += byteCount
        return true
    }

    func shrink(by byteCount: Int) { poolBytes -= byteCount }

    /// Enters a copy of a buffer; false when that would be too much.
    func addCopy(byteCount: Int) -> Bool {
        guard copiedBytes + byteCount <= Client.Limits.copiedBytes else { return false }
        copiedBytes += byteCount
        return true
    }

    func removeCopy(byteCount: Int) { copiedBytes -= byteCount }
}
