import ABI
import Files
import Processes
import Support
import VirtualMemory

/// process_vm_readv and process_vm_writev: the memory of another process.
enum ProcessMemoryCalls {
    static func register(_ table: inout SyscallTable) {
        table.set(.processVmReadv) { (a) throws(Errno) in try transfer(a, reads: true) }
        table.set(.processVmWritev) { (a) throws(Errno) in try transfer(a, reads: false) }
    }

    /// Linux looks at the arguments in this order, and at the process last.
    private static func transfer(_ a: SyscallArguments, reads: Bool) throws(Errno) -> Int {
        guard a.raw(5) == 0, a.raw(2) <= 1024 else { throw .invalidArgument }
        var local = try FileCalls.vector(a.address(1), UInt32(a.raw(2)))
        if local.remaining == 0 { return 0 }
        guard a.raw(4) <= 1024 else { throw .invalidArgument }
        let remote = try segments(a.address(3), Int(a.raw(4)))
        guard remote.contains(where: { $0.count > 0 }) else { return 0 }
        guard let process = ProcessTable.process(a.int32(0)) ?? ProcessTable.thread(a.int32(0))?.process else { throw .noProcess }
        guard process === Process.current || mayTouch(process) else { throw .notPermitted }
        guard let space = process.addressSpace else { throw .noProcess }

        var done = 0
        do throws(Errno) {
            for segment in remote {
                var rest = segment
                while rest.count > 0, local.remaining > 0 {
                    let moved = try movePage(rest, space, &local, reads)
                    done += moved
                    rest.base += UInt64(moved)
                    rest.count -= moved
                }
            }
        } catch {
            // What was copied before the fault counts.
            if done == 0 { throw error }
        }
        return done
    }

    /// Copies what lies in the first page of a range.
    private static func movePage(
        _ range: TransferBuffer.Segment, _ space: AddressSpace, _ local: inout TransferBuffer, _ reads: Bool
    ) throws(Errno) -> Int {
        let count = min(range.count, 4096 - Int(range.base & 4095), local.remaining)
        // Neither address space is locked while the other one is touched: they may be the same.
        let result: Result<Int, Errno> = withUnsafeTemporaryAllocation(byteCount: count, alignment: 16) { page in
            do throws(Errno) {
                guard let memory = page.baseAddress else { return .success(0) }
                if reads {
                    try space.read(page, at: range.base)
                    return .success(try local.fill(from: memory, count: count))
                }
                let taken = try local.drain(into: memory, count: count)
                try space.write(UnsafeRawBufferPointer(start: memory, count: taken), at: range.base)
                return .success(taken)
            } catch { return .failure(error) }
        }
        return try result.get()
    }

    /// The ranges of the other process. Their addresses are not looked at before they are used.
    private static func segments(_ address: UserAddress, _ count: Int) throws(Errno) -> [TransferBuffer.Segment] {
        var result: [TransferBuffer.Segment] = []
        result.reserveCapacity(count)
        for index in 0..<count {
            let segment = try copyIn(
                TransferBuffer.Segment.self, from: address + index * MemoryLayout<TransferBuffer.Segment>.stride)
            if segment.count < 0 { throw .invalidArgument }
            result.append(segment)
        }
        return result
    }

    /// Whoever may trace a process may do this: its user, with all of his identities, and the privileged.
    private static func mayTouch(_ process: Process) -> Bool {
        let own = Process.current.credentials, other = process.credentials
        return own.isPrivileged
            || (own.uid == other.uid && own.uid == other.euid && own.uid == other.suid && own.gid == other.gid
                && own.gid == other.egid && own.gid == other.sgid)
    }
}
