import Processor

/// The battery-backed clock of PCs (MC146818, ports 0x70 and 0x71). It is read once at boot.
public enum CMOSClock {
    /// A reading of the clock's registers.
    public struct Reading: Equatable {
        public var second: UInt8
        public var minute: UInt8
        public var hour: UInt8
        public var day: UInt8
        public var month: UInt8
        public var year: UInt8
        /// Register B: bit 1 says 24-hour format, bit 2 binary instead of BCD.
        public var format: UInt8
        public init(second: UInt8, minute: UInt8, hour: UInt8, day: UInt8, month: UInt8, year: UInt8, format: UInt8) {
            self.second = second; self.minute = minute; self.hour = hour
            self.day = day; self.month = month; self.year = year; self.format = format
        }

        /// Seconds since 1970, or nil when the registers hold no date.
        public var unixSeconds: UInt64? {
            let isBinary = format & 4 != 0
            func decode(_ value: UInt8) -> Int { isBinary ? Int(value) : Int(value >> 4) * 10 + Int(value & 15) }
            var hours = decode(hour & 0x7f)
            if format & 2 == 0 { hours = hours % 12 + (hour & 0x80 != 0 ? 12 : 0) }
            let months = decode(month)
            let days = decode(day)
            let years = decode(year) + (decode(year) < 70 ? 2000 : 1900)
            guard months >= 1, months <= 12, days >= 1, days <= 31, hours < 24, decode(minute) < 60, decode(second) < 61 else {
                return nil
            }
            return UInt64(daysSince1970(years, months, days)) * 86400
                + UInt64(hours * 3600 + decode(minute) * 60 + decode(second))
        }

        /// Days in the proleptic Gregorian calendar, counting years from March so that the leap day comes last.
        private func daysSince1970(_ year: Int, _ month: Int, _ day: Int) -> Int {
            let y = month <= 2 ? year - 1 : year
            let era = y / 400
            let yearOfEra = y - era * 400
            let dayOfYear = (153 * ((month + 9) % 12) + 2) / 5 + day - 1
            let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
            return era * 146_097 + dayOfEra - 719_468
        }
    }

    /// Reads the clock twice until two readings agree, so that an update in between does no harm. Bounded.
    /// - Returns: nil when there is no clock or it never settles.
    public static func read() -> UInt64? {
        var last: Reading?
        for _ in 0..<10 {
            guard waitForUpdateEnd() else { return nil }
            let reading = Reading(
                second: register(0), minute: register(2), hour: register(4), day: register(7), month: register(8),
                year: register(9), format: register(11))
            if reading == last { return reading.unixSeconds }
            last = reading
        }
        return nil
    }

    private static func waitForUpdateEnd() -> Bool {
        for _ in 0..<100_000 {
            let status = register(10)
            if status == 0xff { return false }
            if status & 0x80 == 0 { return true }
        }
        return false
    }

    private static func register(_ index: UInt8) -> UInt8 {
        Port.out8(0x70, index)
        return Port.in8(0x71)
    }
}
