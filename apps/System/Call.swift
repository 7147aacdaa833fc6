// How every wrapper of this module turns a C result into a Swift one: -1 becomes a thrown `Errno`, and a call
// that a signal interrupted is made again.

@_exported import ABI
import CLibc

/// The error of the C call that has just failed.
@inlinable
func lastError() -> Errno { Errno(rawValue: martlet_errno()) }

/// Makes a call until it is not interrupted; throws its error if it fails.
@inlinable
@discardableResult
func call(_ body: () -> Int) throws(Errno) -> Int {
    while true {
        let result = body()
        if result >= 0 { return result }
        let error = lastError()
        if error != .interrupted { throw error }
    }
}

/// As `call(_:)`, for functions that return C's `int`.
@inlinable
@discardableResult
func callInt(_ body: () -> Int32) throws(Errno) -> Int32 {
    while true {
        let result = body()
        if result >= 0 { return result }
        let error = lastError()
        if error != .interrupted { throw error }
    }
}
