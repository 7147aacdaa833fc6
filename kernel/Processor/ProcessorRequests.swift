import Support
import Synchronization

/// Asking other processors to forget translations (Intel SDM volume 3A, 4.10.5), and waiting until they have.
///
/// The asking processor puts what it wants into its own block, sets its bit in each target's `pendingRequests` and sends an interrupt.
/// A target serves requests in that interrupt, and also in every spin loop (`machinePause`): so a processor that waits for a lock with
/// interrupts off cannot hold up the one that has the lock and waits for an answer.
public enum ProcessorRequests {
    /// Longer than any processor may keep interrupts off. On an emulator other work of the host counts too.
    static let patienceNanoseconds: UInt64 = 20_000_000_000

    /// What a request does on the processor that serves it. Set at boot, before other processors start.
    nonisolated(unsafe) public static var perform: (ProcessorRequest) -> Void = { _ in }

    /// Leaves the other processors with their translations of programs' memory: only for tests that must show that they notice. The
    /// kernel's own mappings, and tables that are about to be freed, are still told about.
    nonisolated(unsafe) public static var isDisabledForTest = false

    /// Makes every other processor that has the request's address space loaded serve it, and waits.
    @inline(never)
    public static func broadcast(_ request: ProcessorRequest) {
        let flags = machineInterruptSave()
        defer { machineInterruptRestore(flags) }
        let own = PerCPU.current
        // Whoever loads the tables after this fence sees them as they are now.
        asmMemoryFence()
        var targets: UInt = 0
        for index in 0..<Processors.count where index != Int(own.pointee.index) {
            if request.root == 0 || isLoaded(request.root, index) { targets |= 1 << UInt(index) }
            if request.root != 0, CPU.keepsTranslations, targets & 1 << UInt(index) == 0 {
                Processors[index].pointee.translations.forget(request.root)
                // It may have found them just before: see `TranslationSlots`.
                if isLoaded(request.root, index) { targets |= 1 << UInt(index) }
            }
        }
        if targets == 0 || (isDisabledForTest && request.root != 0 && request.kind != .leave) { return }
        own.pointee.request = request
        own.pointee.outstanding.store(UInt(targets.nonzeroBitCount), ordering: .releasing)
        var left = targets
        while left != 0 {
            let target = Processors[left.trailingZeroBitCount]
            left &= left - 1
            target.pointee.pendingRequests.bitwiseOr(1 << own.pointee.index, ordering: .sequentiallyConsistent)
            LocalAPIC.send(Interrupts.requestVector, to: target.pointee.identifier)
        }
        let deadline = machineMonotonicNanoseconds() + patienceNanoseconds
        while own.pointee.outstanding.load(ordering: .acquiring) != 0 {
            machinePause()
            if machineMonotonicNanoseconds() > deadline { panic("a processor does not answer") }
        }
    }

    private static func isLoaded(_ root: UInt64, _ index: Int) -> Bool {
        Processors[index].pointee.pageTable.load(ordering: .sequentiallyConsistent) == root
    }

    /// Serves what others have asked of this processor. Called in any context.
    static func serve() {
        let own = PerCPU.current
        var asking = own.pointee.pendingRequests.exchange(0, ordering: .acquiring)
        while asking != 0 {
            let other = Processors[asking.trailingZeroBitCount]
            asking &= asking - 1
            perform(other.pointee.request)
            other.pointee.outstanding.wrappingSubtract(1, ordering: .releasing)
        }
    }
}

/// What spin loops call when `pendingRequests` is not zero.
@c(martlet_serve_requests)
public func serveRequests() { ProcessorRequests.serve() }

/// The interrupt that says that there is a request.
final class RequestInterrupt: InterruptHandler {
    override var name: StaticString { "translation shootdown" }
    override func handle() { ProcessorRequests.serve() }
}

/// The interrupt that says that the scheduler has work: what matters happens on the way out of it.
final class RescheduleInterrupt: InterruptHandler {
    override var name: StaticString { "reschedule" }
}
