import ABI
import Files
import Processes
import Support
import VirtualMemory

/// Memory: mmap and its relatives, brk.
public enum MemoryCalls {
    public static func register(_ table: inout SyscallTable) {
        ProcessMemoryCalls.register(&table)
        table.set(.mmap, mmap)
        table.set(.munmap) { (a) throws(Errno) in
            try space().unmap(a.raw(0), byteCount: a.raw(1))
            return 0
        }
        table.set(.mprotect, mprotect)
        table.set(.mremap, mremap)
        table.set(.brk) { (a) throws(Errno) in Int(try space().setBreak(a.raw(0))) }
        table.set(.madvise, madvise)
        table.set(.msync, msync)
        table.set(.mincore, mincore)
        table.set(.mlock) { (a) throws(Errno) in try lock(a, true, populates: true) }
        table.set(.mlock2) { (a) throws(Errno) in
            guard a.int32(2) & ~1 == 0 else { throw .invalidArgument }
            return try lock(a, true, populates: a.int32(2) == 0)
        }
        table.set(.munlock) { (a) throws(Errno) in try lock(a, false, populates: false) }
        table.set(.mlockall) { (a) throws(Errno) in
            let flags = a.int32(0)
            guard flags & ~7 == 0, flags & 3 != 0 else { throw .invalidArgument }
            try requireLocking()
            try space().setAllLocked(current: flags & 1 != 0, future: flags & 2 != 0)
            return 0
        }
        table.set(.munlockall) { (_) throws(Errno) in
            try space().setAllLocked(current: false, future: false)
            return 0
        }
    }

    /// Tells an address space the limits of its process: after setrlimit and exec.
    public static func applyLimits(of process: Process) {
        guard let space = process.addressSpace else { return }
        space.limits = memoryLimits(process)
    }

    /// The limits that concern memory. Whoever is privileged may lock what there is.
    public static func memoryLimits(_ process: Process) -> MemoryLimits {
        let limits = process.limits
        var result = MemoryLimits()
        result.addressSpace = limits[.addressSpace].soft
        result.data = limits[.data].soft
        result.stack = limits[.stack].soft
        result.locked = process.credentials.isPrivileged ? .max : limits[.lockedMemory].soft
        return result
    }

    @inline(__always)
    private static func space() throws(Errno) -> AddressSpace {
        guard let space = UserThread.current.addressSpace else { throw .outOfMemory }
        return space
    }

    /// Brings the limit of locked memory up to date: it depends on the user, who may have changed.
    /// - Throws: `notPermitted` when the limit is 0.
    private static func requireLocking() throws(Errno) {
        let process = Process.current
        applyLimits(of: process)
        if memoryLimits(process).locked == 0 { throw .notPermitted }
    }

    // MARK: mmap

    private static func mmap(_ a: SyscallArguments) throws(Errno) -> Int {
        let flags = MappingFlags(rawValue: a.raw(3))
        let type = a.raw(3) & MappingFlags.typeMask
        guard a.raw(5) & 4095 == 0 else { throw .invalidArgument }
        let file: OpenFile? = flags.contains(.anonymous) ? nil : try FileContext.file(a.fd(4))
        // There are no huge pages to be had.
        if flags.contains(.hugePages) { throw file == nil ? .outOfMemory : .invalidArgument }

        var request = MapRequest(byteCount: a.raw(1), protection: Protection(rawValue: UInt8(truncatingIfNeeded: a.raw(2) & 7)))
        if request.byteCount == 0 { throw .invalidArgument }
        if pageRoundUp(request.byteCount) == 0 || request.byteCount > UserAddress.limit { throw .outOfMemory }
        if flags.contains(.fixedNoReplace) {
            request.placement = .fixedNoReplace(a.raw(0))
        } else if flags.contains(.fixed) {
            request.placement = .fixed(a.raw(0))
        } else {
            request.placement = .anywhere(hint: a.raw(0))
            if flags.contains(.below2GiB) { request.highest = 0x8000_0000 }
        }
        if flags.contains(.locked) {
            try requireLocking()
            request.flags.insert(.locked)
        }
        request.populates = flags.contains(.populate) && !flags.contains(.nonBlocking)
        request.skipsReserve = flags.contains(.noReserve)

        switch type {
        case MappingFlags.typeSharedValidate where file == nil:
            throw .invalidArgument
        case MappingFlags.typeSharedValidate where !flags.subtracting(.init(rawValue: 0xf)).isSubset(of: .validated):
            throw .notSupported
        case MappingFlags.typeShared, MappingFlags.typeSharedValidate:
            request.flags.insert(.shared)
            if file == nil {
                if flags.contains(.growsDown) { throw .invalidArgument }
                guard
                    let memory = SharedAnonymousMemory(
                        byteCount: pageRoundUp(request.byteCount),
                        skipsReserve: request.skipsReserve && Commitment.mode != .never)
                else { throw .outOfMemory }
                request.object = memory
            }
        case MappingFlags.typePrivate:
            if flags.contains(.growsDown) {
                if file != nil { throw .invalidArgument }
                request.flags.insert(.growsDown)
            }
        default:
            throw .invalidArgument
        }
        if let file { try setObject(&request, file, offset: a.raw(5)) }
        return Int(try space().map(request))
    }

    /// Takes the object to map from a file, and what its open mode permits.
    private static func setObject(_ request: inout MapRequest, _ file: OpenFile, offset: UInt64) throws(Errno) {
        guard offset <= UInt64(Int64.max) - pageRoundUp(request.byteCount) else { throw .overflow }
        if file.flags.contains(.path) { throw .badDescriptor }
        let isShared = request.flags.contains(.shared)
        let writes = request.protection.contains(.write)
        guard file.flags.isReadable else { throw .accessDenied }
        if isShared {
            if writes, !file.flags.isWritable { throw .accessDenied }
            if !file.flags.isWritable || isSealedAgainstWrites(file) { request.maximum.remove(.write) }
        }
        request.object = try file.memoryObject(
            offset: offset, length: pageRoundUp(request.byteCount), shared: isShared, writable: isShared && writes)
        request.offset = offset
    }

    /// F_SEAL_WRITE and F_SEAL_FUTURE_WRITE.
    private static func isSealedAgainstWrites(_ file: OpenFile) -> Bool {
        do throws(Errno) { return try file.seals() & 0x18 != 0 } catch { return false }
    }

    // MARK: Changing mappings

    private static func mprotect(_ a: SyscallArguments) throws(Errno) -> Int {
        // PROT_GROWSDOWN and PROT_GROWSUP extend the range to the end of a stack.
        let growsDown = a.raw(2) & 0x0100_0000 != 0, growsUp = a.raw(2) & 0x0200_0000 != 0
        let bits = a.raw(2) & ~0x0300_0000
        if growsDown, growsUp { throw .invalidArgument }
        var start = a.raw(0)
        var length = a.raw(1)
        guard start & 4095 == 0 else { throw .invalidArgument }
        if length == 0 { return 0 }
        guard pageRoundUp(length) != 0, start &+ pageRoundUp(length) > start else { throw .outOfMemory }
        // PROT_SEM is accepted and means nothing.
        guard bits & ~0xf == 0 else { throw .invalidArgument }
        if growsDown || growsUp {
            let end = start + pageRoundUp(length)
            guard let low = growsDown ? try space().stackBottom(at: start) : nil else { throw .invalidArgument }
            start = low
            length = end - low
        }
        try space().protect(start, byteCount: length, Protection(rawValue: UInt8(bits & 7)))
        return 0
    }

    private static func mremap(_ a: SyscallArguments) throws(Errno) -> Int {
        let flags = a.raw(3)
        let mayMove = flags & 1 != 0, fixed = flags & 2 != 0, keepsOld = flags & 4 != 0
        guard flags & ~7 == 0, mayMove || !(fixed || keepsOld) else { throw .invalidArgument }
        var request = RemapRequest(start: a.raw(0), oldByteCount: a.raw(1), newByteCount: a.raw(2))
        request.mayMove = mayMove
        request.keepsOld = keepsOld
        if fixed { request.target = a.raw(4) }
        return Int(try space().remap(request))
    }

    private static func madvise(_ a: SyscallArguments) throws(Errno) -> Int {
        let advice: MemoryAdvice
        switch a.int32(2) {
        case AdviceNumber.normal, AdviceNumber.random, AdviceNumber.sequential, AdviceNumber.dontDump, AdviceNumber.doDump,
            AdviceNumber.cold, AdviceNumber.pageOut:
            advice = .ignore
        case AdviceNumber.hugePage: advice = .setFlag(.largeWanted)
        case AdviceNumber.noHugePage: advice = .setFlag(.largeForbidden)
        case AdviceNumber.willNeed: advice = .willNeed
        case AdviceNumber.dontNeed: advice = .drop
        case AdviceNumber.free: advice = .free
        case AdviceNumber.remove: advice = .remove
        case AdviceNumber.dontFork: advice = .setFlag(.notForked)
        case AdviceNumber.doFork: advice = .clearFlag(.notForked)
        case AdviceNumber.wipeOnFork: advice = .setFlag(.wipedOnFork)
        case AdviceNumber.keepOnFork: advice = .clearFlag(.wipedOnFork)
        case AdviceNumber.populateRead: advice = .populateRead
        case AdviceNumber.populateWrite: advice = .populateWrite
        default: throw .invalidArgument
        }
        let (start, length) = (a.raw(0), a.raw(1))
        guard start & 4095 == 0 else { throw .invalidArgument }
        if length == 0 { return 0 }
        guard pageRoundUp(length) != 0, start &+ pageRoundUp(length) > start else { throw .invalidArgument }
        guard start < UserAddress.limit, pageRoundUp(length) <= UserAddress.limit - start else { throw .outOfMemory }
        try space().advise(start, byteCount: length, advice)
        return 0
    }

    private static func msync(_ a: SyscallArguments) throws(Errno) -> Int {
        let (start, flags) = (a.raw(0), a.int32(2))
        // MS_ASYNC 1, MS_INVALIDATE 2, MS_SYNC 4.
        guard flags & ~7 == 0, start & 4095 == 0, flags & 5 != 5 else { throw .invalidArgument }
        let length = pageRoundUp(a.raw(1))
        // A length that wraps when it is rounded is one of nothing, as on Linux.
        if length == 0 { return 0 }
        guard start < UserAddress.limit, length <= UserAddress.limit - start else { throw .outOfMemory }
        try space().synchronize(start, byteCount: length, writesBack: flags & 4 != 0)
        return 0
    }

    private static func mincore(_ a: SyscallArguments) throws(Errno) -> Int {
        let start = a.raw(0)
        guard start & 4095 == 0 else { throw .invalidArgument }
        let length = pageRoundUp(a.raw(1))
        guard start <= UserAddress.limit, length <= UserAddress.limit - start, length != 0 || a.raw(1) == 0 else {
            throw .outOfMemory
        }
        let pages = Int(length >> 12)
        guard a.address(2).isUserRange(pages) else { throw .badAddress }
        var done = 0
        // A page of answers at a time bounds the memory that a huge range takes.
        while done < pages {
            let count = min(pages - done, 4096)
            let answers = try space().residency(start + UInt64(done) << 12, pageCount: count)
            try copyOutBytes(answers, to: a.address(2) + done)
            done += count
        }
        return 0
    }

    private static func lock(_ a: SyscallArguments, _ locks: Bool, populates: Bool) throws(Errno) -> Int {
        if locks { try requireLocking() }
        let start = pageRoundDown(a.raw(0))
        // A length that wraps when it is rounded is one of nothing, as on Linux.
        let length = pageRoundUp(a.raw(1) &+ (a.raw(0) - start))
        if length == 0 { return 0 }
        guard start < UserAddress.limit, length <= UserAddress.limit - start else {
            throw start &+ length < start ? .invalidArgument : .outOfMemory
        }
        try space().setLocked(start, byteCount: length, locks, populates: populates)
        return 0
    }
}
