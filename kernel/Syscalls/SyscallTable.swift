import ABI
import Support

/// The six arguments of a system call, as the program's registers had them.
public struct SyscallArguments {
    public var a0: UInt64
    public var a1: UInt64
    public var a2: UInt64
    public var a3: UInt64
    public var a4: UInt64
    public var a5: UInt64

    @inline(__always)
    public func raw(_ index: Int) -> UInt64 {
        switch index {
        case 0: a0
        case 1: a1
        case 2: a2
        case 3: a3
        case 4: a4
        default: a5
        }
    }
    /// A descriptor: the register's low 32 bits, as Linux reads it.
    @inline(__always) public func fd(_ index: Int) -> Int32 { Int32(truncatingIfNeeded: raw(index)) }
    @inline(__always) public func int32(_ index: Int) -> Int32 { Int32(truncatingIfNeeded: raw(index)) }
    @inline(__always) public func uint32(_ index: Int) -> UInt32 { UInt32(truncatingIfNeeded: raw(index)) }
    @inline(__always) public func int(_ index: Int) -> Int { Int(truncatingIfNeeded: raw(index)) }
    @inline(__always) public func address(_ index: Int) -> UserAddress { UserAddress(raw(index)) }
    /// A byte count: lengths above `Int32.max` rounded down to a page are cut, as Linux does for reads and writes.
    @inline(__always) public func count(_ index: Int) -> Int { Int(min(raw(index), 0x7fff_f000)) }
}

/// A system call: decodes its arguments, does its work, returns what goes to RAX.
public typealias SyscallHandler = (SyscallArguments) throws(Errno) -> Int

/// The handlers by number. Filled at boot, read-only afterwards.
public struct SyscallTable {
    /// The entry stub knows this number.
    static let capacity = 512
    /// A field keeps the handler as it is; directly in generic memory it would be wrapped to take its arguments there.
    struct Entry {
        var handler: SyscallHandler?
    }
    let entries: UnsafeMutablePointer<Entry>

    public init() {
        entries = .allocate(capacity: Self.capacity)
        entries.initialize(repeating: Entry(), count: Self.capacity)
    }

    public mutating func set(_ number: SyscallNumber, _ handler: @escaping SyscallHandler) {
        entries[number.rawValue].handler = handler
    }
}
