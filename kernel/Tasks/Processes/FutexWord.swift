extension Futex {
    /// What the word of a lock that inherits priority says (`include/uapi/linux/futex.h`).
    struct LockWord: Equatable {
        var rawValue: UInt32
        static var waiters: UInt32 { 0x8000_0000 }
        static var ownerDied: UInt32 { 0x4000_0000 }
        static var ownerMask: UInt32 { 0x3fff_ffff }

        init(_ rawValue: UInt32) { self.rawValue = rawValue }
        init(owner: Int32, hasWaiters: Bool, ownerDied: Bool = false) {
            rawValue = UInt32(bitPattern: owner) | (hasWaiters ? Self.waiters : 0) | (ownerDied ? Self.ownerDied : 0)
        }

        /// The number of the thread that has the lock; 0 for none.
        var owner: Int32 { Int32(bitPattern: rawValue & Self.ownerMask) }
        var ownerDied: Bool { rawValue & Self.ownerDied != 0 }
        var hasWaiters: Bool { rawValue & Self.waiters != 0 }
    }

    /// The sixth argument of FUTEX_WAKE_OP: 4 bits of operation, 4 of comparison, and two operands of 12.
    public struct WordOperation {
        private let code: UInt32
        public init(code: UInt32) { self.code = code }

        private var operation: UInt32 { code >> 28 & 7 }
        private var operand: UInt32 {
            let value = Self.signed(code >> 12)
            // FUTEX_OP_OPARG_SHIFT: the operand is the number of a bit.
            return code >> 31 != 0 ? 1 << (value & 31) : value
        }
        private static func signed(_ field: UInt32) -> UInt32 { UInt32(bitPattern: Int32(bitPattern: field << 20) >> 20) }

        var isKnown: Bool { operation <= 4 }

        func apply(to value: UInt32) -> UInt32 {
            switch operation {
            case 0: operand
            case 1: value &+ operand
            case 2: value | operand
            case 3: value & ~operand
            default: value ^ operand
            }
        }

        /// Whether the old value satisfies the comparison; nil when there is no such comparison.
        func compares(_ old: UInt32) -> Bool? {
            let (value, other) = (Int32(bitPattern: old), Int32(bitPattern: Self.signed(code)))
            switch code >> 24 & 15 {
            case 0: return value == other
            case 1: return value != other
            case 2: return value < other
            case 3: return value <= other
            case 4: return value > other
            case 5: return value >= other
            default: return nil
            }
        }
    }
}
