#if LOCKDEP
    import Processor
    import Support

    @_extern(c, "martlet_console_write")
    private func machineReport(_ text: UnsafePointer<UInt8>, _ count: Int)

    extension LockChecker {
        /// What the checker says, straight to the consoles: any lock may be held, so that nothing is allocated or locked.
        enum Report {
            /// Says which function an address is in; set by Boot, which has the symbols.
            nonisolated(unsafe) static var describe: (UInt) -> UnsafeBufferPointer<UInt8>? = { _ in nil }

            static func once(_ count: inout Int, _ body: () -> Void) {
                count += 1
                body()
            }

            /// A report about one lock, and where it happens.
            static func write(_ problem: StaticString, _ number: Int?, _ classes: UnsafePointer<Class>) {
                begin(problem)
                if let number { name(number, classes) }
                var here = Edge()
                StackTrace.capture(into: &here.frames)
                withUnsafePointer(to: here) { stack($0) }
                end()
            }

            static func begin(_ problem: StaticString) {
                put("lockdep: ")
                put(problem)
                put("\n")
            }

            static func end() { put("lockdep: end of report\n") }

            static func step(_ a: Int, _ b: Int, _ classes: UnsafePointer<Class>) {
                put("  with")
                name(a, classes, isLine: false)
                put(" held, taken:")
                name(b, classes)
            }

            static func name(_ number: Int, _ classes: UnsafePointer<Class>, isLine: Bool = true) {
                put(" ")
                put(classes[number].file)
                put(":")
                putDecimal(UInt(classes[number].line))
                if isLine { put("\n") }
            }

            static func stack(_ edge: UnsafePointer<Edge>?) {
                guard let edge else { return put("    (not known where)\n") }
                for index in 0..<frameCount {
                    let address = edge.pointee.frames[index]
                    if address == 0 { return }
                    put("    ")
                    if let name = describe(address - 1) {
                        machineReport(name.baseAddress!, name.count)
                    } else {
                        putDecimal(address)
                    }
                    put("\n")
                }
            }

            private static func put(_ text: StaticString) { machineReport(text.utf8Start, text.utf8CodeUnitCount) }

            private static func putDecimal(_ value: UInt) {
                if value >= 10 { putDecimal(value / 10) }
                withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 1) { digit in
                    digit[0] = 48 + UInt8(value % 10)
                    machineReport(UnsafePointer(digit.baseAddress!), 1)
                }
            }
        }

        /// Lets reports name functions.
        public static func setSymbols(_ describe: @escaping (UInt) -> UnsafeBufferPointer<UInt8>?) { Report.describe = describe }
    }

    /// The return addresses on the stack, by the chain of frame pointers.
    enum StackTrace {
        static func capture(into frames: inout InlineArray<14, UInt>) {
            var frame = CPU.framePointer
            var count = 0
            while count < 14, frame >= directMapBase, frame & 7 == 0, frame < 0x0000_7fff_ffff_f000 {
                // SAFETY: frame pointers lead up the running stack, which is mapped; each is checked to be above the one before.
                let words = UnsafePointer<UInt>(bitPattern: frame)!
                guard words[1] >= KernelImage.textStart, words[1] < KernelImage.textEnd else { return }
                frames[count] = words[1]
                count += 1
                guard words[0] > frame else { return }
                frame = words[0]
            }
        }
    }
#endif
