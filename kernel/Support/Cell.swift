import Builtin

/// Storage for a value that is changed through a shared reference.
///
/// It is the building block of the locks: nothing else should use it. The value lives inline; `movesAsLike` makes
/// moving the cell move the value.
@frozen @_rawLayout(like: Value, movesAsLike)
public struct Cell<Value: ~Copyable>: ~Copyable {
    /// The address of the stored value, valid while the cell is neither moved nor destroyed.
    @_alwaysEmitIntoClient @_transparent
    public var address: UnsafeMutablePointer<Value> {
        // SAFETY: a raw-layout type has exactly the layout of `Value`, and `init` has initialised it.
        UnsafeMutablePointer<Value>(Builtin.addressOfRawLayout(self))
    }

    @_alwaysEmitIntoClient @_transparent
    public init(_ value: consuming Value) { address.initialize(to: value) }

    @inlinable
    deinit { address.deinitialize(count: 1) }
}

// SAFETY: a cell is only reached through a lock, which serialises the accesses.
extension Cell: @unchecked Sendable where Value: ~Copyable {}
