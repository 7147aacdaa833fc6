#if HEAPCHECK
    import Frames
    import ProcFS
    import Scheduling
    import Support

    /// Damage to the heap on demand (`martlet.test=` on the command line), for the kernel that checks it, and the count of leaks.
    enum HeapTests {
        private static let lock = Mutex(())

        static func run(_ name: [UInt8]) {
            KernelCounters.register("leaks", search)
            if name.elementsEqual("heap-overrun".utf8) { overrun() }
            if name.elementsEqual("heap-use-after-free".utf8) { useAfterFree() }
            if name.elementsEqual("heap-double-free".utf8) { freeTwice() }
            if name.elementsEqual("heap-leak".utf8) { leak() }
        }

        /// Objects that nobody refers to: reading /proc/martlet/leaks searches, and says in the log what was found.
        private static func search() -> UInt64 {
            lock.withLock { _ in
                _ = LeakSearch.run()
                pause()
                _ = LeakSearch.run()
                pause()
                let report = LeakSearch.run()
                Log.info("leaks: \(report.count) of \(report.searched) objects, \(report.byteCount) bytes")
                for leak in report.examples {
                    let address = KernelString(leak.address, radix: 16), word = KernelString(leak.firstWord, radix: 16)
                    Log.info("leak: \(leak.byteCount) bytes at 0x\(address), the first word is 0x\(word)")
                }
                return UInt64(report.count)
            }
        }

        /// Gives references that are on their way between two processors time to arrive.
        private static func pause() {
            let deadline = machineMonotonicNanoseconds() + 20_000_000
            try? Scheduler.sleep(deadline: deadline, interruptible: false) { machineMonotonicNanoseconds() >= deadline }
        }

        private static func object() -> UnsafeMutableRawPointer {
            guard let object = Heap.allocate(byteCount: 100, alignment: 16) else { panic("no memory for a test") }
            return object
        }

        private static func overrun() {
            let object = object()
            object.storeBytes(of: 1, toByteOffset: 100, as: UInt8.self)
            Heap.free(object)
        }

        private static func freeTwice() {
            let object = object()
            Heap.free(object)
            Heap.free(object)
        }

        private static func useAfterFree() {
            let freed = object()
            Heap.free(freed)
            freed.storeBytes(of: 7, toByteOffset: 40, as: UInt8.self)
            // Sooner or later somebody gets it.
            for _ in 0..<1000 { _ = object() }
        }

        /// Forty objects, to which no reference stays but what happens to lie on the stack.
        private static func leak() {
            for _ in 0..<40 { object().storeBytes(of: 0x1eac, as: UInt.self) }
        }
    }
#endif
