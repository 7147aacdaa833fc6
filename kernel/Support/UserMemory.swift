// The only way to user memory: copies with a range check and a fault fixup. No function here may be called with a
// spin lock held, because a copy may fault a page in and sleep.

import ABI

/// Copies a value in from user memory.
/// - Throws: `badAddress` when any byte is not readable user memory.
@inlinable
public func copyIn<T: BitwiseCopyable>(_ type: T.Type, from address: UserAddress) throws(Errno) -> T {
    guard address.isUserRange(MemoryLayout<T>.size), let source = UnsafeRawPointer(bitPattern: UInt(address.rawValue)) else {
        throw .badAddress
    }
    return try withUnsafeTemporaryValue { (slot: UnsafeMutablePointer<T>) throws(Errno) in
        // SAFETY: the range was checked to be in the user half; faults are fixed up and reported as a remainder.
        guard machineUserCopy(UnsafeMutableRawPointer(slot), source, MemoryLayout<T>.size) == 0 else { throw .badAddress }
    }
}

/// Copies a value out to user memory.
/// - Throws: `badAddress` when any byte is not writable user memory.
@inlinable
public func copyOut<T: BitwiseCopyable>(_ value: T, to address: UserAddress) throws(Errno) {
    guard address.isUserRange(MemoryLayout<T>.size), let target = UnsafeMutableRawPointer(bitPattern: UInt(address.rawValue))
    else {
        throw .badAddress
    }
    var copy = value
    // SAFETY: as in `copyIn`.
    let left = machineUserCopy(target, &copy, MemoryLayout<T>.size)
    if left != 0 { throw .badAddress }
}

/// Copies a large value in and lends it to `use`, which spares further copies of it.
/// - Throws: `badAddress` when any byte is not readable user memory; what `use` throws.
@inlinable
public func copyIn<T: BitwiseCopyable>(
    _ type: T.Type, from address: UserAddress, use: (UnsafeMutablePointer<T>) throws(Errno) -> Void
) throws(Errno) {
    guard address.isUserRange(MemoryLayout<T>.size), let source = UnsafeRawPointer(bitPattern: UInt(address.rawValue)) else {
        throw .badAddress
    }
    try withScratch(T.self) { (slot) throws(Errno) in
        // SAFETY: the range was checked to be in the user half; after a whole copy every byte of the value is there.
        guard machineUserCopy(UnsafeMutableRawPointer(slot), source, MemoryLayout<T>.size) == 0 else { throw .badAddress }
        try use(slot)
    }
}

/// Builds a large value in place and copies it out.
/// - Parameter fill: sets every field; the memory is not initialised, and what is left out reaches the program.
/// - Throws: `badAddress` when any byte is not writable user memory.
@inlinable
public func copyOut<T: BitwiseCopyable>(
    _ type: T.Type, to address: UserAddress, fill: (UnsafeMutablePointer<T>) -> Void
) throws(Errno) {
    guard address.isUserRange(MemoryLayout<T>.size), let target = UnsafeMutableRawPointer(bitPattern: UInt(address.rawValue))
    else {
        throw .badAddress
    }
    try withScratch(T.self) { (slot) throws(Errno) in
        fill(slot)
        // SAFETY: as in `copyIn`.
        guard machineUserCopy(target, slot, MemoryLayout<T>.size) == 0 else { throw .badAddress }
    }
}

/// Room for a value on the stack, not initialised.
@inlinable @inline(__always)
func withScratch<T: BitwiseCopyable>(
    _ type: T.Type, _ body: (UnsafeMutablePointer<T>) throws(Errno) -> Void
) throws(Errno) {
    // The error crosses as a code: the closure of the standard library may not throw a typed one.
    let code: Int32 = withUnsafeTemporaryAllocation(of: T.self, capacity: 1) { buffer in
        do throws(Errno) {
            try body(buffer.baseAddress.unsafelyUnwrapped)
            return 0
        } catch { return error.rawValue }
    }
    if code != 0 { throw Errno(rawValue: code) }
}

/// Changes a word of user memory in one atomic step.
/// - Parameter change: what a value becomes; asked again when somebody else changed the word meanwhile.
/// - Returns: the value before the change.
/// - Throws: `badAddress` when it is not writable user memory; `wouldBlock` when others change it without end.
public func changeUserWord(at address: UserAddress, _ change: (UInt32) -> UInt32) throws(Errno) -> UInt32 {
    guard address.isUserRange(4), let place = UnsafeMutableRawPointer(bitPattern: UInt(address.rawValue)) else {
        throw .badAddress
    }
    var old = try copyIn(UInt32.self, from: address)
    for _ in 0..<1000 {
        var found = old
        // SAFETY: the range was checked to be in the user half; faults are fixed up and reported.
        guard machineUserCompareExchange(place, &found, change(old)) == 0 else { throw .badAddress }
        if found == old { return old }
        old = found
    }
    throw .wouldBlock
}

/// Runs `fill` on zeroed memory for one `T` and returns what it left there.
@inlinable
func withUnsafeTemporaryValue<T: BitwiseCopyable>(
    _ fill: (UnsafeMutablePointer<T>) throws(Errno) -> Void
) throws(Errno) -> T {
    // SAFETY: T is bitwise copyable and the buffer is as large and as aligned as T; it is zeroed before use.
    let outcome: Result<T, Errno> = withUnsafeTemporaryAllocation(
        byteCount: max(MemoryLayout<T>.stride, 1), alignment: MemoryLayout<T>.alignment
    ) { raw in
        raw.initializeMemory(as: UInt8.self, repeating: 0)
        let slot = raw.baseAddress!.bindMemory(to: T.self, capacity: 1)
        do throws(Errno) {
            try fill(slot)
            return .success(slot.pointee)
        } catch { return .failure(error) }
    }
    return try outcome.get()
}

/// Copies a NUL-terminated string in, without its terminator.
/// - Parameter limit: the most bytes before the terminator.
/// - Throws: `badAddress`, or `nameTooLong` when no terminator comes within `limit` bytes.
public func copyInString(from address: UserAddress, limit: Int) throws(Errno) -> [UInt8] {
    var result: [UInt8] = []
    var cursor = address
    while result.count <= limit {
        // Never cross a page in one copy: the string may end just before an unmapped page.
        let room = 4096 - Int(cursor.rawValue & 4095)
        let chunk = min(room, 256)
        guard cursor.isUserRange(1), let source = UnsafeRawPointer(bitPattern: UInt(cursor.rawValue)) else { throw .badAddress }
        var length = 0
        var terminated = false
        let left: Int = withUnsafeTemporaryAllocation(byteCount: 256, alignment: 8) { raw in
            // SAFETY: at most 256 bytes into a 256-byte buffer; user faults are reported as a remainder.
            let left = machineUserCopy(raw.baseAddress!, source, chunk)
            if left == 0 {
                while length < chunk {
                    if raw[length] == 0 { terminated = true; break }
                    length += 1
                }
                let part = UnsafeRawBufferPointer(rebasing: raw[0..<length])
                // Usually all of it: no room for more is needed.
                if result.isEmpty { result = Array(part) } else { result.append(contentsOf: part) }
            }
            return left
        }
        if left != 0 { throw .badAddress }
        if terminated {
            if result.count > limit { throw .nameTooLong }
            return result
        }
        cursor = cursor + chunk
    }
    throw .nameTooLong
}

/// Copies raw bytes in. The caller bounds `count`.
public func copyInBytes(from address: UserAddress, count: Int) throws(Errno) -> [UInt8] {
    guard address.isUserRange(count) else { throw .badAddress }
    if count == 0 { return [] }
    guard let source = UnsafeRawPointer(bitPattern: UInt(address.rawValue)) else { throw .badAddress }
    var left = 0
    let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
        left = machineUserCopy(buffer.baseAddress!, source, count)
        initialized = left == 0 ? count : 0
    }
    if left != 0 { throw .badAddress }
    return bytes
}

/// Copies bytes of kernel memory out.
public func copyOut(_ bytes: UnsafeRawBufferPointer, to address: UserAddress) throws(Errno) {
    guard address.isUserRange(bytes.count) else { throw .badAddress }
    guard let source = bytes.baseAddress, bytes.count > 0 else { return }
    guard let target = UnsafeMutableRawPointer(bitPattern: UInt(address.rawValue)) else { throw .badAddress }
    // SAFETY: as in `copyIn`.
    if machineUserCopy(target, source, bytes.count) != 0 { throw .badAddress }
}

/// Copies raw bytes out.
public func copyOutBytes(_ bytes: [UInt8], to address: UserAddress) throws(Errno) {
    guard address.isUserRange(bytes.count) else { throw .badAddress }
    if bytes.isEmpty { return }
    guard let target = UnsafeMutableRawPointer(bitPattern: UInt(address.rawValue)) else { throw .badAddress }
    let left = bytes.withUnsafeBytes { machineUserCopy(target, $0.baseAddress!, bytes.count) }
    if left != 0 { throw .badAddress }
}
