/// A counter of known frequency that runs by itself, such as the HPET's: what the time-stamp counter is measured with.
public protocol ReferenceCounter {
    var name: StaticString { get }
    /// Counts a second.
    var frequency: UInt64 { get }
    /// The bits that it has; it starts again from 0 after them.
    var mask: UInt64 { get }
    func read() -> UInt64
}

/// The main counter of the HPET (IA-PC HPET specification 1.0a, section 2.3).
public struct HPETCounter: ReferenceCounter {
    public let name: StaticString = "HPET"
    public let frequency: UInt64
    public let mask: UInt64
    let memory: UnsafeMutableRawPointer

    private static let capabilities = 0, configuration = 0x10, mainCounter = 0xf0
    /// The longest period that the specification permits, 100 ns, and the shortest that is believable, in femtoseconds.
    private static let periods: ClosedRange<UInt64> = 100_000...100_000_000

    /// Starts the counter.
    /// - Parameter memory: the device's registers.
    /// - Returns: nil when there is no such device, or one that does not count.
    public init?(memory: UnsafeMutableRawPointer) {
        let capabilities = asmRead64(UnsafeRawPointer(memory + Self.capabilities))
        guard Self.periods.contains(capabilities >> 32) else { return nil }
        frequency = 1_000_000_000_000_000 / (capabilities >> 32)
        // A counter of 64 bits is read as one of 32 where a read of 64 may be torn; half of it is enough here.
        mask = 0xffff_ffff
        self.memory = memory
        let configuration = asmRead64(UnsafeRawPointer(memory + Self.configuration))
        asmWrite64(memory + Self.configuration, configuration | 1)
        let first = read()
        for _ in 0..<100_000 { if read() != first { return } }
        return nil
    }

    public func read() -> UInt64 { UInt64(asmRead32(UnsafeRawPointer(memory + Self.mainCounter))) }
}

/// The ACPI PM timer: 24 bits at 3.579545 MHz (ACPI specification 6.5, section 4.8.3.3).
public struct PowerTimerCounter: ReferenceCounter {
    public let name: StaticString = "PM timer"
    public let frequency: UInt64 = 3_579_545
    public let mask: UInt64 = 0xff_ffff
    private let port: UInt16

    /// - Returns: nil when the timer does not count.
    public init?(port: UInt16) {
        self.port = port
        let first = read()
        for _ in 0..<100_000 { if read() != first { return } }
        return nil
    }

    public func read() -> UInt64 { UInt64(asmIn32(port)) & mask }
}

/// Channel 2 of the PIT, whose output goes nowhere (Intel 8254 datasheet). It counts down 16 bits at 1.193182 MHz.
public struct PITCounter: ReferenceCounter {
    public let name: StaticString = "PIT"
    public let frequency: UInt64 = 1_193_182
    public let mask: UInt64 = 0xffff

    /// - Returns: nil when it does not count.
    public init?() {
        asmOut8(0x61, (asmIn8(0x61) & ~2) | 1)  // speaker off, gate open
        asmOut8(0x43, 0xb4)  // channel 2, both bytes, mode 2: it starts over
        asmOut8(0x42, 0)
        asmOut8(0x42, 0)
        let first = read()
        for _ in 0..<100_000 { if read() != first { return } }
        return nil
    }

    public func read() -> UInt64 {
        asmOut8(0x43, 0x80)  // latch
        let low = asmIn8(0x42), high = asmIn8(0x42)
        return 0xffff &- (UInt64(high) << 8 | UInt64(low))
    }
}
