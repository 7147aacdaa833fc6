/// Text in the kernel: UTF-8 bytes.
///
/// It takes the place of the standard library's `String`, which brings Unicode tables and grapheme breaking that a kernel
/// has no use for, also for literals and interpolations where one is expected; modules that import `Support` see it as
/// `String`.
public struct KernelString: Equatable, Sendable {
    public var utf8: [UInt8]

    public init() { utf8 = [] }
    public init(_ bytes: [UInt8]) { utf8 = bytes }
    public init(_ text: StaticString) { utf8 = Array(UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount)) }
    public init(_ other: KernelString) { self = other }

    public init<Bytes: Sequence>(decoding bytes: Bytes, as encoding: UTF8.Type) where Bytes.Element == UInt8 {
        utf8 = Array(bytes)
    }

    /// A number in the given base, 2 to 36.
    public init<T: BinaryInteger>(_ value: T, radix: Int = 10) {
        utf8 = []
        append(number: value, radix: radix)
    }

    public init(repeating byte: StaticString, count: Int) {
        utf8 = Array(repeating: byte.utf8Start[0], count: max(count, 0))
    }

    public var isEmpty: Bool { utf8.isEmpty }
    public var count: Int { utf8.count }

    public mutating func append(_ other: KernelString) { utf8.append(contentsOf: other.utf8) }

    public static func + (a: KernelString, b: KernelString) -> KernelString {
        var result = a
        result.append(b)
        return result
    }
    public static func += (a: inout KernelString, b: KernelString) { a.append(b) }

    /// Runs `body` on the bytes.
    public func withUTF8<Result>(_ body: (UnsafeBufferPointer<UInt8>) -> Result) -> Result { utf8.withUnsafeBufferPointer(body) }

    mutating func append<T: BinaryInteger>(number value: T, radix: Int) {
        if value < 0 { utf8.append(UInt8(ascii: "-")) }
        var rest = UInt64(truncatingIfNeeded: value.magnitude)
        let start = utf8.count
        repeat {
            let digit = UInt8(rest % UInt64(radix))
            utf8.append(digit < 10 ? 48 + digit : 87 + digit)
            rest /= UInt64(radix)
        } while rest > 0
        utf8[start...].reverse()
    }
}

extension KernelString: ExpressibleByStringInterpolation {
    public init(stringLiteral value: StaticString) { self.init(value) }

    public init(stringInterpolation: Interpolation) { self = stringInterpolation.text }

    public struct Interpolation: StringInterpolationProtocol {
        var text = KernelString()
        public init(literalCapacity: Int, interpolationCount: Int) {
            text.utf8.reserveCapacity(literalCapacity + interpolationCount * 8)
        }
        public mutating func appendLiteral(_ literal: StaticString) {
            text.utf8.append(contentsOf: UnsafeBufferPointer(start: literal.utf8Start, count: literal.utf8CodeUnitCount))
        }
        public mutating func appendInterpolation<T: BinaryInteger>(_ value: T) { text.append(number: value, radix: 10) }
        public mutating func appendInterpolation(_ value: KernelString) { text.append(value) }
        public mutating func appendInterpolation(_ value: StaticString) { appendLiteral(value) }
        /// Bytes that are text.
        public mutating func appendInterpolation(_ value: [UInt8]) { text.utf8.append(contentsOf: value) }
        public mutating func appendInterpolation(_ value: ArraySlice<UInt8>) { text.utf8.append(contentsOf: value) }
        public mutating func appendInterpolation(_ value: Bool) { appendLiteral(value ? "true" : "false") }
    }
}

/// In the kernel, `String` is this.
public typealias String = KernelString
/// What a string literal is where nothing else is asked for, in this module; other modules repeat it.
public typealias StringLiteralType = KernelString
