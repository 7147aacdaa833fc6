import ABI
import Events
import Files
import Processes
import Support

/// Descriptors that stand for processes: pidfd_open, pidfd_send_signal, and what clone makes.
enum ProcessFileCalls {
    static func register(_ table: inout SyscallTable) {
        table.set(.pidfdOpen) { (a) throws(Errno) in
            guard a.uint32(1) & ~OpenFlags.nonBlocking.rawValue == 0, a.int32(0) > 0 else { throw .invalidArgument }
            guard let process = ProcessTable.process(a.int32(0)) else {
                // A thread that is not the first of its process.
                throw ProcessTable.thread(a.int32(0)) == nil ? .noProcess : .invalidArgument
            }
            return Int(try NewDescriptors.insert(ProcessFile(process, isNonBlocking: a.uint32(1) != 0), closeOnExec: true))
        }
        table.set(.pidfdSendSignal, sendSignal)
    }

    /// The file of a descriptor that stands for a process.
    static func file(_ descriptor: Int32) throws(Errno) -> ProcessFile {
        guard let file = try FileContext.file(descriptor) as? ProcessFile else { throw .badDescriptor }
        return file
    }

    /// What makes the descriptor of a new process and stores its number.
    static func maker(storing address: UserAddress) -> (Process) throws(Errno) -> Void {
        { (process: Process) throws(Errno) in
            let number = try NewDescriptors.insert(ProcessFile(process, isNonBlocking: false), closeOnExec: true)
            do throws(Errno) { try copyOut(number, to: address) } catch {
                try? FileContext.current.descriptors.close(number)
                throw error
            }
        }
    }

    private static func sendSignal(_ a: SyscallArguments) throws(Errno) -> Int {
        guard a.uint32(3) == 0 else { throw .invalidArgument }
        let target = try file(a.fd(0)).process, caller = Process.current
        let number = a.int32(1)
        var info: SignalInfo?
        if !a.address(2).isNull {
            info = try SignalCalls.copyInInformation(from: a.address(2), number)
            // Only the kernel may pretend to be the kernel.
            if info!.code >= 0 || info!.code == -6, target !== caller { throw .notPermitted }
        }
        if target.life.isGone { throw .noProcess }
        guard number >= 0, number <= 64 else { throw .invalidArgument }
        guard ProcessTable.maySignal(caller, target, number) else { throw .notPermitted }
        guard let signal = Signal(number) else { return 0 }
        if !ProcessTable.send(info ?? SignalCalls.userInfo(signal, code: 0), to: target) { throw .wouldBlock }
        return 0
    }
}
