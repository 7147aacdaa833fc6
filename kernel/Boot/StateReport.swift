import Processes
import Processor
import Scheduling
import Support
import Syscalls
import Synchronization

/// What everybody is doing, for a system that stands still: asked for from outside by an NMI that nothing else explains (the button of a
/// server, `nmi` in QEMU's monitor).
///
/// Each processor that the NMI reaches says at once where it is, whatever it holds. The threads follow, told by a thread: those that sleep
/// with the calls that led there.
enum StateReport {
    /// Set by an NMI, which may start nothing itself; `LockupWatch` looks every few seconds.
    private static let isAsked = Atomic<Bool>(false)
    /// Of the processors that are asked at the same time one speaks.
    private static let isSpeaking = Atomic<Bool>(false)
    /// More than a page of text takes on a serial port at 115,200 baud.
    private static let patienceNanoseconds: UInt64 = 2_000_000_000

    static func start() { KernelFault.stateReporter = { reportProcessor($0) } }

    /// Tells about the threads, if an NMI has asked for it.
    static func reportIfAsked() {
        if isAsked.exchange(false, ordering: .acquiringAndReleasing) {
            Scheduler.launchHere(on: Int(PerCPU.current.pointee.index)) { reportThreads() }
        }
    }

    /// In the NMI: straight to the serial port, without a lock.
    private static func reportProcessor(_ frame: TrapFrame) {
        let deadline = machineMonotonicNanoseconds() + patienceNanoseconds
        var isMine = false
        while !isMine, machineMonotonicNanoseconds() < deadline {
            isMine = !isSpeaking.exchange(true, ordering: .acquiring)
            if !isMine { machinePause() }
        }
        Panic.put("\nprocessor ")
        Panic.putDecimal(PerCPU.current.pointee.index)
        Panic.put(
            frame.isFromUser ? " runs a program, at " : frame.rflags & 0x200 == 0 ? " has its interrupts off, at " : " is at ")
        Panic.putHex(frame.rip)
        Panic.put("\n")
        if !frame.isFromUser {
            Panic.putFrame(UInt(frame.rip))
            Panic.backtrace(from: UInt(frame.rbp))
        }
        if isMine { isSpeaking.store(false, ordering: .releasing) }
        isAsked.store(true, ordering: .releasing)
    }

    private static func reportThreads() {
        for process in ProcessTable.all {
            let name = String(decoding: process.commandName.withLock { $0 }, as: UTF8.self)
            for thread in process.threads { report(thread, of: process, name) }
        }
        Log.warning("end of the report of \(ProcessTable.counts.threads) threads")
    }

    private static func report(_ thread: UserThread, of process: Process, _ name: String) {
        let frame = thread.trapFrame.pointee
        Log.warning(
            "\(name)[\(process.pid)] thread \(thread.id): \(word(thread.state)), processor \(thread.processor), "
                + "system call \(Int64(bitPattern: frame.vector)) (\(hex(frame.rdi)), \(hex(frame.rsi)), \(hex(frame.rdx))), "
                + "user mode at \(hex(frame.rip))")
        switch thread.state {
        case .running, .ready, .dead: return
        case .sleeping, .sleepingUninterruptibly, .stopped: break
        }
        // It may run again meanwhile: then what is on its stack makes no sense, but each step is checked.
        for address in thread.savedCalls(limit: 16) {
            guard let symbol = Symbols.find(address) else { continue }
            Log.warning("    \(hex(UInt64(address))) \(Array(symbol.name)) + \(symbol.offset)")
        }
    }

    private static func word(_ state: ThreadState) -> StaticString {
        switch state {
        case .running: "runs"
        case .ready: "is ready"
        case .sleeping: "sleeps"
        case .sleepingUninterruptibly: "waits for a device"
        case .stopped: "is stopped"
        case .dead: "has ended"
        }
    }
}
