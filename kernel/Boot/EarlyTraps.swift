import Processor
import Support

/// Called by the interrupt stubs while there are no processes yet.
@c(martlet_trap)
public func trap(_ raw: UnsafeMutableRawPointer) {
    // SAFETY: the stub passes the frame that it pushed.
    let frame = raw.assumingMemoryBound(to: TrapFrame.self)
    if frame.pointee.vector >= 32 {
        Interrupts.dispatch(vector: UInt8(truncatingIfNeeded: frame.pointee.vector))
        return
    }
    reportKernelFault(frame.pointee, "exception \(frame.pointee.vector) in the kernel")
}

@c(martlet_syscall)
public func systemCall(_ raw: UnsafeMutableRawPointer) -> Bool { panic("a system call without processes") }
