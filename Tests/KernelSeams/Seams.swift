// Stand-ins for the machine symbols that the hardware-free kernel modules need, so that those modules run in a host
// process: user memory is the process's own, interrupts do not exist, time is the host's.

import Foundation

@_cdecl("martlet_pause") public func seamPause() { sched_yield() }

@_cdecl("martlet_user_copy")
public func seamUserCopy(_ destination: UnsafeMutableRawPointer, _ source: UnsafeRawPointer, _ count: Int) -> Int {
    memcpy(destination, source, count)
    if let body = seamAfterUserCopy {
        seamAfterUserCopy = nil
        body()
    }
    return 0
}

/// Runs once, after the next copy from or to user memory: what happens on another processor at that moment. Set by a test that holds
/// the make-believe processor.
nonisolated(unsafe) public var seamAfterUserCopy: (() -> Void)?

@_cdecl("martlet_user_zero")
public func seamUserZero(_ destination: UnsafeMutableRawPointer, _ count: Int) -> Int {
    memset(destination, 0, count)
    return 0
}

@_cdecl("martlet_user_compare_exchange")
public func seamUserCompareExchange(
    _ address: UnsafeMutableRawPointer, _ expected: UnsafeMutablePointer<UInt32>, _ desired: UInt32
) -> Int {
    let word = address.assumingMemoryBound(to: UInt32.self)
    let old = word.pointee
    if old == expected.pointee { word.pointee = desired }
    expected.pointee = old
    return 0
}

@_cdecl("martlet_panic")
public func seamPanic(_ text: UnsafePointer<UInt8>, _ count: Int) {
    fatalError(String(decoding: UnsafeBufferPointer(start: text, count: count), as: UTF8.self))
}

/// Whether log lines appear on the standard error; tests of damaged images would bury the results otherwise.
nonisolated(unsafe) public var seamShowsLog = false

@_cdecl("martlet_console_write")
public func seamConsoleWrite(_ text: UnsafePointer<UInt8>, _ count: Int) {
    if seamShowsLog { _ = Foundation.write(2, text, count) }
}
