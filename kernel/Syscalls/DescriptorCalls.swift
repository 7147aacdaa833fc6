import ABI
import Files
import Processes
import Support
import Tmpfs

/// Descriptors: duplicating, flags, locks, memfd.
public enum DescriptorCalls {
    public static func register(_ table: inout SyscallTable) {
        table.set(.dup) { (a) throws(Errno) in
            let context = FileContext.current
            let file = try context.descriptors.file(a.fd(0))
            return Int(try context.descriptors.insert(file, closeOnExec: false, limit: descriptorLimit))
        }
        table.set(.dup2) { (a) throws(Errno) in
            if a.fd(0) == a.fd(1) {
                _ = try FileContext.file(a.fd(0))
                return Int(a.fd(1))
            }
            return try duplicate(a.fd(0), to: a.fd(1), closeOnExec: false)
        }
        table.set(.dup3) { (a) throws(Errno) in
            guard a.uint32(2) & ~OpenFlags.closeOnExec.rawValue == 0, a.fd(0) != a.fd(1) else { throw .invalidArgument }
            return try duplicate(a.fd(0), to: a.fd(1), closeOnExec: a.uint32(2) != 0)
        }
        table.set(.fcntl, fcntl)
        table.set(.flock, flock)
        table.set(.memfdCreate, memfdCreate)
        table.set(.fsync) { (a) throws(Errno) in
            try FileCalls.file(a.fd(0)).synchronize()
            return 0
        }
        table.set(.fdatasync) { (a) throws(Errno) in
            try FileCalls.file(a.fd(0)).synchronize()
            return 0
        }
        table.set(.fadvise64) { (a) throws(Errno) in
            let file = try FileCalls.file(a.fd(0))
            guard a.uint32(3) <= 5 else { throw .invalidArgument }
            if file.inode == nil || file.inode?.kind == .fifo { throw .illegalSeek }
            return 0
        }
    }

    private static func duplicate(_ old: Int32, to new: Int32, closeOnExec: Bool) throws(Errno) -> Int {
        let context = FileContext.current
        let file = try context.descriptors.file(old)
        try context.descriptors.replace(new, with: file, closeOnExec: closeOnExec, limit: descriptorLimit)
        return Int(new)
    }

    // MARK: fcntl

    private static func fcntl(_ a: SyscallArguments) throws(Errno) -> Int {
        let descriptors = FileContext.current.descriptors
        let file = try descriptors.file(a.fd(0))
        let command = a.int32(1)
        switch command {
        case FcntlCommand.duplicate, FcntlCommand.duplicateCloseOnExec:
            guard a.int32(2) >= 0, Int(a.int32(2)) < descriptorLimit else { throw .invalidArgument }
            return Int(
                try descriptors.insert(
                    file, closeOnExec: command == FcntlCommand.duplicateCloseOnExec, minimum: Int(a.int32(2)),
                    limit: descriptorLimit))
        case FcntlCommand.getDescriptorFlags:
            return try descriptors.closeOnExec(a.fd(0)) ? 1 : 0
        case FcntlCommand.setDescriptorFlags:
            try descriptors.setCloseOnExec(a.fd(0), a.raw(2) & FcntlCommand.closeOnExecFlag != 0)
            return 0
        case FcntlCommand.getStatusFlags:
            return Int(file.flags.rawValue)
        default: break
        }
        if file.flags.contains(.path) { throw .badDescriptor }
        switch command {
        case FcntlCommand.setStatusFlags:
            let changeable: OpenFlags = [.append, .nonBlocking, .direct]
            let new = OpenFlags(rawValue: a.uint32(2)).intersection(changeable)
            file.flags = file.flags.subtracting(changeable).union(new)
            return 0
        case FcntlCommand.getLock, FcntlCommand.setLock, FcntlCommand.setLockWait:
            return try rangeLock(file, command, a.address(2), ofDescription: false)
        case FcntlCommand.getDescriptionLock, FcntlCommand.setDescriptionLock, FcntlCommand.setDescriptionLockWait:
            return try rangeLock(file, command - 31, a.address(2), ofDescription: true)
        case FcntlCommand.getOwner: return 0
        case FcntlCommand.setOwner: return 0
        case FcntlCommand.getPipeSize: return try file.pipeCapacity()
        case FcntlCommand.setPipeSize: return try file.setPipeCapacity(a.int(2))
        case FcntlCommand.addSeals:
            guard file.flags.isWritable else { throw .notPermitted }
            try file.addSeals(a.uint32(2))
            return 0
        case FcntlCommand.getSeals: return Int(try file.seals())
        default: throw .invalidArgument
        }
    }

    // MARK: Locks

    /// The address of an object, which identifies the owner of a lock.
    private static func identity(_ object: AnyObject) -> UInt { UInt(bitPattern: Unmanaged.passUnretained(object).toOpaque()) }

    private static func rangeLock(
        _ file: OpenFile, _ command: Int32, _ address: UserAddress, ofDescription: Bool
    ) throws(Errno) -> Int {
        guard let inode = file.inode else { throw .badDescriptor }
        var record = try copyIn(FileLockRecord.self, from: address)
        if ofDescription, record.pid != 0 { throw .invalidArgument }
        let (start, end) = try range(record, file)
        let owner = ofDescription ? identity(file) : identity(FileContext.current.descriptors)
        let pid = ofDescription ? -1 : Process.current.pid
        guard record.type >= 0, record.type <= 2 else { throw .invalidArgument }
        let wanted = FileLock(
            kind: record.type == 0 ? .shared : .exclusive, family: .range, start: start, end: end, owner: owner, pid: pid)
        if command == FcntlCommand.getLock {
            if record.type == 2 { throw .invalidArgument }
            if let conflict = inode.lockConflict(wanted) {
                record.type = conflict.kind == .shared ? 0 : 1
                record.whence = 0
                record.start = Int64(conflict.start)
                record.length = conflict.end > UInt64(Int64.max) ? 0 : Int64(conflict.end - conflict.start)
                record.pid = conflict.pid
            } else {
                record.type = 2
            }
            try copyOut(record, to: address)
            return 0
        }
        if record.type == 2 {
            inode.releaseLock(wanted)
            return 0
        }
        guard record.type == 0 ? file.flags.isReadable : file.flags.isWritable else { throw .badDescriptor }
        try inode.acquireLock(wanted, waits: command == FcntlCommand.setLockWait)
        return 0
    }

    /// First byte and one past the last, from start, length and whence; a length of 0 means to the end.
    private static func range(_ record: FileLockRecord, _ file: OpenFile) throws(Errno) -> (UInt64, UInt64) {
        let base: Int64
        switch record.whence {
        case 0: base = 0
        case 1: base = try file.seek(0, whence: 1)
        case 2: base = Int64(clamping: file.inode?.byteCount ?? 0)
        default: throw .invalidArgument
        }
        let (sum, overflow) = base.addingReportingOverflow(record.start)
        if overflow { throw .overflow }
        guard sum >= 0 else { throw .invalidArgument }
        if record.length == 0 { return (UInt64(sum), .max) }
        if record.length > 0 {
            // The last byte must have a position; one past it need not.
            guard record.length - 1 <= Int64.max - sum else { throw .overflow }
            return (UInt64(sum), UInt64(sum) + UInt64(record.length))
        }
        guard sum >= record.length.magnitude else { throw .invalidArgument }
        return (UInt64(sum) - record.length.magnitude, UInt64(sum))
    }

    private static func flock(_ a: SyscallArguments) throws(Errno) -> Int {
        let operation = a.int32(1)
        guard [1, 2, 8].contains(operation & ~4) else { throw .invalidArgument }
        let file = try FileCalls.file(a.fd(0))
        guard let inode = file.inode else { throw .badDescriptor }
        func lock(_ kind: FileLock.Kind) -> FileLock {
            FileLock(kind: kind, family: .whole, start: 0, end: .max, owner: identity(file), pid: -1)
        }
        switch operation & ~4 {
        case 1: try inode.acquireLock(lock(.shared), waits: operation & 4 == 0)
        case 2: try inode.acquireLock(lock(.exclusive), waits: operation & 4 == 0)
        case 8: inode.releaseLock(lock(.exclusive))
        default: throw .invalidArgument
        }
        return 0
    }

    // MARK: memfd

    private static func memfdCreate(_ a: SyscallArguments) throws(Errno) -> Int {
        let flags = a.uint32(1)
        let known = MemfdFlags.closeOnExec | MemfdFlags.allowSealing | MemfdFlags.noExecSeal | MemfdFlags.exec
        guard flags & ~known == 0 else { throw .invalidArgument }
        let name: [UInt8]
        do throws(Errno) { name = try copyInString(from: a.address(0), limit: 249) } catch {
            throw error == .nameTooLong ? .invalidArgument : error
        }
        let identity = FileContext.identity
        let file = try MemoryFiles.create(
            name: name, allowsSealing: flags & MemfdFlags.allowSealing != 0, executable: flags & MemfdFlags.noExecSeal == 0,
            uid: identity.uid, gid: identity.gid)
        return Int(
            try FileContext.current.descriptors.insert(
                file, closeOnExec: flags & MemfdFlags.closeOnExec != 0, limit: descriptorLimit))
    }
}
