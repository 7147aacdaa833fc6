import ABI
import Files
import Processes
import Scheduling
import Support
import Synchronization

/// Reads signals instead of handling them (signalfd(2)). It is about the process that reads, not the one that made it.
public final class SignalFile: OpenFile {
    private let mask: Atomic<UInt64>

    public init(mask: UInt64, flags: OpenFlags) {
        self.mask = Atomic(mask & ~Signal.unblockableBits)
        super.init(flags: flags.union(.readWrite))
    }

    /// Changes the set of signals.
    public func setMask(_ new: UInt64) {
        mask.store(new & ~Signal.unblockableBits, ordering: .sequentiallyConsistent)
        Process.current.signals.arrival.wake()
    }

    private var set: UInt64 { mask.load(ordering: .relaxed) }

    public override func read(_ buffer: inout TransferBuffer) throws(Errno) -> Int {
        let size = MemoryLayout<SignalFileInfo>.size
        guard buffer.remaining >= size else { throw .invalidArgument }
        let thread = UserThread.current
        var done = 0
        while buffer.remaining >= size {
            if let info = thread.takeSignal(in: set) {
                var encoded = Self.encode(info)
                guard try buffer.fill(from: &encoded, count: size) == size else {
                    if done > 0 { break }
                    throw .badAddress
                }
                done += size
                continue
            }
            if done > 0 { break }
            if isNonBlocking { throw .wouldBlock }
            try thread.process.signals.arrival.wait { thread.pendingSet & set != 0 }
        }
        return done
    }

    private static func encode(_ info: SignalInfo) -> SignalFileInfo {
        var encoded = SignalFileInfo()
        encoded.signal = UInt32(info.signal.rawValue)
        encoded.code = info.code
        encoded.pid = UInt32(bitPattern: info.pid)
        encoded.uid = info.uid
        encoded.status = info.status
        encoded.address = info.address
        encoded.pointer = info.value
        encoded.integer = Int32(truncatingIfNeeded: info.value)
        return encoded
    }

    public override func poll(_ registration: PollRegistration?) -> PollEvents {
        guard let thread = UserThread.currentIfUser else { return [] }
        if let registration { registration.watch(thread.process.signals.arrival) }
        return thread.pendingSet & set != 0 ? .input : []
    }

    /// It has no position: any move leaves it at 0.
    public override func seek(_ offset: Int64, whence: Int32) throws(Errno) -> Int64 { 0 }
    public override var anonymousName: String { "anon_inode:[signalfd]" }
}
