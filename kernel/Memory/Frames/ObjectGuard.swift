import Support

/// What the checked kernel keeps beside an object of the heap, to find those who write where they should not.
///
/// The slot of an object ends with a record: the length that was asked for, whether the object is in use, and when the search for leaks
/// last saw a reference to it. Between object and record lie guard bytes. While the object is free all of it is filled with a pattern,
/// but for the first word, which is the link of the list that it is on.
enum ObjectGuard {
    /// What was found wrong, with the offset in the slot of the first byte that is not as it was left.
    enum Fault: Equatable {
        /// Written behind the end of the object, or the record is destroyed.
        case overrun(Int)
        /// Written after it was freed.
        case usedAfterFree(Int)
        case freedTwice
        /// A pointer into the middle of an object was freed.
        case notAnObject
    }

    /// Bytes of a slot that the object cannot have: record and the least of guard bytes.
    static let extra = recordByteCount + 8
    private static let recordByteCount = 16
    private static let guardByte: UInt8 = 0xbb
    private static let freeByte: UInt8 = 0x6b
    private static let freshByte: UInt8 = 0xcd
    private static let live: UInt32 = 0x11fe_0b1e
    private static let free: UInt32 = 0xf4ee_0b1e

    private static func record(_ slot: UnsafeMutableRawPointer, _ slotSize: Int) -> UnsafeMutablePointer<UInt32> {
        // SAFETY: slots are multiples of 16, and their last 16 bytes are the record's.
        (slot + (slotSize - recordByteCount)).assumingMemoryBound(to: UInt32.self)
    }

    /// Makes a slot that was never used a free one.
    static func format(_ slot: UnsafeMutableRawPointer, _ slotSize: Int) {
        fill(slot, 0, slotSize - recordByteCount, freeByte)
        let record = record(slot, slotSize)
        record[0] = 0
        record[1] = free
        record[2] = 0
        record[3] = ~0
    }

    /// An object is handed out: it must be as it was when it was freed.
    static func take(_ slot: UnsafeMutableRawPointer, _ slotSize: Int, byteCount: Int, epoch: UInt32) -> Fault? {
        let record = record(slot, slotSize)
        var fault: Fault?
        if record[1] != free {
            fault = .usedAfterFree(slotSize - recordByteCount + 4)
        } else if let offset = firstOther(slot, 8, slotSize - recordByteCount, freeByte) {
            fault = .usedAfterFree(offset)
        }
        fill(slot, 0, byteCount, freshByte)
        fill(slot, byteCount, slotSize - recordByteCount, guardByte)
        record[0] = UInt32(byteCount)
        record[1] = live
        record[2] = epoch
        record[3] = ~UInt32(byteCount)
        return fault
    }

    /// An object is given back.
    static func give(_ slot: UnsafeMutableRawPointer, _ slotSize: Int) -> Fault? {
        let record = record(slot, slotSize)
        if record[1] == free { return .freedTwice }
        let end = slotSize - recordByteCount
        var fault: Fault?
        if record[1] != live || Int(record[0]) > end || record[3] != ~record[0] {
            fault = .overrun(end)
        } else if let offset = firstOther(slot, Int(record[0]), end, guardByte) {
            fault = .overrun(offset)
        }
        fill(slot, 0, end, freeByte)
        record[1] = free
        return fault
    }

    // MARK: The search for leaks

    static func isLive(_ slot: UnsafeMutableRawPointer, _ slotSize: Int) -> Bool { record(slot, slotSize)[1] == live }
    static func byteCount(_ slot: UnsafeMutableRawPointer, _ slotSize: Int) -> Int { Int(record(slot, slotSize)[0]) }

    /// When a reference to it was last seen.
    static func epoch(_ slot: UnsafeMutableRawPointer, _ slotSize: Int) -> UInt32 { record(slot, slotSize)[2] }
    static func mark(_ slot: UnsafeMutableRawPointer, _ slotSize: Int, epoch: UInt32) { record(slot, slotSize)[2] = epoch }

    // MARK: Bytes

    private static func fill(_ slot: UnsafeMutableRawPointer, _ start: Int, _ end: Int, _ byte: UInt8) {
        if end <= start { return }
        // SAFETY: within the slot, which is nobody's or the caller's.
        UnsafeMutableRawBufferPointer(start: slot + start, count: end - start).initializeMemory(as: UInt8.self, repeating: byte)
    }

    private static func firstOther(_ slot: UnsafeMutableRawPointer, _ start: Int, _ end: Int, _ byte: UInt8) -> Int? {
        var offset = start
        while offset < end {
            if slot.load(fromByteOffset: offset, as: UInt8.self) != byte { return offset }
            offset += 1
        }
        return nil
    }
}
