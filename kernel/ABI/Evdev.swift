// The event interface of input devices (`include/uapi/linux/input.h`).

/// `struct input_event`: 24 bytes.
public struct InputEvent: BitwiseCopyable, Sendable {
    public var seconds: Int64 = 0
    public var microseconds: Int64 = 0
    public var type: UInt16 = 0
    public var code: UInt16 = 0
    public var value: Int32 = 0
    public init() {}
    public init(type: UInt16, code: UInt16, value: Int32) {
        self.type = type
        self.code = code
        self.value = value
    }
}

/// `struct input_id`.
public struct InputIdentity: BitwiseCopyable, Sendable {
    public var bus: UInt16 = 0
    public var vendor: UInt16 = 0
    public var product: UInt16 = 0
    public var version: UInt16 = 0
    public init() {}
    public init(bus: UInt16, vendor: UInt16, product: UInt16, version: UInt16) {
        self.bus = bus
        self.vendor = vendor
        self.product = product
        self.version = version
    }

    public static var busVirtual: UInt16 { 0x06 }
    public static var busI8042: UInt16 { 0x11 }
}

/// `struct input_absinfo`.
public struct InputAxis: BitwiseCopyable, Sendable {
    public var value: Int32 = 0
    public var minimum: Int32 = 0
    public var maximum: Int32 = 0
    public var fuzz: Int32 = 0
    public var flat: Int32 = 0
    /// Units per millimetre.
    public var resolution: Int32 = 0
    public init() {}
}

/// Event types and codes (`input-event-codes.h`).
public enum InputCode {
    public static var evSynchronize: UInt16 { 0x00 }
    public static var evKey: UInt16 { 0x01 }
    public static var evRelative: UInt16 { 0x02 }
    public static var evAbsolute: UInt16 { 0x03 }
    public static var evMiscellaneous: UInt16 { 0x04 }
    public static var evSwitch: UInt16 { 0x05 }
    public static var evLED: UInt16 { 0x11 }
    public static var evSound: UInt16 { 0x12 }
    public static var evRepeat: UInt16 { 0x14 }
    public static var evMax: UInt16 { 0x1F }

    public static var synReport: UInt16 { 0 }
    public static var synDropped: UInt16 { 3 }

    public static var relX: UInt16 { 0x00 }
    public static var relY: UInt16 { 0x01 }
    public static var relHorizontalWheel: UInt16 { 0x06 }
    public static var relWheel: UInt16 { 0x08 }
    public static var relWheelHighResolution: UInt16 { 0x0B }
    public static var relHorizontalWheelHighResolution: UInt16 { 0x0C }

    public static var absX: UInt16 { 0x00 }
    public static var absY: UInt16 { 0x01 }
    public static var absPressure: UInt16 { 0x18 }
    public static var absMax: UInt16 { 0x3F }

    public static var miscScan: UInt16 { 0x04 }

    public static var ledNumLock: UInt16 { 0 }
    public static var ledCapsLock: UInt16 { 1 }
    public static var ledScrollLock: UInt16 { 2 }

    public static var buttonLeft: UInt16 { 0x110 }
    public static var buttonRight: UInt16 { 0x111 }
    public static var buttonMiddle: UInt16 { 0x112 }
    public static var buttonSide: UInt16 { 0x113 }
    public static var buttonExtra: UInt16 { 0x114 }
    public static var buttonTouch: UInt16 { 0x14A }
    public static var keyMax: UInt16 { 0x2FF }

    public static var propertyPointer: UInt16 { 0 }
    public static var propertyDirect: UInt16 { 1 }
}

/// The requests, of type `E`.
public enum EvdevRequest {
    public static var type: UInt8 { 0x45 }

    public static var getVersion: IoctlRequest { .read(type, 0x01, Int32.self) }
    public static var getIdentity: IoctlRequest { .read(type, 0x02, InputIdentity.self) }
    public static var getRepeat: IoctlRequest { .read(type, 0x03, UInt64.self) }
    public static var setRepeat: IoctlRequest { .write(type, 0x03, UInt64.self) }
    public static func getName(_ byteCount: Int) -> IoctlRequest { .read(type, 0x06, byteCount: byteCount) }
    public static func getPhysical(_ byteCount: Int) -> IoctlRequest { .read(type, 0x07, byteCount: byteCount) }
    public static func getUnique(_ byteCount: Int) -> IoctlRequest { .read(type, 0x08, byteCount: byteCount) }
    public static func getProperties(_ byteCount: Int) -> IoctlRequest { .read(type, 0x09, byteCount: byteCount) }
    public static func getKeys(_ byteCount: Int) -> IoctlRequest { .read(type, 0x18, byteCount: byteCount) }
    public static func getLEDs(_ byteCount: Int) -> IoctlRequest { .read(type, 0x19, byteCount: byteCount) }
    public static func getSounds(_ byteCount: Int) -> IoctlRequest { .read(type, 0x1A, byteCount: byteCount) }
    public static func getSwitches(_ byteCount: Int) -> IoctlRequest { .read(type, 0x1B, byteCount: byteCount) }
    /// The codes of an event type that the device can send; type 0 asks for the types.
    public static func getBits(_ eventType: UInt16, _ byteCount: Int) -> IoctlRequest {
        .read(type, 0x20 + UInt8(truncatingIfNeeded: eventType & 0x1F), byteCount: byteCount)
    }
    public static func getAxis(_ axis: UInt16) -> IoctlRequest {
        .read(type, 0x40 + UInt8(truncatingIfNeeded: axis & 0x3F), InputAxis.self)
    }
    public static var grab: IoctlRequest { .write(type, 0x90, Int32.self) }
    public static var revoke: IoctlRequest { .write(type, 0x91, Int32.self) }
    public static var setClock: IoctlRequest { .write(type, 0xA0, Int32.self) }
    /// EVIOCGVERSION's answer.
    public static var interfaceVersion: Int32 { 0x010001 }
}
