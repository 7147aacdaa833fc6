/// The ports of a device that a test simulates. Without one nothing is there: reads give all ones.
public enum FakePorts {
    // Set by tests that run one at a time.
    nonisolated(unsafe) public static var read: ((UInt16) -> UInt8)?
    nonisolated(unsafe) public static var write: ((UInt16, UInt8) -> Void)?
}

@_cdecl("martlet_in8") public func seamIn8(_ port: UInt16) -> UInt8 { FakePorts.read?(port) ?? 0xFF }
@_cdecl("martlet_out8") public func seamOut8(_ port: UInt16, _ value: UInt8) { FakePorts.write?(port, value) }
