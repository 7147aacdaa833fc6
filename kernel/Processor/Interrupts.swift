import Support
import Synchronization

/// How the machine's interrupt hardware is laid out, from ACPI's MADT. Empty when there is none.
public struct InterruptTopology {
    public struct IOAPIC {
        public var physical: UInt64
        public var firstInput: UInt32
        public init(physical: UInt64, firstInput: UInt32) { self.physical = physical; self.firstInput = firstInput }
    }
    /// An ISA interrupt that is wired elsewhere or with other electrics.
    public struct Override {
        public var source: UInt8
        public var input: UInt32
        public var isLevel: Bool
        public var isActiveLow: Bool
        public init(source: UInt8, input: UInt32, isLevel: Bool, isActiveLow: Bool) {
            self.source = source; self.input = input; self.isLevel = isLevel; self.isActiveLow = isActiveLow
        }
    }
    public var localAPIC: UInt64 = 0xfee0_0000
    public var ioAPICs: [IOAPIC] = []
    public var overrides: [Override] = []
    public var processorIDs: [UInt32] = []
    public init() {}

    /// Where an ISA interrupt arrives. Without an override the input has its number, and it is edge-triggered and active high.
    public func input(ofLegacy irq: UInt8) -> Override {
        for override in overrides { if override.source == irq { return override } }
        return Override(source: irq, input: UInt32(irq), isLevel: false, isActiveLow: false)
    }
}

/// Vectors, their handlers and the controllers that deliver them.
///
/// Vectors 32 to 47 belong to the PIC's sixteen lines when there is no IOAPIC; 48 to 239 are handed out; 240 and above
/// are the processor's own. All processors have the same handlers, so an interrupt moves by sending it elsewhere.
public enum Interrupts {
    static let firstDynamic = 48
    static let lastDynamic = 239
    public static let timerVector: UInt8 = 240
    public static let rescheduleVector: UInt8 = 241
    static let requestVector: UInt8 = 242
    static let callVector: UInt8 = 243
    static let errorVector: UInt8 = 254
    public static let spuriousVector: UInt8 = 255
    /// The same as numbers, for who shows them.
    public static var functionCallVector: Int { Int(callVector) }
    public static var translationVector: Int { Int(requestVector) }
    public static var controllerErrorVector: Int { Int(errorVector) }

    /// Handlers by vector. A slot is written under `lines`; it is emptied only when no processor is in its handler.
    nonisolated(unsafe) private static var handlers = [InterruptHandler?](repeating: nil, count: 256)
    /// By vector; the processor that takes the interrupt counts.
    nonisolated(unsafe) private static let guards: UnsafeMutablePointer<FloodGuard> = {
        let guards = UnsafeMutablePointer<FloodGuard>.allocate(capacity: 256)
        guards.initialize(repeating: FloodGuard(), count: 256)
        return guards
    }()
    nonisolated(unsafe) private static var topology = InterruptTopology()
    nonisolated(unsafe) private static var ioAPICs: [IOAPICController] = []
    nonisolated(unsafe) public private(set) static var usesAPIC = false

    /// What is known of a vector that was handed out.
    private struct Line {
        var isTaken = false
        var route: InterruptRoute?
        /// The processors that it may go to, and the one that it goes to.
        var allowed: UInt64 = .max
        var processor = 0
    }
    private struct Lines: ~Copyable {
        var byVector = [Line](repeating: Line(), count: 256)
    }
    private static let lines = SpinLock(Lines())

    /// Brings the controllers up: local APIC and IOAPICs where they exist, else the PIC.
    /// - Parameter mapDevice: maps a page of device memory, uncached.
    public static func start(_ topology: InterruptTopology, mapDevice: (UInt64) -> UnsafeMutableRawPointer?) {
        self.topology = topology
        _ = guards
        LegacyPIC.remapAndMask()
        guard Features.current.hasAPIC else {
            Log.notice("interrupts: no local APIC; using the legacy controller")
            return
        }
        guard !topology.ioAPICs.isEmpty, let base = mapDevice(topology.localAPIC) else {
            Log.notice("interrupts: no IOAPIC; using the legacy controller")
            return
        }
        LocalAPIC.start(memory: base)
        setHandler(RescheduleInterrupt(), vector: rescheduleVector)
        setHandler(RequestInterrupt(), vector: requestVector)
        setHandler(CallInterrupt(), vector: callVector)
        setHandler(APICErrorInterrupt(), vector: errorVector)
        for description in topology.ioAPICs {
            guard let memory = mapDevice(description.physical) else { continue }
            ioAPICs.append(IOAPICController(memory: memory, firstInput: description.firstInput))
        }
        usesAPIC = true
    }

    // MARK: Vectors

    /// Reserves a vector.
    /// - Returns: nil when all are taken.
    public static func allocateVector(_ handler: InterruptHandler) -> UInt8? {
        lines.withLock { lines in
            for vector in firstDynamic...lastDynamic {
                if lines.byVector[vector].isTaken { continue }
                lines.byVector[vector].isTaken = true
                guards[vector] = FloodGuard()
                handlers[vector] = handler
                return UInt8(vector)
            }
            return nil
        }
    }

    /// Says how the interrupt reaches processors, and sends it to one of them.
    public static func setRoute(_ route: InterruptRoute, of vector: UInt8) {
        let target: UInt32? = lines.withLock { lines in
            lines.byVector[Int(vector)].route = route
            return place(Int(vector), &lines)
        }
        route.direct(to: target ?? LocalAPIC.identifier)
    }

    /// Gives a vector back. After this returns its handler does not run and will not.
    public static func releaseVector(_ vector: UInt8) {
        let route = lines.withLock { $0.byVector[Int(vector)].route }
        route?.mask()
        awaitHandler(vector)
        // Objects are dropped outside the lock.
        let handler = handlers[Int(vector)]
        let line: Line = lines.withLock { lines in
            handlers[Int(vector)] = nil
            let line = lines.byVector[Int(vector)]
            lines.byVector[Int(vector)] = Line()
            return line
        }
        _ = (handler, line.route)
    }

    /// Waits until no other processor is in the handler of a vector.
    private static func awaitHandler(_ vector: UInt8) {
        for processor in 0..<Processors.count {
            let block = Processors[processor]
            if block == PerCPU.current { continue }
            while block.pointee.servedVector.load(ordering: .acquiring) == vector { machinePause() }
        }
    }

    /// The vectors that have a handler.
    public static var usedVectors: [Int] { (32..<256).filter { handlers[$0] != nil } }
    /// Whether a vector is a device's, not the processor's own.
    public static func isDevice(_ vector: Int) -> Bool { vector >= 32 && vector <= lastDynamic && handlers[vector] != nil }
    /// Who handles a vector.
    public static func name(of vector: Int) -> StaticString { handlers[vector]?.name ?? "nobody" }
    /// How it comes.
    public static func kind(of vector: Int) -> StaticString {
        lines.withLock { $0.byVector[vector].route }?.kind ?? (vector < firstDynamic ? "XT-PIC" : "")
    }
    /// How often nobody claimed an interrupt of a vector.
    public static func unclaimed(_ vector: Int) -> UInt64 { guards[vector].unclaimedEver }

    /// The handler of one of the processor's own vectors.
    public static func setHandler(_ handler: InterruptHandler, vector: UInt8) { handlers[Int(vector)] = handler }

    // MARK: Where they go

    /// Chooses the processor for a vector.
    /// - Returns: its number for controllers; nil when it is to stay where it is.
    private static func place(_ vector: Int, _ lines: inout Lines) -> UInt32? {
        var loads = [Int](repeating: 0, count: Processors.count)
        for (other, line) in lines.byVector.enumerated() {
            if other != vector, line.isTaken, line.route != nil, line.processor < loads.count { loads[line.processor] += 1 }
        }
        // IOAPICs and messages have eight bits for the processor.
        var reachable: UInt64 = 0
        for processor in loads.indices where Processors[processor].pointee.identifier < 255 {
            reachable |= 1 << UInt64(processor)
        }
        let allowed = lines.byVector[vector].allowed & reachable
        guard let processor = InterruptBalance.choose(allowed: allowed, loads: loads) else { return nil }
        lines.byVector[vector].processor = processor
        return Processors[processor].pointee.identifier
    }

    /// The processors that an interrupt may go to, and the one that it goes to; nil for one that cannot be sent elsewhere.
    public static func affinity(of vector: Int) -> (allowed: UInt64, processor: Int)? {
        lines.withLock { lines in
            let line = lines.byVector[vector]
            guard line.isTaken, line.route != nil else { return nil }
            return (line.allowed & Processors.mask, line.processor)
        }
    }

    public enum AffinityError: Error { case noProcessor, fixed }

    /// Says to which processors an interrupt may go; it leaves another one at once.
    public static func setAffinity(of vector: Int, to allowed: UInt64) throws(AffinityError) {
        guard allowed & Processors.mask != 0 else { throw .noProcessor }
        let (route, target): (InterruptRoute?, UInt32?) = lines.withLock { lines in
            guard lines.byVector[vector].isTaken, let route = lines.byVector[vector].route else { return (nil, nil) }
            lines.byVector[vector].allowed = allowed
            if allowed >> UInt64(lines.byVector[vector].processor) & 1 != 0 { return (route, nil) }
            return (route, place(vector, &lines))
        }
        guard let route else { throw .fixed }
        if let target { route.direct(to: target) }
    }

    // MARK: Lines

    /// Sends a legacy ISA interrupt to a handler.
    /// - Returns: false when no controller has that line.
    public static func routeLegacy(irq: UInt8, to handler: InterruptHandler) -> Bool {
        guard irq < 16 else { return false }
        if !usesAPIC {
            handlers[32 + Int(irq)] = handler
            LegacyPIC.unmask(irq)
            return true
        }
        let line = topology.input(ofLegacy: irq)
        return route(input: line.input, isLevel: line.isLevel, isActiveLow: line.isActiveLow, to: handler)
    }

    /// Sends a PCI INTx line (its "interrupt line" register) to a handler: level-triggered, active low.
    public static func routePCI(line: UInt8, to handler: InterruptHandler) -> Bool {
        if !usesAPIC { return routeLegacy(irq: line, to: handler) }
        return route(input: UInt32(line), isLevel: true, isActiveLow: true, to: handler)
    }

    private static func route(input: UInt32, isLevel: Bool, isActiveLow: Bool, to handler: InterruptHandler) -> Bool {
        guard let controller = ioAPIC(of: input), let vector = allocateVector(handler) else { return false }
        setRoute(
            IOAPICRoute(
                controller, input: input - controller.firstInput, vector: vector, isLevel: isLevel, isActiveLow: isActiveLow),
            of: vector)
        return true
    }

    /// The controller that has a global input.
    static func ioAPIC(of input: UInt32) -> IOAPICController? {
        for controller in ioAPICs {
            if input >= controller.firstInput, input - controller.firstInput < controller.inputCount { return controller }
        }
        return nil
    }

    /// The address a device writes to for a message-signalled interrupt (SDM volume 3A, 11.11.1).
    public static func messageAddress(for identifier: UInt32) -> UInt64 { 0xfee0_0000 | UInt64(identifier & 0xff) << 12 }
    /// The data it writes: fixed delivery, edge-triggered.
    public static func messageData(_ vector: UInt8) -> UInt32 { UInt32(vector) }
    /// Whether message-signalled interrupts can be delivered.
    public static var supportsMessages: Bool { usesAPIC }

    // MARK: Delivery

    /// Makes another processor look whether the scheduler wants something of it.
    @inline(__always)
    public static func sendReschedule(to processor: Int) {
        LocalAPIC.send(rescheduleVector, to: Processors[processor].pointee.identifier)
    }

    /// Handles an interrupt: called by the trap dispatcher for vectors from 32 up.
    public static func dispatch(vector: UInt8) {
        let count = PerCPU.interruptCounts + Int(vector)
        count.pointee &+= 1
        // Neither the local APIC nor the PIC waits for the end of one that it has not delivered.
        if vector == spuriousVector { return }
        if !usesAPIC, vector >= 32, vector < 48, LegacyPIC.isSpurious(vector - 32) {
            (PerCPU.interruptCounts + Int(spuriousVector)).pointee &+= 1
            return
        }
        let own = PerCPU.current
        own.pointee.interruptDepth += 1
        if usesAPIC, vector < timerVector {
            // A device's. The local APIC keeps back what is not of a higher priority class than the one in service, so what may come
            // now is the processor's own: timer, reschedule, request. None of them switches threads on its way out.
            own.pointee.servedVector.store(vector, ordering: .releasing)
            own.pointee.preemptionDepth &+= 1
            machineRestore(0x200)
            serve(vector, isFirst: count.pointee == 1)
            _ = machineSave()
            own.pointee.preemptionDepth &-= 1
            own.pointee.servedVector.store(0, ordering: .releasing)
        } else {
            serve(vector, isFirst: count.pointee == 1)
        }
        own.pointee.interruptDepth -= 1
        if usesAPIC { LocalAPIC.endOfInterrupt() } else if vector < 48 { LegacyPIC.endOfInterrupt(vector - 32) }
    }

    @inline(__always)
    private static func serve(_ vector: UInt8, isFirst: Bool) {
        if let handler = handlers[Int(vector)] {
            if guards[Int(vector)].note(handler.serve()) { shutOff(vector) }
        } else {
            if isFirst { Log.warning("interrupts: vector \(vector) has no handler") }
            if guards[Int(vector)].note(.notMine) { shutOff(vector) }
        }
    }

    /// Raises an interrupt on this processor, as its device would.
    public static func raiseHere(_ vector: UInt8) { LocalAPIC.send(vector, to: PerCPU.current.pointee.identifier) }

    /// Masks an interrupt that comes again and again without anybody having asked for it.
    private static func shutOff(_ vector: UInt8) {
        let route = lines.withLock { $0.byVector[Int(vector)].route }
        route?.mask()
        if !usesAPIC, vector < 48 { LegacyPIC.mask(vector - 32) }
        Log.warning("interrupts: nobody claims those of vector \(vector) (\(name(of: Int(vector)))); it is shut off")
    }

    /// Counts an NMI, which is not dispatched.
    public static func countNonMaskable() { (PerCPU.interruptCounts + 2).pointee &+= 1 }
}

/// The local APIC has noticed an error, such as a message to nobody.
final class APICErrorInterrupt: InterruptHandler {
    override var name: StaticString { "APIC errors" }
    override func handle() { LocalAPIC.clearErrors() }
}
