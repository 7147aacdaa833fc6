import Processor
import Support

/// What happens when the kernel finds a bug in itself: message and backtrace on every console, then stop.
enum Panic {
    /// Extra screen output, set when a display is up.
    nonisolated(unsafe) static var screenWriter: ((UnsafeBufferPointer<UInt8>) -> Void)?
    nonisolated(unsafe) private static var isPanicking = false

    /// Makes this processor the only one that goes on. Of several that panic at once, the others stop here; and so does one that panics
    /// while it reports a panic.
    private static func takeOver() {
        _ = machineInterruptSave()
        switch ProcessorStop.claim() {
        case .granted: _ = ProcessorStop.stopOthers()
        case .alreadyMine: break
        case .refused: ProcessorStop.stopIfAsked()
        }
        if isPanicking { CPU.stop() }
    }

    /// - Parameter trap: the registers, if the processor reports the bug.
    static func report(
        _ message: UnsafeBufferPointer<UInt8>, framePointer: UInt, instruction: UInt?, trap: TrapFrame? = nil
    ) -> Never {
        takeOver()
        isPanicking = true
        if let trap {
            put("\n")
            registers(trap)
        }
        put("\n\nKernel panic: ")
        put(message)
        put("\n")
        if Processors.count > 1 {
            put("On processor ")
            putDecimal(PerCPU.current.pointee.index)
            put("; the others are stopped.\n")
        }
        put("Kernel offset ")
        putHex(kernelImageOffset)
        put(", taken off below; direct map at ")
        putHex(UInt64(directMapBase))
        put("\n")
        if PerCPU.current.pointee.currentThread != 0 { put("Backtrace (most recent call first):\n") }
        if let instruction { putFrame(instruction) }
        backtrace(from: framePointer)
        put("---[ end of kernel panic ]---\n")
        CPU.stop()
    }

    /// Walks the chain of frame pointers: at most 40 frames, each checked to lie above the one before in kernel memory.
    static func backtrace(from start: UInt) {
        var frame = start
        for _ in 0..<40 {
            guard frame >= directMapBase, frame & 7 == 0, frame < 0x0000_7fff_ffff_f000 else { return }
            let words = UnsafePointer<UInt>(bitPattern: frame)!
            let returnAddress = words[1]
            guard returnAddress >= KernelImage.textStart, returnAddress < KernelImage.textEnd else { return }
            putFrame(returnAddress - 1)
            guard words[0] > frame else { return }
            frame = words[0]
        }
    }

    /// A place in the code, as in build/kernel.debug.
    static func putFrame(_ address: UInt) {
        put("  ")
        putHex(UInt64(address) &- kernelImageOffset)
        if let symbol = Symbols.find(address) {
            put(" ")
            put(symbol.name)
            put(" + ")
            putHex(UInt64(symbol.offset), digits: 3)
        }
        put("\n")
    }

    /// The registers at a trap.
    static func registers(_ frame: TrapFrame) {
        func pair(_ name: StaticString, _ value: UInt64) {
            put(name)
            putHex(value)
        }
        pair("  rip ", frame.rip); pair("  rsp ", frame.rsp); pair("  flags ", frame.rflags); pair("  error ", frame.errorCode);
        put("\n")
        pair("  rax ", frame.rax); pair("  rbx ", frame.rbx); pair("  rcx ", frame.rcx); pair("  rdx ", frame.rdx); put("\n")
        pair("  rsi ", frame.rsi); pair("  rdi ", frame.rdi); pair("  rbp ", frame.rbp); pair("  cr2 ", CPU.faultAddress);
        put("\n")
    }

    // No allocation from here on: the heap may be what broke.

    static func put(_ text: StaticString) { put(UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount)) }

    static func put(_ bytes: UnsafeBufferPointer<UInt8>) {
        EarlySerial.write(bytes)
        screenWriter?(bytes)
    }

    static func putDecimal(_ value: UInt) {
        if value >= 10 { putDecimal(value / 10) }
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 1) { digit in
            digit[0] = 48 + UInt8(value % 10)
            put(UnsafeBufferPointer(digit))
        }
    }

    static func putHex(_ value: UInt64, digits: Int = 16) {
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 18) { buffer in
            buffer[0] = 48
            buffer[1] = 120
            for index in 0..<digits {
                let nibble = UInt8(value >> UInt64((digits - 1 - index) * 4) & 15)
                buffer[2 + index] = nibble < 10 ? 48 + nibble : 87 + nibble
            }
            put(UnsafeBufferPointer(rebasing: UnsafeBufferPointer(buffer)[0..<digits + 2]))
        }
    }
}

/// `panic(_:)` of every module ends here.
@c(martlet_panic)
public func panicFromModules(_ text: UnsafePointer<UInt8>, _ count: Int) {
    Panic.report(UnsafeBufferPointer(start: text, count: count), framePointer: CPU.framePointer, instruction: nil)
}

/// Where the compiler sends failed preconditions, overflow and out-of-bounds accesses (`-trap-function`).
@c(martlet_trap_function)
public func trapFromCompiler() {
    let message: StaticString = "a Swift precondition failed (overflow, index out of range, unwrapped nil)"
    Panic.report(
        UnsafeBufferPointer(start: message.utf8Start, count: message.utf8CodeUnitCount), framePointer: CPU.framePointer,
        instruction: nil)
}

/// A trap that the kernel caused: registers, then the panic report with the interrupted code's backtrace.
func reportKernelFault(_ frame: TrapFrame, _ message: String) -> Never {
    let text = message
    text.withUTF8 { Panic.report($0, framePointer: UInt(frame.rbp), instruction: UInt(frame.rip), trap: frame) }
    CPU.stop()
}
