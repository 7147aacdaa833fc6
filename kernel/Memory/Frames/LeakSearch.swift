#if HEAPCHECK
    import Support

    /// Objects of the heap that nobody refers to, found as a conservative garbage collector would (Boehm and Weiser, "Garbage Collection in an
    /// Uncooperative Environment", 1988): whatever looks like an address of an object is taken for a reference to it.
    ///
    /// References are looked for in the kernel's variables, in all frames that are in use (stacks are among them) and in the objects that were
    /// found. Others go on working meanwhile and move references about, so that only what was missed by two searches counts.
    public enum LeakSearch {
        /// The number of the current search; new objects are taken for seen by it.
        nonisolated(unsafe) static var epoch: UInt32 = 1
        /// Slabs stay while a search walks them. Changed and read without a lock: one search runs at a time.
        nonisolated(unsafe) static var isRunning = false

        /// An object without a reference, and its first word: an object's type, often.
        public struct Leak {
            public let address: UInt, byteCount: Int, firstWord: UInt
        }
        public struct Report {
            public var count = 0, byteCount = 0, searched = 0
            /// The first few.
            public var examples: [Leak] = []
        }

        @_extern(c, "martlet_address_rodata_end") private static func machineVariablesStart() -> UnsafeRawPointer
        @_extern(c, "martlet_address_image_end") private static func machineVariablesEnd() -> UnsafeRawPointer

        private struct Pending {
            let items: UnsafeMutablePointer<UnsafeMutableRawPointer>
            let sizes: UnsafeMutablePointer<Int>
            let capacity: Int
            var count = 0
        }

        /// Searches once. The caller runs one search at a time.
        public static func run() -> Report {
            isRunning = true
            defer { isRunning = false }
            epoch &+= 1
            // Room for everything there is, and what is made meanwhile; what does not fit is seen, but not followed.
            let capacity = Heap.usage.reduce(4096) { $0 + $1.activeCount * 2 }
            var pending = Pending(items: .allocate(capacity: capacity), sizes: .allocate(capacity: capacity), capacity: capacity)
            defer {
                pending.items.deallocate()
                pending.sizes.deallocate()
            }
            let start = machineVariablesStart()
            scan(start, machineVariablesEnd() - start, &pending)
            drain(&pending)
            var frame: UInt32 = 0
            while UInt64(frame) < FrameTable.count {
                let info = FrameTable[frame]
                if info.pointee.kind == .allocated {
                    let count = 1 << Int(info.pointee.order)
                    scan(UnsafeRawPointer(PhysicalAddress(frameNumber: UInt64(frame)).directMapped), count * pageSize, &pending)
                    drain(&pending)
                }
                frame += 1
            }
            return collect()
        }

        private static func drain(_ pending: inout Pending) {
            while pending.count > 0 {
                pending.count -= 1
                scan(UnsafeRawPointer(pending.items[pending.count]), pending.sizes[pending.count], &pending)
            }
        }

        /// Follows every word that is the address of an object.
        private static func scan(_ start: UnsafeRawPointer, _ byteCount: Int, _ pending: inout Pending) {
            var offset = 0
            while offset + 8 <= byteCount {
                let word = start.load(fromByteOffset: offset, as: UInt.self)
                offset += 8
                let place = word &- directMapBase
                if place >> 12 >= UInt(FrameTable.count) { continue }
                visit(word, UInt32(truncatingIfNeeded: place >> 12), &pending)
            }
        }

        @inline(__always)
        private static func visit(_ word: UInt, _ frame: UInt32, _ pending: inout Pending) {
            let info = FrameTable[frame]
            switch info.pointee.kind {
            case .slab, .slabTail:
                let head = info.pointee.kind == .slab ? frame : info.pointee.next
                let size = Int(Heap.classSizes[Int(info.pointee.sizeClass)])
                let base = PhysicalAddress(frameNumber: UInt64(head)).directMapped
                let index = Int(word &- UInt(bitPattern: base)) / size
                if (index + 1) * size > pageSize << slabOrder(size) { return }
                let slot = base + index * size
                if !ObjectGuard.isLive(slot, size) || ObjectGuard.epoch(slot, size) == epoch { return }
                ObjectGuard.mark(slot, size, epoch: epoch)
                push(slot, size, &pending)
            case .large:
                if info.pointee.previous == epoch { return }
                info.pointee.previous = epoch
                push(PhysicalAddress(frameNumber: UInt64(frame)).directMapped, Int(info.pointee.word) * pageSize, &pending)
            default: return
            }
        }

        private static func push(_ object: UnsafeMutableRawPointer, _ size: Int, _ pending: inout Pending) {
            // Its own lists are not followed.
            if object == UnsafeMutableRawPointer(pending.items) || object == UnsafeMutableRawPointer(pending.sizes) { return }
            if pending.count == pending.capacity { return }
            pending.items[pending.count] = object
            pending.sizes[pending.count] = size
            pending.count += 1
        }

        private static func slabOrder(_ size: Int) -> Int { size <= 256 ? 0 : size <= 1024 ? 1 : 2 }

        /// What neither this search nor the one before has seen.
        private static func collect() -> Report {
            var report = Report()
            report.examples.reserveCapacity(16)
            var frame: UInt32 = 0
            while UInt64(frame) < FrameTable.count {
                defer { frame += 1 }
                let info = FrameTable[frame]
                guard info.pointee.kind == .slab else { continue }
                let size = Int(Heap.classSizes[Int(info.pointee.sizeClass)])
                let base = PhysicalAddress(frameNumber: UInt64(frame)).directMapped
                var slot = 0
                while (slot + 1) * size <= pageSize << slabOrder(size) {
                    let object = base + slot * size
                    slot += 1
                    guard ObjectGuard.isLive(object, size) else { continue }
                    report.searched += 1
                    if ObjectGuard.epoch(object, size) &+ 2 > epoch { continue }
                    report.count += 1
                    report.byteCount += ObjectGuard.byteCount(object, size)
                    if report.examples.count < 16 {
                        report.examples.append(
                            Leak(
                                address: UInt(bitPattern: object), byteCount: ObjectGuard.byteCount(object, size),
                                firstWord: object.load(as: UInt.self)))
                    }
                }
            }
            return report
        }
    }
#endif
