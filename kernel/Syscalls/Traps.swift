import ABI
import Processes
import Processor
import Scheduling
import Support
import VirtualMemory

/// Called by the interrupt stubs, with interrupts off; returns with them off.
@c(martlet_trap)
public func trap(_ raw: UnsafeMutableRawPointer) {
    // SAFETY: the stub passes the frame that it pushed.
    let frame = raw.assumingMemoryBound(to: TrapFrame.self)
    let vector = frame.pointee.vector
    if vector == Exception.nonMaskable || vector == Exception.doubleFault || vector == Exception.machineCheck {
        // On a stack of its own, at any instruction: nothing may be switched on the way out.
        return ExceptionTrap.handle(frame)
    }
    let isFromUser = frame.pointee.isFromUser
    if !isFromUser { PerCPU.current.pointee.interruptedInstruction = frame.pointee.rip }
    if vector >= 32 {
        Interrupts.dispatch(vector: UInt8(truncatingIfNeeded: vector))
    } else if vector == Exception.pageFault {
        PageFaultTrap.handle(frame)
    } else {
        ExceptionTrap.handle(frame)
    }
    if isFromUser {
        UserReturn.prepare(frame)
    } else if vector >= 32, frame.pointee.rflags & TrapFrame.interruptFlag != 0, PerCPU.current.pointee.needsReschedule {
        Scheduler.preempt()
    }
}

/// Page faults: of programs, and of the kernel's copies to and from user memory.
enum PageFaultTrap {
    static func handle(_ frame: UnsafeMutablePointer<TrapFrame>) {
        let address = CPU.faultAddress
        let error = frame.pointee.errorCode
        let isUser = frame.pointee.isFromUser
        // Interrupts may go on as soon as CR2 is read, if they were on.
        if frame.pointee.rflags & TrapFrame.interruptFlag != 0 { machineInterruptRestore(0x200) }
        if !isUser, !UserAccess.contains(frame.pointee.rip) {
            KernelFault.report(frame, address < UserAddress.limit ? "the kernel touched user memory" : "page fault in the kernel")
        }
        guard let thread = UserThread.currentIfUser, let space = thread.addressSpace, address < UserAddress.limit else {
            fail(frame, address: address, signal: .segmentationFault, code: 1, isUser)
            return
        }
        let access = FaultAccess(errorCode: error)
        do throws(FaultError) {
            try space.handleFault(address, access)
        } catch {
            switch error {
            case .notMapped: fail(frame, address: address, signal: .segmentationFault, code: 1, isUser)
            case .accessDenied: fail(frame, address: address, signal: .segmentationFault, code: 2, isUser)
            case .busError, .ioError: fail(frame, address: address, signal: .bus, code: 2, isUser)
            case .outOfMemory:
                switch OutOfMemory.relieve() {
                case .retry: return
                case .killed: if !isUser { fail(frame, address: address, signal: .bus, code: 2, false) }
                case .hopeless:
                    Log.error("out of memory, and nothing to kill: process \(thread.process.pid) ends")
                    thread.forceSignal(SignalInfo(.kill))
                    if !isUser { fail(frame, address: address, signal: .bus, code: 2, false) }
                }
            }
        }
    }

    /// A fault that cannot be resolved: the copy ends short, or the program gets a signal.
    private static func fail(
        _ frame: UnsafeMutablePointer<TrapFrame>, address: UInt64, signal: Signal, code: Int32, _ isUser: Bool
    ) {
        if !isUser {
            if UserAccess.fixUp(frame) { return }
            KernelFault.report(frame, "page fault in the kernel")
        }
        ExceptionTrap.logFatal(frame, signal, address)
        UserThread.current.forceSignal(.fault(signal, code: code, address: address))
    }
}

/// All other exceptions: a signal for a program, a panic for the kernel.
enum ExceptionTrap {
    static func handle(_ frame: UnsafeMutablePointer<TrapFrame>) {
        let vector = frame.pointee.vector
        if vector == Exception.doubleFault { KernelFault.report(frame, "double fault (kernel stack overflow?)") }
        if vector == Exception.machineCheck { KernelFault.report(frame, "machine check: the hardware reports an error") }
        if vector == Exception.nonMaskable {
            Interrupts.countNonMaskable()
            ProcessorStop.stopIfAsked()
            if ProcessorProbe.answer(frame.pointee.rip) { return }
            if WatchdogAlarm.hasRung() {
                KernelFault.stuckReporter?(frame.pointee)
                return
            }
            if !WatchdogAlarm.isWrap() { KernelFault.stateReporter?(frame.pointee) }
            return
        }
        guard frame.pointee.isFromUser else {
            if UserAccess.fixUp(frame) { return }
            KernelFault.report(frame, "exception \(vector) in the kernel")
        }
        machineInterruptRestore(0x200)
        let info = signal(for: vector, rip: frame.pointee.rip)
        logFatal(frame, info.signal, info.address)
        UserThread.current.forceSignal(info)
    }

    /// The signal and code that Linux gives for a user exception.
    private static func signal(for vector: UInt64, rip: UInt64) -> SignalInfo {
        switch vector {
        case Exception.divideError: .fault(.floatingPoint, code: 1, address: rip)
        case Exception.debug: .fault(.trap, code: 1, address: rip)
        case Exception.breakpoint: SignalInfo(.trap, code: 0x80)
        case Exception.invalidOpcode: .fault(.illegalInstruction, code: 2, address: rip)
        case Exception.floatingPoint, Exception.simdFloatingPoint: .fault(.floatingPoint, code: 6, address: rip)
        case Exception.stackFault: SignalInfo(.bus, code: 0x80)
        case Exception.alignmentCheck: .fault(.bus, code: 1, address: 0)
        default: SignalInfo(.segmentationFault, code: 0x80)
        }
    }

    /// One line about a program that will die of a fault, as Linux writes it.
    static func logFatal(_ frame: UnsafeMutablePointer<TrapFrame>, _ signal: Signal, _ address: UInt64) {
        let process = Process.current
        guard process.signals.action(signal).handler == 0 else { return }
        let name = String(decoding: process.commandName.withLock { $0 }, as: UTF8.self)
        Log.info(
            "\(name)[\(process.pid)]: signal \(signal.rawValue) at \(hex(address)) ip \(hex(frame.pointee.rip)) sp "
                + "\(hex(frame.pointee.rsp)) error \(frame.pointee.errorCode)")
    }
}

/// A fault of the kernel itself: it is a bug, and the kernel stops.
public enum KernelFault {
    /// Prints the registers and a backtrace; set by Boot, which owns the panic screen.
    nonisolated(unsafe) public static var reporter: ((TrapFrame, String) -> Never)?

    /// Says that this processor is stuck with its interrupts off. Called in the NMI: it takes no lock and allocates nothing.
    nonisolated(unsafe) public static var stuckReporter: ((TrapFrame) -> Void)?

    /// Says what this processor does, as somebody outside has asked. Called in the NMI, like the above.
    nonisolated(unsafe) public static var stateReporter: ((TrapFrame) -> Void)?

    static func report(_ frame: UnsafeMutablePointer<TrapFrame>, _ message: String) -> Never {
        if let reporter { reporter(frame.pointee, message) }
        panic(message)
    }
}
