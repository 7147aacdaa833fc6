/// Reads a value of several fields that the device may change meanwhile (Virtual I/O Device 1.2, 2.5.3): again and again
/// until the generation is the same before and after, but not for ever.
/// - Returns: nil when the device changed its configuration eight times in a row.
public func readStableConfiguration<Value>(generation: () -> UInt8, _ read: () -> Value) -> Value? {
    for _ in 0..<8 {
        let before = generation()
        let value = read()
        if generation() == before { return value }
    }
    return nil
}
