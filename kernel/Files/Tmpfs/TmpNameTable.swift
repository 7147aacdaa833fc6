import Files

/// The entries of a folder in memory: hashed by name, and listed in the order in which they came.
///
/// Each entry has a number that only grows, so that a listing that was interrupted goes on where it stopped, whatever was
/// added or removed since.
struct TmpNameTable {
    private struct Entry {
        var name: [UInt8]
        var hash: UInt32
        /// nil marks an entry that was removed.
        var inode: Inode?
        var serial: UInt64
        /// The next entry of the same bucket, or -1.
        var next: Int32
    }
    private var entries: [Entry] = []
    private var buckets: [Int32] = []
    private var nextSerial: UInt64 = 0
    private(set) var count = 0

    /// - Complexity: O(1) expected.
    func find(_ name: [UInt8]) -> Inode? {
        let index = position(name)
        return index < 0 ? nil : entries[index].inode
    }

    private func position(_ name: [UInt8]) -> Int {
        if buckets.isEmpty { return -1 }
        let hash = Self.hash(name)
        var index = Int(buckets[Int(hash) & (buckets.count - 1)])
        while index >= 0 {
            if entries[index].hash == hash, entries[index].name == name { return index }
            index = Int(entries[index].next)
        }
        return -1
    }

    /// Adds a name that is not there yet.
    mutating func insert(_ name: [UInt8], _ inode: Inode) {
        if entries.count >= buckets.count { rebuild() }
        let hash = Self.hash(name)
        let bucket = Int(hash) & (buckets.count - 1)
        entries.append(Entry(name: name, hash: hash, inode: inode, serial: nextSerial, next: buckets[bucket]))
        buckets[bucket] = Int32(entries.count - 1)
        nextSerial += 1
        count += 1
    }

    /// Gives a name another inode.
    mutating func replace(_ name: [UInt8], _ inode: Inode) {
        let index = position(name)
        if index >= 0 { entries[index].inode = inode }
    }

    mutating func remove(_ name: [UInt8]) {
        let index = position(name)
        guard index >= 0 else { return }
        let bucket = Int(entries[index].hash) & (buckets.count - 1)
        if Int(buckets[bucket]) == index {
            buckets[bucket] = entries[index].next
        } else {
            var previous = Int(buckets[bucket])
            while Int(entries[previous].next) != index { previous = Int(entries[previous].next) }
            entries[previous].next = entries[index].next
        }
        entries[index].inode = nil
        entries[index].name = []
        count -= 1
        if index == entries.count - 1 {
            entries.removeLast()
        } else if entries.count > 32, count * 4 < entries.count {
            rebuild()
        }
    }

    mutating func removeAll() -> [Inode] {
        var removed: [Inode] = []
        for entry in entries {
            if let inode = entry.inode { removed.append(inode) }
        }
        entries = []
        buckets = []
        count = 0
        return removed
    }

    /// Drops the holes and makes the buckets fit.
    private mutating func rebuild() {
        entries.removeAll { $0.inode == nil }
        var capacity = 8
        while capacity < entries.count * 2 { capacity *= 2 }
        buckets = Array(repeating: -1, count: capacity)
        for index in entries.indices {
            let bucket = Int(entries[index].hash) & (capacity - 1)
            entries[index].next = buckets[bucket]
            buckets[bucket] = Int32(index)
        }
    }

    /// Shows the entries whose serial number is at least `cursor`, until `body` returns false.
    func forEach(from cursor: UInt64, _ body: ([UInt8], Inode, _ next: UInt64) -> Bool) {
        // Serial numbers ascend: find the first by bisection.
        var low = 0, high = entries.count
        while low < high {
            let middle = (low + high) / 2
            if entries[middle].serial < cursor { low = middle + 1 } else { high = middle }
        }
        for index in low..<entries.count {
            guard let inode = entries[index].inode else { continue }
            if !body(entries[index].name, inode, entries[index].serial + 1) { return }
        }
    }

    private static func hash(_ name: [UInt8]) -> UInt32 {
        var hash: UInt32 = 2_166_136_261
        for byte in name { hash = (hash ^ UInt32(byte)) &* 16_777_619 }
        return hash ^ (hash >> 15)
    }
}
