/// The kernel's random numbers: ChaCha20 (RFC 8439) with fast key erasure. Each refill first makes a new key from its own
/// output, so that a later look at memory does not reveal earlier numbers.
///
/// Boot adds what entropy there is (RDRAND, the time-stamp counter, the firmware's times) before anything asks.
public enum KernelRandom {
    static let state = SpinLock(RandomState())

    /// Mixes words in. Any quality helps and none hurts.
    public static func add(entropy: UInt64) { state.withLock { $0.mix(entropy) } }

    /// 64 random bits.
    public static func next() -> UInt64 {
        state.withLock { state in UInt64(state.nextWord()) | UInt64(state.nextWord()) << 32 }
    }

    /// A number in `0..<bound`; the bias is below 2^-32 for bounds below 2^32.
    public static func next(below bound: UInt64) -> UInt64 { bound == 0 ? 0 : next().multipliedFullWidth(by: bound).high }

    /// Fills memory with random bytes.
    public static func fill(_ buffer: UnsafeMutableRawBufferPointer) {
        var index = 0
        while index < buffer.count {
            var word = next()
            // Short pieces keep the time with interrupts off short.
            var left = min(8, buffer.count - index)
            while left > 0 {
                buffer[index] = UInt8(truncatingIfNeeded: word)
                word >>= 8
                index += 1
                left -= 1
            }
        }
    }
}

struct RandomState: ~Copyable {
    private var key: InlineArray<8, UInt32> = [
        0x6d61_7274, 0x6c65_7421, 0x9e37_79b9, 0x7f4a_7c15, 0xf39c_c060, 0x5ced_c834, 0x1082_276b, 0xf3a2_7251,
    ]
    private var nonce: UInt64 = 0
    /// The block that is being computed.
    private var block = InlineArray<16, UInt32>(repeating: 0)
    /// Four blocks, since the key takes half a block of each refill; words below `used` have been given out or became the key.
    private var words = InlineArray<64, UInt32>(repeating: 0)
    private var used = 64

    /// Not inlined: the compiler (6.3.1) crashes on a static initialiser that contains an InlineArray inside a lock.
    @inline(never)
    init() {}

    mutating func mix(_ entropy: UInt64) {
        key[0] ^= UInt32(truncatingIfNeeded: entropy)
        key[1] ^= UInt32(truncatingIfNeeded: entropy >> 32)
        refill()
        used = 64
    }

    mutating func nextWord() -> UInt32 {
        if used == 64 { refill() }
        let word = words[used]
        words[used] = 0
        used += 1
        return word
    }

    /// Computes four blocks; the first half of the first one replaces the key.
    private mutating func refill() {
        for number in 0..<4 {
            compute(UInt32(number))
            for i in 0..<16 {
                words[number * 16 + i] = block[i]
                block[i] = 0
            }
        }
        nonce &+= 1
        for i in 0..<8 {
            key[i] = words[i]
            words[i] = 0
        }
        used = 8
    }

    /// Computes the block with a number.
    private mutating func compute(_ number: UInt32) {
        block[0] = 0x6170_7865
        block[1] = 0x3320_646e
        block[2] = 0x7962_2d32
        block[3] = 0x6b20_6574
        for i in 0..<8 { block[4 + i] = key[i] }
        block[12] = number
        block[13] = 0
        block[14] = UInt32(truncatingIfNeeded: nonce)
        block[15] = UInt32(truncatingIfNeeded: nonce >> 32)
        let start = block
        for _ in 0..<10 {
            quarter(0, 4, 8, 12)
            quarter(1, 5, 9, 13)
            quarter(2, 6, 10, 14)
            quarter(3, 7, 11, 15)
            quarter(0, 5, 10, 15)
            quarter(1, 6, 11, 12)
            quarter(2, 7, 8, 13)
            quarter(3, 4, 9, 14)
        }
        for i in 0..<16 { block[i] = block[i] &+ start[i] }
    }

    @inline(__always)
    private mutating func quarter(_ a: Int, _ b: Int, _ c: Int, _ d: Int) {
        block[a] = block[a] &+ block[b]
        block[d] = rotate(block[d] ^ block[a], 16)
        block[c] = block[c] &+ block[d]
        block[b] = rotate(block[b] ^ block[c], 12)
        block[a] = block[a] &+ block[b]
        block[d] = rotate(block[d] ^ block[a], 8)
        block[c] = block[c] &+ block[d]
        block[b] = rotate(block[b] ^ block[c], 7)
    }

    @inline(__always)
    private func rotate(_ value: UInt32, _ count: UInt32) -> UInt32 { value << count | value >> (32 - count) }
}
