/// A block of device registers in memory space. Drivers are generic over it, so that a test can see each access.
///
/// Offsets are in bytes and aligned to the access; the user keeps them inside `byteCount`.
public protocol RegisterWindow {
    var byteCount: Int { get }
    func read8(_ offset: Int) -> UInt8
    func read16(_ offset: Int) -> UInt16
    func read32(_ offset: Int) -> UInt32
    func write8(_ offset: Int, _ value: UInt8)
    func write16(_ offset: Int, _ value: UInt16)
    func write32(_ offset: Int, _ value: UInt32)
}
