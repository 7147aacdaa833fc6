#if HEAPCHECK
    import Support

    // The checked kernel's heap; see `ObjectGuard`. The usual kernel has none of this.

    extension Heap {
        /// Bytes that each object needs beside what was asked for.
        @inline(__always) static var slack: Int { ObjectGuard.extra }

        /// Looks at an object that is about to be handed out.
        static func checkTaken(_ object: UnsafeMutableRawPointer, _ sizeClass: Int, byteCount: Int) {
            let fault = ObjectGuard.take(object, Int(classSizes[sizeClass]), byteCount: byteCount, epoch: LeakSearch.epoch)
            if let fault { report(fault, object, sizeClass) }
        }

        /// Looks at an object that comes back.
        static func checkGiven(_ object: UnsafeMutableRawPointer, _ sizeClass: Int) {
            var frame = UInt32(truncatingIfNeeded: PhysicalAddress(directMapped: object).frameNumber)
            if FrameTable[frame].pointee.kind == .slabTail { frame = FrameTable[frame].pointee.next }
            let size = Int(classSizes[sizeClass])
            if (object - PhysicalAddress(frameNumber: UInt64(frame)).directMapped) % size != 0 {
                report(.notAnObject, object, sizeClass)
            }
            if let fault = ObjectGuard.give(object, size) { report(fault, object, sizeClass) }
        }

        private static func report(_ fault: ObjectGuard.Fault, _ object: UnsafeMutableRawPointer, _ sizeClass: Int) -> Never {
            let address = KernelString(UInt(bitPattern: object), radix: 16), size = Int(classSizes[sizeClass])
            let what: KernelString =
                switch fault {
                case .overrun(let offset): "was written behind its end, at offset \(offset)"
                case .usedAfterFree(let offset): "was written after it was freed, at offset \(offset)"
                case .freedTwice: "was freed twice"
                case .notAnObject: "is the middle of an object, and was freed"
                }
            Log.error("heap: 0x\(address), of size class \(size), \(what)")
            panic("the heap was damaged")
        }
    }
#else
    extension Heap {
        @inline(__always) static var slack: Int { 0 }
    }
#endif
