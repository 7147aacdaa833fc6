// Colours as people write them, and as pixels hold them.

/// A colour with straight (not premultiplied) alpha, 8 bits a channel, in sRGB.
public struct Color: Equatable, Hashable, Sendable {
    /// 0xAARRGGBB.
    public let argb: UInt32

    /// An opaque colour from 0xRRGGBB.
    @inlinable
    public init(rgb: UInt32) { argb = 0xFF00_0000 | rgb }

    /// A colour from 0xRRGGBB with an alpha of 0...255.
    @inlinable
    public init(rgb: UInt32, alpha: UInt8) { argb = UInt32(alpha) << 24 | rgb & 0xFF_FFFF }

    /// A colour from 0xAARRGGBB.
    @inlinable
    public init(argb: UInt32) { self.argb = argb }

    public static var clear: Color { Color(argb: 0) }
    public static var black: Color { Color(rgb: 0) }
    public static var white: Color { Color(rgb: 0xFF_FFFF) }

    @inlinable public var alpha: UInt8 { UInt8(argb >> 24) }
    @inlinable public var red: UInt8 { UInt8(truncatingIfNeeded: argb >> 16) }
    @inlinable public var green: UInt8 { UInt8(truncatingIfNeeded: argb >> 8) }
    @inlinable public var blue: UInt8 { UInt8(truncatingIfNeeded: argb) }
    @inlinable public var isOpaque: Bool { argb >= 0xFF00_0000 }

    /// The same colour with its alpha multiplied by `factor` / 255.
    public func opacity(_ factor: UInt8) -> Color {
        Color(rgb: argb, alpha: UInt8(truncatingIfNeeded: scale255(UInt32(alpha), UInt32(factor))))
    }

    /// The colour at `position` / 255 of the way to `other`, channel by channel.
    public func mixed(with other: Color, position: UInt8) -> Color {
        Color(argb: mix(argb, other.argb, UInt32(position)))
    }

    /// The pixel value: 0xAARRGGBB with the colour channels multiplied by alpha.
    public var premultiplied: UInt32 {
        let a = argb >> 24
        if a == 255 { return argb }
        return a << 24 | scalePixel(argb & 0xFF_FFFF, a)
    }
}

// MARK: Arithmetic on whole pixels
//
// A pixel's four channels are spread over the 16-bit lanes of one 64-bit word, so one multiplication serves all of
// them. x·y/255 is rounded to nearest by the identity t = x·y + 128; (t + (t >> 8)) >> 8, exact for 8-bit operands.

/// x · y / 255, rounded to nearest.
@inline(__always)
func scale255(_ x: UInt32, _ y: UInt32) -> UInt32 {
    let t = x &* y &+ 128
    return (t &+ (t >> 8)) >> 8
}

/// Channels in 16-bit lanes, low to high: blue, red, green, alpha.
@inlinable @inline(__always)
func spread(_ pixel: UInt32) -> UInt64 {
    UInt64(pixel & 0x00FF_00FF) | (UInt64((pixel >> 8) & 0x00FF_00FF) << 32)
}

@inlinable @inline(__always)
func pack(_ lanes: UInt64) -> UInt32 {
    UInt32(truncatingIfNeeded: lanes) | (UInt32(truncatingIfNeeded: lanes >> 32) << 8)
}

/// Every lane · `factor` / 255, rounded; `factor` is 0...255 and so no lane overflows into the next.
@inline(__always)
func scaleLanes(_ lanes: UInt64, _ factor: UInt32) -> UInt64 {
    let t = lanes &* UInt64(factor) &+ 0x0080_0080_0080_0080
    return ((t &+ ((t >> 8) & 0x00FF_00FF_00FF_00FF)) >> 8) & 0x00FF_00FF_00FF_00FF
}

/// Every channel · `factor` / 255.
@inline(__always)
func scalePixel(_ pixel: UInt32, _ factor: UInt32) -> UInt32 { pack(scaleLanes(spread(pixel), factor)) }

/// `source` over `destination`, premultiplied. A colour channel larger than alpha (only a client that breaks the
/// rules sends that) wraps within its own channel.
@inline(__always)
func over(_ source: UInt32, _ destination: UInt32) -> UInt32 {
    let scaled = scaleLanes(spread(destination), 255 &- (source >> 24))
    return pack((spread(source) &+ scaled) & 0x00FF_00FF_00FF_00FF)
}

/// The channel-wise blend a · (255 - t) + b · t, divided by 255 and rounded once.
@inlinable @inline(__always)
func mix(_ a: UInt32, _ b: UInt32, _ t: UInt32) -> UInt32 {
    // Both products together stay within 255 · 255, so the lanes cannot overflow.
    let sum = spread(a) &* UInt64(255 &- t) &+ spread(b) &* UInt64(t) &+ 0x0080_0080_0080_0080
    return pack(((sum &+ ((sum >> 8) & 0x00FF_00FF_00FF_00FF)) >> 8) & 0x00FF_00FF_00FF_00FF)
}

/// The pixel at `coverage` / 255 of the way between two premultiplied pixels.
@inlinable @inline(__always)
public func interpolate(_ from: UInt32, _ to: UInt32, _ coverage: UInt8) -> UInt32 {
    mix(from, to, UInt32(coverage))
}

/// The pixels between two, many times over: `interpolate` with the work that does not depend on coverage done once.
public struct PixelMixer: Sendable {
    @usableFromInline let base: UInt64
    @usableFromInline let difference: UInt64

    @inlinable
    public init(from: UInt32, to: UInt32) {
        // a · (255 - t) + b · t is a · 255 + (b - a) · t. The difference may borrow from the next lane, but the sum is a
        // whole number that is the same either way, and its lanes do not overlap.
        base = spread(from) &* 255 &+ 0x0080_0080_0080_0080
        difference = spread(to) &- spread(from)
    }

    @inlinable @inline(__always)
    public func pixel(_ coverage: UInt8) -> UInt32 {
        let sum = base &+ difference &* UInt64(coverage)
        return pack(((sum &+ ((sum >> 8) & 0x00FF_00FF_00FF_00FF)) >> 8) & 0x00FF_00FF_00FF_00FF)
    }
}
