import Support
import Synchronization

// Slabs: runs of frames cut into objects of one size. A slab's state is in the `FrameInfo` of its first frame: the index of
// its first free object, the number of objects in use, and the links of its class's list. A free object's first word
// is the link of whatever list it is on: in a slab an index, in a magazine a pointer.

extension Heap {
    /// Bytes of bookkeeping: magazines, classes and the table of sizes.
    static var stateByteCount: Int { magazinesByteCount + classesByteCount + 192 }
    private static var magazinesByteCount: Int {
        FrameAllocator.maximumProcessors * magazineStride * MemoryLayout<Magazine>.stride
    }
    private static var classesByteCount: Int { (classCount * MemoryLayout<SpinLock<SlabClass>>.stride + 63) & ~63 }

    /// Lays the state out in zeroed memory of `stateByteCount` bytes.
    static func initialize(at memory: UnsafeMutableRawPointer) {
        magazines = memory.bindMemory(to: Magazine.self, capacity: FrameAllocator.maximumProcessors * magazineStride)
        classes = (memory + magazinesByteCount).bindMemory(to: SpinLock<SlabClass>.self, capacity: classCount)
        classOfSize = (memory + magazinesByteCount + classesByteCount).bindMemory(to: UInt8.self, capacity: 129)
        var unit = 0
        for index in 0..<classCount {
            let size = Int(classSizes[index])
            let order = size <= 256 ? 0 : size <= 1024 ? 1 : 2
            (classes + index).initialize(
                to: SpinLock(
                    SlabClass(
                        objectSize: UInt32(size), objectsInSlab: UInt16((pageSize << order) / size), order: UInt8(order),
                        batch: size <= 256 ? 32 : 8, partial: FrameInfo.none, emptyCount: 0)))
            while unit * 16 <= size {
                classOfSize[unit] = UInt8(index)
                unit += 1
            }
        }
        heapFrames.store(0, ordering: .relaxed)
    }

    /// Frames that the heap holds, for /proc/meminfo. A hint: changed under different locks.
    static let heapFrames = Atomic<Int>(0)
    public static var frameCount: Int { heapFrames.load(ordering: .relaxed) }

    /// Moves a batch of objects from the slabs to an empty magazine. Interrupts are off.
    @inline(never)
    static func refill(_ magazine: UnsafeMutablePointer<Magazine>, _ sizeClass: Int) {
        classes[sizeClass].withLock { state in
            var missing = Int(state.batch)
            while missing > 0 {
                if state.partial == FrameInfo.none, !addSlab(&state, sizeClass) { break }
                let slab = Slab(state.partial, objectSize: Int(state.objectSize))
                if slab.isEmpty, state.emptyCount > 0 { state.emptyCount -= 1 }
                while missing > 0, let object = slab.take() {
                    object.storeBytes(of: magazine.pointee.head, as: UnsafeMutableRawPointer?.self)
                    magazine.pointee.head = object
                    magazine.pointee.count &+= 1
                    state.takenCount &+= 1
                    missing -= 1
                }
                if slab.isFull { unlink(state.partial, &state) }
            }
        }
    }

    /// Moves a batch of objects from a magazine to their slabs. Interrupts are off.
    @inline(never)
    static func flush(_ magazine: UnsafeMutablePointer<Magazine>, _ sizeClass: Int) {
        classes[sizeClass].withLock { state in
            var left = Int(state.batch)
            while left > 0, let object = magazine.pointee.head {
                magazine.pointee.head = object.load(as: UnsafeMutableRawPointer?.self)
                magazine.pointee.count &-= 1
                left -= 1
                give(object, back: &state)
            }
        }
    }

    private static func give(_ object: UnsafeMutableRawPointer, back state: inout SlabClass) {
        var frame = UInt32(truncatingIfNeeded: PhysicalAddress(directMapped: object).frameNumber)
        if FrameTable[frame].pointee.kind == .slabTail { frame = FrameTable[frame].pointee.next }
        let slab = Slab(frame, objectSize: Int(state.objectSize))
        let wasFull = slab.isFull
        slab.put(object)
        state.takenCount &-= 1
        if wasFull { link(frame, &state) }
        guard slab.isEmpty else { return }
        #if HEAPCHECK
            if LeakSearch.isRunning {
                state.emptyCount += 1
                return
            }
        #endif
        // One empty slab is kept: a class that goes back and forth around a boundary does not thrash.
        if state.emptyCount == 0 {
            state.emptyCount = 1
            return
        }
        unlink(frame, &state)
        let count = 1 << Int(state.order)
        state.slabCount -= 1
        heapFrames.wrappingSubtract(count, ordering: .relaxed)
        FrameTable[frame].pointee.kind = .tail
        FrameAllocator.freeRun(frame, count: count)
    }

    private static func addSlab(_ state: inout SlabClass, _ sizeClass: Int) -> Bool {
        let count = 1 << Int(state.order)
        guard let frame = FrameAllocator.allocateRun(count: count, zone: .normal) else { return false }
        state.slabCount += 1
        heapFrames.wrappingAdd(count, ordering: .relaxed)
        let head = FrameTable[frame]
        head.pointee.kind = .slab
        head.pointee.sizeClass = UInt8(truncatingIfNeeded: sizeClass)
        for index in 1..<UInt32(max(count, 2)) where index < UInt32(count) {
            let tail = FrameTable[frame + index]
            tail.pointee.kind = .slabTail
            tail.pointee.sizeClass = UInt8(truncatingIfNeeded: sizeClass)
            tail.pointee.next = frame
        }
        Slab(frame, objectSize: Int(state.objectSize)).format(objectCount: Int(state.objectsInSlab))
        link(frame, &state)
        return true
    }

    private static func link(_ frame: UInt32, _ state: inout SlabClass) {
        let info = FrameTable[frame]
        info.pointee.next = state.partial
        info.pointee.previous = FrameInfo.none
        if state.partial != FrameInfo.none { FrameTable[state.partial].pointee.previous = frame }
        state.partial = frame
    }

    private static func unlink(_ frame: UInt32, _ state: inout SlabClass) {
        let info = FrameTable[frame]
        let next = info.pointee.next, previous = info.pointee.previous
        if next != FrameInfo.none { FrameTable[next].pointee.previous = previous }
        if previous != FrameInfo.none { FrameTable[previous].pointee.next = next } else { state.partial = next }
    }
}

/// The view of one slab. Its class's lock is held.
private struct Slab {
    let info: UnsafeMutablePointer<FrameInfo>
    let base: UnsafeMutableRawPointer
    let objectSize: Int

    static let noObject: UInt32 = 0xffff

    init(_ frame: UInt32, objectSize: Int) {
        info = FrameTable[frame]
        base = PhysicalAddress(frameNumber: UInt64(frame)).directMapped
        self.objectSize = objectSize
    }

    private var firstFree: UInt32 { info.pointee.word & 0xffff }
    private var usedCount: UInt32 { info.pointee.word >> 16 }
    var isFull: Bool { firstFree == Self.noObject }
    var isEmpty: Bool { usedCount == 0 }

    /// Makes every object free.
    func format(objectCount: Int) {
        for index in 0..<objectCount {
            #if HEAPCHECK
                ObjectGuard.format(base + index * objectSize, objectSize)
            #endif
            let next = index + 1 < objectCount ? UInt32(index + 1) : Self.noObject
            (base + index * objectSize).storeBytes(of: next, as: UInt32.self)
        }
        info.pointee.word = 0
    }

    func take() -> UnsafeMutableRawPointer? {
        let first = firstFree
        if first == Self.noObject { return nil }
        let object = base + Int(first) * objectSize
        info.pointee.word = (usedCount + 1) << 16 | object.load(as: UInt32.self)
        return object
    }

    func put(_ object: UnsafeMutableRawPointer) {
        let index = (object - base) / objectSize
        object.storeBytes(of: firstFree, as: UInt32.self)
        info.pointee.word = (usedCount - 1) << 16 | UInt32(index)
    }
}

// MARK: Large allocations

extension Heap {
    /// Whole frames, as many as needed and not rounded to a power of two.
    @inline(never)
    static func allocateLarge(byteCount: Int, alignment: Int) -> UnsafeMutableRawPointer? {
        guard byteCount <= pageSize << (BuddyZone.orderCount - 1), alignment <= pageSize << (BuddyZone.orderCount - 1) else {
            return nil
        }
        // Runs are aligned to the next power of two of their length; a stricter alignment asks for more and trims it.
        let count = max((byteCount + pageSize - 1) >> pageShift, 1)
        let wanted = max(count, alignment >> pageShift)
        guard let frame = FrameAllocator.allocateRun(count: wanted, zone: .normal) else { return nil }
        if wanted > count { FrameAllocator.freeRun(frame + UInt32(count), count: wanted - count) }
        let info = FrameTable[frame]
        info.pointee.kind = .large
        info.pointee.word = UInt32(count)
        heapFrames.wrappingAdd(count, ordering: .relaxed)
        return PhysicalAddress(frameNumber: UInt64(frame)).directMapped
    }

    @inline(never)
    static func freeLarge(_ pointer: UnsafeMutableRawPointer, _ info: UnsafeMutablePointer<FrameInfo>) {
        if UInt(bitPattern: pointer) & 4095 != 0 { panic("a pointer into the middle of an allocation was freed") }
        let count = Int(info.pointee.word)
        heapFrames.wrappingSubtract(count, ordering: .relaxed)
        info.pointee.kind = .tail
        FrameAllocator.freeRun(UInt32(truncatingIfNeeded: PhysicalAddress(directMapped: pointer).frameNumber), count: count)
    }
}
