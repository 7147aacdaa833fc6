#if LOCKDEP
    import LockGraph
    import Processor
    import Support
    import Synchronization

    /// The run-time checker of locks in debug builds of the kernel (`make kernel-debug`).
    ///
    /// Every lock belongs to a class, by the place where it is declared. Each processor has a stack of the spin locks that it holds, each
    /// thread one of its sleeping locks. Taking a lock adds an edge from each one that is held to `LockGraph`, which says when that closes a
    /// cycle: the order is wrong even if nobody waits this time. The report names the classes and shows where both orders were seen.
    /// Also reported: taking a lock twice, sleeping or taking a sleeping lock with a spin lock held or in an interrupt, and interrupts
    /// that are on when a spin lock is given back.
    public enum LockChecker {
        static let classCapacity = 256
        private static let edgeCapacity = 4096
        static let frameCount = 14

        struct Class {
            var file: StaticString = ""
            var line: UInt32 = 0
        }
        /// Where an order was seen first.
        struct Edge {
            var from: UInt16 = 0
            var to: UInt16 = 0
            var frames = InlineArray<14, UInt>(repeating: 0)
        }

        // Made by `start`, before `isActive`; changed with `lock` held.
        nonisolated(unsafe) private static var graph = LockGraph(capacity: 1)
        nonisolated(unsafe) private static var classes = UnsafeMutablePointer<Class>.allocate(capacity: 1)
        nonisolated(unsafe) private static var edges = UnsafeMutablePointer<Edge>.allocate(capacity: 1)
        nonisolated(unsafe) private static var classCount = 0
        nonisolated(unsafe) private static var edgeCount = 0
        nonisolated(unsafe) private static var reportCount = 0
        private static let lock = TicketLock()
        private static let isActive = Atomic<Bool>(false)
        /// The spin locks of each processor, and whether it is in the checker: what the checker does is not checked.
        nonisolated(unsafe) private static var held = UnsafeMutablePointer<HeldLocks>.allocate(capacity: 1)
        nonisolated(unsafe) private static var isBusy = UnsafeMutablePointer<Bool>.allocate(capacity: 1)

        /// Begins to check. There is a heap, and threads.
        public static func start() {
            graph = LockGraph(capacity: classCapacity)
            classes = .allocate(capacity: classCapacity)
            edges = .allocate(capacity: edgeCapacity)
            held = .allocate(capacity: Processors.maximum)
            for processor in 0..<Processors.maximum { (held + processor).initialize(to: HeldLocks()) }
            isBusy = .allocate(capacity: Processors.maximum)
            isBusy.initialize(repeating: false, count: Processors.maximum)
            isActive.store(true, ordering: .releasing)
            Log.info("lockdep: orders of locks are checked")
        }

        /// Says what it has seen, for the log.
        public static func summarize() {
            Log.info("lockdep: \(classCount) classes, \(edgeCount) orders, \(reportCount) reports")
        }

        /// Runs `body` with interrupts off and this processor marked, unless it is marked already.
        private static func checking(_ body: (_ processor: Int, _ wereInterruptsOn: Bool) -> Void) {
            guard isActive.load(ordering: .acquiring) else { return }
            let flags = machineInterruptSave()
            let processor = Int(PerCPU.current.pointee.index)
            if !isBusy[processor] {
                isBusy[processor] = true
                body(processor, flags & 0x200 != 0)
                isBusy[processor] = false
            }
            machineInterruptRestore(flags)
        }

        static func acquire(_ site: UnsafeMutablePointer<LockSite>, _ use: UInt32) {
            checking { processor, _ in
                let number = classNumber(of: site)
                let isSpinning = use <= LockUse.tryingToSpin
                let isTrying = use == LockUse.tryingToSpin || use == LockUse.tryingToSleep
                let isInterrupt = PerCPU.current.pointee.interruptDepth > 0
                let entry = HeldLock(lock: UInt(bitPattern: site), number: UInt16(number))
                if isSpinning {
                    if isInterrupt { inspect(graph.note(number, .inInterrupt), number) }
                } else {
                    if isInterrupt { Report.write("a sleeping lock in an interrupt", number, classes) }
                    inspect(graph.note(number, .withInterruptsOn), number)
                }
                if !isTrying {
                    order(held[processor], entry)
                    // What an interrupted thread holds has nothing to do with the handler.
                    if !isInterrupt, PerCPU.currentBlock != 0 { order(Scheduler.running.pointee.heldLocks, entry) }
                }
                if isSpinning {
                    held[processor].push(entry)
                } else if PerCPU.currentBlock != 0 {
                    Scheduler.running.pointee.heldLocks.push(entry)
                }
            }
        }

        static func release(_ site: UnsafeMutablePointer<LockSite>) {
            checking { processor, wereInterruptsOn in
                if held[processor].pop(UInt(bitPattern: site)) {
                    if wereInterruptsOn {
                        Report.write("interrupts are on with a spin lock held", classNumber(of: site), classes)
                    }
                } else if PerCPU.currentBlock != 0 {
                    _ = Scheduler.running.pointee.heldLocks.pop(UInt(bitPattern: site))
                }
            }
        }

        /// Called where the thread may sleep.
        static func maySleep() {
            checking { processor, _ in
                if held[processor].count > 0 {
                    Report.write("a place that may sleep, with a spin lock held", Int(held[processor].last.number), classes)
                } else if PerCPU.current.pointee.interruptDepth > 0 {
                    Report.write("a place that may sleep, in an interrupt", nil, classes)
                } else if PerCPU.current.pointee.preemptionDepth > 0 {
                    Report.write("a place that may sleep, with preemption disabled", nil, classes)
                }
            }
        }

        /// Notes that a lock is taken with others held.
        private static func order(_ held: borrowing HeldLocks, _ entry: HeldLock) {
            for index in 0..<held.count {
                let other = held[index]
                if other.lock == entry.lock {
                    Report.once(&reportCount) { Report.write("a lock that is held already", Int(entry.number), classes) }
                    continue
                }
                if other.number == entry.number || graph.hasEdge(Int(other.number), Int(entry.number)) { continue }
                lock.lock()
                let isNew = !graph.hasEdge(Int(other.number), Int(entry.number))
                let finding = graph.add(Int(other.number), Int(entry.number))
                if isNew, edgeCount < edgeCapacity {
                    var edge = Edge(from: other.number, to: entry.number)
                    StackTrace.capture(into: &edge.frames)
                    (edges + edgeCount).initialize(to: edge)
                    edgeCount += 1
                }
                if let finding { report(finding, Int(other.number), Int(entry.number)) }
                lock.unlock()
            }
        }

        private static func inspect(_ finding: LockGraph.Finding?, _ number: Int) {
            if let finding { report(finding, number, number) }
        }

        /// - Parameters: the lock that is held and the one that is taken; of a path, the checker knows where each step was seen.
        private static func report(_ finding: LockGraph.Finding, _ held: Int, _ taken: Int) {
            reportCount += 1
            Report.begin(
                finding == .inversion
                    ? "locks are taken in both orders" : "a lock of interrupt handlers leads to one held with interrupts on")
            if finding == .inversion {
                Report.step(held, taken, classes)
                Report.stack(edge(held, taken))
            }
            for index in 0..<max(0, graph.pathCount - 1) {
                Report.step(graph.path(index), graph.path(index + 1), classes)
                Report.stack(edge(graph.path(index), graph.path(index + 1)))
            }
            if graph.pathCount == 1 { Report.name(graph.path(0), classes) }
            Report.end()
        }

        private static func edge(_ a: Int, _ b: Int) -> UnsafePointer<Edge>? {
            for index in 0..<edgeCount where Int(edges[index].from) == a && Int(edges[index].to) == b {
                return UnsafePointer(edges + index)
            }
            return nil
        }

        /// The class of a lock, by where it is declared.
        private static func classNumber(of site: UnsafeMutablePointer<LockSite>) -> Int {
            if site.pointee.classNumber != 0 { return Int(site.pointee.classNumber) }
            lock.lock()
            defer { lock.unlock() }
            var number = 1
            while number <= classCount,
                !(classes[number].line == site.pointee.line && same(classes[number].file, site.pointee.file))
            {
                number += 1
            }
            if number > classCount {
                if number >= classCapacity { number = classCapacity - 1 } else { classCount = number }
                (classes + number).initialize(to: Class(file: site.pointee.file, line: site.pointee.line))
            }
            site.pointee.classNumber = UInt32(number)
            return number
        }

        private static func same(_ a: StaticString, _ b: StaticString) -> Bool {
            guard a.utf8CodeUnitCount == b.utf8CodeUnitCount else { return false }
            for index in 0..<a.utf8CodeUnitCount where a.utf8Start[index] != b.utf8Start[index] { return false }
            return true
        }
    }

    /// A lock that is held: which, and its class.
    struct HeldLock {
        var lock: UInt = 0
        var number: UInt16 = 0
    }

    /// The locks of a thread or of a processor, as they were taken.
    struct HeldLocks: ~Copyable {
        private var items = InlineArray<24, HeldLock>(repeating: HeldLock())
        private(set) var count = 0

        subscript(index: Int) -> HeldLock { items[index] }
        var last: HeldLock { items[count - 1] }

        mutating func push(_ lock: HeldLock) {
            guard count < 24 else { return }
            items[count] = lock
            count += 1
        }

        /// Takes a lock off, wherever it is. Those that were taken before the checker started are not there.
        mutating func pop(_ lock: UInt) -> Bool {
            var index = count - 1
            while index >= 0, items[index].lock != lock { index -= 1 }
            guard index >= 0 else { return false }
            while index + 1 < count {
                items[index] = items[index + 1]
                index += 1
            }
            count -= 1
            return true
        }
    }

    @c(martlet_lock_acquire)
    public func lockAcquire(_ site: UnsafeMutableRawPointer, _ use: UInt32) {
        LockChecker.acquire(site.assumingMemoryBound(to: LockSite.self), use)
    }
    @c(martlet_lock_release)
    public func lockRelease(_ site: UnsafeMutableRawPointer) {
        LockChecker.release(site.assumingMemoryBound(to: LockSite.self))
    }
    @c(martlet_lock_may_sleep)
    public func lockMaySleep() { LockChecker.maySleep() }
#endif
