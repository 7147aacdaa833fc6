// The few machine operations that the hardware-free modules need. They are symbols, so the kernel links the assembly
// of kernel/Processor, and the host tests link stand-ins (Tests/KernelSeams): the same modules compile for both.

/// Disables interrupts on this processor and returns the previous flags.
@_extern(c, "martlet_irq_save")
public func machineInterruptSave() -> UInt

/// Restores the interrupt flag that `machineInterruptSave` returned.
@_extern(c, "martlet_irq_restore")
public func machineInterruptRestore(_ flags: UInt)

/// Hint to the processor that this is a spin loop (`pause`).
@_extern(c, "martlet_pause")
public func machinePause()

#if LOCKDEP
    @_extern(c, "martlet_user_copy")
    func uncheckedUserCopy(_ destination: UnsafeMutableRawPointer, _ source: UnsafeRawPointer, _ count: Int) -> Int
    @_extern(c, "martlet_user_zero")
    func uncheckedUserZero(_ destination: UnsafeMutableRawPointer, _ count: Int) -> Int

    // The same as below; user memory may have to be fetched, so that a copy may sleep.
    public func machineUserCopy(_ destination: UnsafeMutableRawPointer, _ source: UnsafeRawPointer, _ count: Int) -> Int {
        lockCheckMaySleep()
        return uncheckedUserCopy(destination, source, count)
    }
    public func machineUserZero(_ destination: UnsafeMutableRawPointer, _ count: Int) -> Int {
        lockCheckMaySleep()
        return uncheckedUserZero(destination, count)
    }
#else
    /// Copies `count` bytes between kernel and user memory, in either direction.
    /// - Returns: the number of bytes that could NOT be copied because of a page fault; 0 is success.
    @_extern(c, "martlet_user_copy")
    public func machineUserCopy(_ destination: UnsafeMutableRawPointer, _ source: UnsafeRawPointer, _ count: Int) -> Int

    /// Fills user memory with zeros.
    /// - Returns: the number of bytes that could not be written.
    @_extern(c, "martlet_user_zero")
    public func machineUserZero(_ destination: UnsafeMutableRawPointer, _ count: Int) -> Int
#endif

/// Replaces a word of user memory by `desired` in one atomic step if it is `expected`, which afterwards holds what was there.
/// - Returns: 0, or 1 when the word is not writable memory.
@_extern(c, "martlet_user_compare_exchange")
func machineUserCompareExchange(
    _ address: UnsafeMutableRawPointer, _ expected: UnsafeMutablePointer<UInt32>, _ desired: UInt32
) -> Int

/// Stops the kernel with a message; symbolised backtrace on the console. Never returns.
@_extern(c, "martlet_panic")
func machinePanic(_ text: UnsafePointer<UInt8>, _ count: Int)

/// Writes bytes to every console that is attached (serial, screen); callable from any context.
@_extern(c, "martlet_console_write")
func machineConsoleWrite(_ text: UnsafePointer<UInt8>, _ count: Int)

/// Nanoseconds since boot.
@_extern(c, "martlet_monotonic_ns")
public func machineMonotonicNanoseconds() -> UInt64

/// Reports a kernel bug and stops.
public func panic(_ message: StaticString) -> Never {
    machinePanic(message.utf8Start, message.utf8CodeUnitCount)
    while true { machinePause() }
}

/// Reports a kernel bug with a composed message and stops. Allocates: not for the heap's own failures.
public func panic(_ message: String) -> Never {
    let text = message
    text.withUTF8 { bytes in
        if let base = bytes.baseAddress { machinePanic(base, bytes.count) }
    }
    while true { machinePause() }
}
