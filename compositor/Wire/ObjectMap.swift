// Which object an identifier names, on either side of a connection.

/// Maps identifiers to what a side keeps for each object. The two ranges (the client's from 1, the server's from
/// 0xff000000) are dense, as the protocol demands, so both are arrays.
public struct ObjectMap<Value> {
    public enum Side: Sendable { case client, server }

    public enum Entry {
        case live(Value)
        /// Destroyed on this side; the peer may still address it. What it was tells how to skip such messages.
        case retired(Value)
    }

    /// The side that uses this map.
    public let side: Side
    /// The most objects that each range may hold.
    public let limit: Int

    private var clientEntries: [Entry?] = [nil]
    private var serverEntries: [Entry?] = []
    private var freeIDs: [UInt32] = []
    public private(set) var count = 0

    public init(side: Side, limit: Int) {
        self.side = side
        self.limit = limit
    }

    public subscript(id: ObjectID) -> Entry? {
        let index = ObjectMap.index(id)
        let entries = id.isAllocatedByServer ? serverEntries : clientEntries
        return index < entries.count ? entries[index] : nil
    }

    /// The object, unless it is unknown or retired.
    public func live(_ id: ObjectID) -> Value? {
        if case .live(let value)? = self[id] { return value }
        return nil
    }

    /// Enters an object whose identifier the peer chose.
    public mutating func insert(_ value: Value, peer id: ObjectID) throws(WireError) {
        guard id.isAllocatedByServer == (side == .client) else { throw .badNewID }
        let index = ObjectMap.index(id)
        let known = id.isAllocatedByServer ? serverEntries.count : clientEntries.count
        guard index <= known else { throw .badNewID }
        guard index < limit else { throw .tooManyObjects }
        if index < known, self[id] != nil { throw .badNewID }
        set(id, .live(value))
        count += 1
    }

    /// Enters an object of our own; nil when the limit is reached.
    public mutating func allocate(_ value: Value) -> ObjectID? {
        if let raw = freeIDs.popLast(), let id = ObjectID(rawValue: raw) {
            set(id, .live(value))
            count += 1
            return id
        }
        let known = side == .server ? serverEntries.count : clientEntries.count
        guard known < limit else { return nil }
        let id = ObjectID(unchecked: side == .server ? ObjectID.firstOfServer + UInt32(known) : UInt32(known))
        set(id, .live(value))
        count += 1
        return id
    }

    /// Replaces what is kept for a live object.
    public mutating func update(_ id: ObjectID, _ value: Value) {
        if case .live? = self[id] { set(id, .live(value)) }
    }

    /// Marks an object as destroyed while the peer may still send to it.
    public mutating func retire(_ id: ObjectID) {
        if case .live(let value)? = self[id] { set(id, .retired(value)) }
    }

    /// Forgets an object: its identifier may be used again.
    public mutating func remove(_ id: ObjectID) {
        guard self[id] != nil else { return }
        set(id, nil)
        count -= 1
        if id.isAllocatedByServer == (side == .server) { freeIDs.append(id.rawValue) }
    }

    /// Calls `body` for every object that is live or retired.
    public func forEach(_ body: (ObjectID, Value) -> Void) {
        for index in 1..<max(1, clientEntries.count) { visit(clientEntries[index], UInt32(index), body) }
        for index in 0..<serverEntries.count { visit(serverEntries[index], ObjectID.firstOfServer + UInt32(index), body) }
    }

    private func visit(_ entry: Entry?, _ raw: UInt32, _ body: (ObjectID, Value) -> Void) {
        switch entry {
        case .live(let value)?, .retired(let value)?: body(ObjectID(unchecked: raw), value)
        case nil: break
        }
    }

    private static func index(_ id: ObjectID) -> Int {
        Int(id.isAllocatedByServer ? id.rawValue - ObjectID.firstOfServer : id.rawValue)
    }

    private mutating func set(_ id: ObjectID, _ entry: Entry?) {
        let index = ObjectMap.index(id)
        if id.isAllocatedByServer {
            if index == serverEntries.count { serverEntries.append(entry) } else { serverEntries[index] = entry }
        } else {
            if index == clientEntries.count { clientEntries.append(entry) } else { clientEntries[index] = entry }
        }
    }
}
