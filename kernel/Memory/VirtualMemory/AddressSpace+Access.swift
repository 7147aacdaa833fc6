import ABI
import Frames
import Scheduling
import Support

// The kernel's own access to the memory of an address space that need not be the current one: exec builds stacks with it, /proc
// reads arguments, ptrace and process_vm_readv look around.

extension AddressSpace {
    /// Copies bytes into the address space. The pages must be writable, unless `force` says that the kernel fills in an image.
    public func write(_ bytes: UnsafeRawBufferPointer, at address: UInt64) throws(Errno) {
        try transfer(address, bytes.count, .write) { memory, offset, count in
            memory.copyMemory(from: bytes.baseAddress! + offset, byteCount: count)
        }
    }

    public func write(_ bytes: [UInt8], at address: UInt64) throws(Errno) {
        if bytes.isEmpty { return }
        try transfer(address, bytes.count, .write) { memory, offset, count in
            bytes.withUnsafeBytes { memory.copyMemory(from: $0.baseAddress! + offset, byteCount: count) }
        }
    }

    /// Fills with zeros.
    public func writeZeros(_ byteCount: Int, at address: UInt64) throws(Errno) {
        try transfer(address, byteCount, .write) { memory, _, count in
            UnsafeMutableRawBufferPointer(start: memory, count: count).initializeMemory(as: UInt8.self, repeating: 0)
        }
    }

    /// Copies bytes out of the address space.
    public func read(_ bytes: UnsafeMutableRawBufferPointer, at address: UInt64) throws(Errno) {
        try transfer(address, bytes.count, .read) { memory, offset, count in
            (bytes.baseAddress! + offset).copyMemory(from: memory, byteCount: count)
        }
    }

    public func read(_ count: Int, at address: UInt64) throws(Errno) -> [UInt8] {
        var result = [UInt8](repeating: 0, count: count)
        try transfer(address, count, .read) { memory, offset, length in
            result.withUnsafeMutableBytes { ($0.baseAddress! + offset).copyMemory(from: memory, byteCount: length) }
        }
        return result
    }

    /// Faults each page in and hands its part of the range to `body`: memory, offset in the range, length.
    private func transfer(
        _ address: UInt64, _ count: Int, _ access: FaultAccess, _ body: (UnsafeMutableRawPointer, Int, Int) -> Void
    ) throws(Errno) {
        guard UserAddress(address).isUserRange(count) else { throw .badAddress }
        var done = 0
        while done < count {
            let position = address + UInt64(done)
            let inPage = Int(position & 4095)
            let length = min(count - done, pageSize - inPage)
            try state.withLock { (state: inout SpaceState) throws(Errno) in
                let frame = try state.residentFrame(position & ~4095, access)
                body(frame.directMapped + inPage, done, length)
            }
            done += length
        }
    }

    /// Identifies the memory behind an address for futexes that processes share: the object and the byte in it. Private memory
    /// has no object: it is identified by the address space and the address.
    public func sharedIdentity(of address: UInt64) throws(Errno) -> (object: MemoryObject, offset: UInt64)? {
        try state.withLock { (state: inout SpaceState) throws(Errno) -> (object: MemoryObject, offset: UInt64)? in
            guard let area = state.areas.area(at: address) else { throw .badAddress }
            guard area.pointee.isShared, let object = area.pointee.object else { return nil }
            return (object.takeUnretainedValue(), area.pointee.pageIndex(address) << 12 | (address & 4095))
        }
    }
}

extension SpaceState {
    /// The frame of a page, faulted in as `access` needs it. It stays valid while the lock is held. Device memory is refused:
    /// the direct map does not show it.
    mutating func residentFrame(_ page: UInt64, _ access: FaultAccess) throws(Errno) -> PhysicalAddress {
        for _ in 0..<3 {
            if let slot = tables.slot(page), slot.pointee.isPresent, !access.isWrite || slot.pointee.isWritable {
                guard FrameAllocator.isManaged(slot.pointee.frame) else { throw .badAddress }
                return slot.pointee.frame
            }
            if usage.large > 0, let slot = tables.largeSlot(page), !access.isWrite || slot.pointee.isWritable {
                return slot.pointee.frame + (page & LargePages.mask)
            }
            do throws(FaultError) {
                try fault(page, access)
            } catch {
                throw error == .outOfMemory ? .outOfMemory : .badAddress
            }
        }
        throw .badAddress
    }
}

// MARK: Reports

/// One area, for /proc/PID/maps.
public struct AreaDescription {
    public var start: UInt64
    public var end: UInt64
    public var protection: Protection
    public var flags: AreaFlags
    /// Bytes into the object.
    public var offset: UInt64
    public var object: MemoryObject?
}

extension AddressSpace {
    /// The areas in order.
    public var areas: [AreaDescription] {
        state.withLock { state in
            var result: [AreaDescription] = []
            result.reserveCapacity(state.areas.count)
            var next = state.areas.first
            while let area = next {
                let a = area.pointee
                result.append(
                    AreaDescription(
                        start: a.start, end: a.end, protection: a.protection, flags: a.flags,
                        offset: a.object == nil ? 0 : a.pageOffset << 12, object: a.object?.takeUnretainedValue()))
                next = a.next
            }
            return result
        }
    }

    /// The lowest address of the stack area that contains `address`; nil when that is no stack (PROT_GROWSDOWN).
    public func stackBottom(at address: UInt64) -> UInt64? {
        state.withLock { state in
            guard let area = state.areas.area(at: address), area.pointee.flags.contains(.growsDown) else { return nil }
            return area.pointee.start
        }
    }

    public var areaCount: Int { state.withLock { $0.areas.count } }
    /// Where the heap of `brk` begins and ends.
    public var breakRange: (start: UInt64, end: UInt64) { state.withLock { ($0.breakStart, $0.breakEnd) } }
}
