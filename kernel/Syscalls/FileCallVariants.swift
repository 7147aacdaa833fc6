import ABI
import Files
import Processor
import Support

/// Older and newer forms of the file calls: the same work with other arguments.
public enum FileCallVariants {
    public static func register(_ table: inout SyscallTable) {
        table.set(.preadv2) { (a) throws(Errno) in
            let file = try FileCalls.readable(a.fd(0))
            var buffer = try FileCalls.vector(a.address(1), a.uint32(2))
            guard a.uint32(5) & ~Self.readFlags == 0 else { throw .notSupported }
            if a.int(3) == -1 { return try file.read(&buffer) }
            guard a.int(3) >= 0 else { throw .invalidArgument }
            return try file.read(&buffer, at: a.raw(3))
        }
        table.set(.pwritev2, writeVector)
        table.set(.utime) { (a) throws(Errno) in
            guard !a.address(1).isNull else { return try setTimes(AtFlags.workingFolder, a.address(0), nil) }
            let times = try copyIn(AccessAndModificationTimes.self, from: a.address(1))
            return try setTimes(
                AtFlags.workingFolder, a.address(0), (TimeSpec(seconds: times.access), TimeSpec(seconds: times.modification)))
        }
        table.set(.utimes) { (a) throws(Errno) in try setMicroseconds(AtFlags.workingFolder, a.address(0), a.address(1)) }
        table.set(.futimesat) { (a) throws(Errno) in try setMicroseconds(a.fd(0), a.address(1), a.address(2)) }
        table.set(.syncFileRange) { (a) throws(Errno) in
            let file = try FileCalls.file(a.fd(0))
            guard a.uint32(3) & ~7 == 0, a.int(1) >= 0, a.int(2) >= 0 else { throw .invalidArgument }
            guard file.inode != nil else { throw .illegalSeek }
            try file.synchronize()
            return 0
        }
        table.set(.readahead) { (a) throws(Errno) in
            // Pages are read ahead anyway; the call only has to be possible.
            let file = try FileCalls.readable(a.fd(0))
            guard file.inode?.kind == .regular else { throw .invalidArgument }
            return 0
        }
    }

    /// RWF_HIPRI and RWF_NOWAIT's absence: what can be ignored without a difference that a program could see.
    private static let readFlags: UInt32 = 1
    private static let writeDataSync: UInt32 = 2
    private static let writeSync: UInt32 = 4

    private static func writeVector(_ a: SyscallArguments) throws(Errno) -> Int {
        let file = try FileCalls.writable(a.fd(0))
        var buffer = try FileCalls.vector(a.address(1), a.uint32(2))
        let flags = a.uint32(5)
        guard flags & ~(readFlags | writeDataSync | writeSync) == 0 else { throw .notSupported }
        let written: Int
        if a.int(3) == -1 {
            written = try file.write(&buffer)
        } else {
            guard a.int(3) >= 0 else { throw .invalidArgument }
            written = try file.write(&buffer, at: a.raw(3))
        }
        if flags & (writeDataSync | writeSync) != 0 { try file.synchronize() }
        return written
    }

    private static func setMicroseconds(_ folder: Int32, _ path: UserAddress, _ times: UserAddress) throws(Errno) -> Int {
        if times.isNull { return try setTimes(folder, path, nil) }
        var values: [TimeSpec] = []
        for index in 0..<2 {
            let seconds = try copyIn(Int64.self, from: times + index * 16)
            let micros = try copyIn(Int64.self, from: times + index * 16 + 8)
            guard micros >= 0, micros < 1_000_000 else { throw .invalidArgument }
            values.append(TimeSpec(seconds: seconds, nanoseconds: micros * 1000))
        }
        return try setTimes(folder, path, (values[0], values[1]))
    }

    /// Sets both times; without values to now, for which the right to write is enough.
    private static func setTimes(_ folder: Int32, _ address: UserAddress, _ times: (TimeSpec, TimeSpec)?) throws(Errno) -> Int {
        let node = try UserPath.resolve(folder, try UserPath.read(address), follow: true)
        guard let inode = node.inode else { throw .noEntry }
        try node.mount.checkWritable()
        let identity = FileContext.identity
        if !identity.isPrivileged, inode.metadata.withLock({ $0.uid }) != identity.uid {
            guard times == nil else { throw .notPermitted }
            guard inode.mayAccess(.write, identity) else { throw .accessDenied }
        }
        let now = FileClock.now
        var change = AttributeChange()
        change.accessTime = times?.0 ?? now
        change.modificationTime = times?.1 ?? now
        try inode.setAttributes(change)
        return 0
    }
}
