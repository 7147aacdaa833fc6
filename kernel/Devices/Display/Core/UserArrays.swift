// The DRM way of passing structures and arrays, which differs a little from the rest of the system's.

import ABI
import Support

/// Copies a request's structure in, runs `body` and copies it out again.
///
/// As in Linux, the size that counts is the caller's: a program built with older or newer headers passes a shorter or longer
/// structure; missing members are zero, surplus ones are ignored.
func exchange<T: BitwiseCopyable>(
    _ request: IoctlRequest, _ argument: UInt64, _ initial: T, _ body: (inout T) throws(Errno) -> Void
) throws(Errno) -> Int {
    let address = UserAddress(argument)
    let count = min(request.byteCount, MemoryLayout<T>.size)
    guard address.isUserRange(request.byteCount), let user = UnsafeMutableRawPointer(bitPattern: UInt(address.rawValue)) else {
        throw .badAddress
    }
    var value = initial
    if request.programWrites {
        // SAFETY: the user range was checked and faults are reported; `count` is at most the size of the value.
        let left = withUnsafeMutableBytes(of: &value) { machineUserCopy($0.baseAddress!, user, count) }
        if left != 0 { throw .badAddress }
    }
    try body(&value)
    if request.programReads {
        // SAFETY: as above, in the other direction.
        let left = withUnsafeBytes(of: &value) { machineUserCopy(user, $0.baseAddress!, count) }
        if left != 0 { throw .badAddress }
    }
    return 0
}

/// Copies as many identifiers out as there is room for, and stores how many there are.
func copyOutIdentifiers(_ values: [UInt32], to pointer: UInt64, room: inout UInt32) throws(Errno) {
    let count = min(Int(room), values.count)
    for index in 0..<count { try copyOut(values[index], to: UserAddress(pointer) + index * 4) }
    room = UInt32(values.count)
}

/// Copies a text without a terminator out, as much as there is room for, and stores its length.
func copyOutText(_ text: StaticString, to pointer: UInt64, room: inout UInt64) throws(Errno) {
    let count = Int(min(room, UInt64(text.utf8CodeUnitCount)))
    if count > 0, pointer != 0 {
        try copyOutBytes(Array(UnsafeBufferPointer(start: text.utf8Start, count: count)), to: UserAddress(pointer))
    }
    room = UInt64(text.utf8CodeUnitCount)
}

/// A name of at most 31 bytes in a field of 32.
func nameField(_ name: StaticString) -> InlineArray<32, UInt8> {
    var field = InlineArray<32, UInt8>(repeating: 0)
    for index in 0..<min(name.utf8CodeUnitCount, 31) { field[index] = name.utf8Start[index] }
    return field
}
