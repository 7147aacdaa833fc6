import Support

/// Someone who handles a device's interrupt.
open class InterruptHandler {
    /// What /proc/interrupts calls it.
    open var name: StaticString { "device" }
    public init() {}
    /// Called with interrupts off on the interrupted thread's stack. It must not sleep; it should not allocate.
    open func handle() {}
}

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
}

/// Vectors, their handlers and the controllers that deliver them.
///
/// Vectors 32 to 47 belong to the PIC's sixteen lines when there is no IOAPIC; 48 to 239 are handed out; 240 and above
/// are the processor's own.
public enum Interrupts {
    static let firstDynamic = 48
    static let lastDynamic = 239
    public static let timerVector: UInt8 = 240
    public static let spuriousVector: UInt8 = 255
    public static let rescheduleVector: UInt8 = 241
    static let requestVector: UInt8 = 242

    /// Handlers by vector. A slot is written once, before its interrupt can happen, under `allocation`.
    nonisolated(unsafe) private static var handlers = [InterruptHandler?](repeating: nil, count: 256)
    private static let allocation = SpinLock<Int>(firstDynamic)
    nonisolated(unsafe) private static var topology = InterruptTopology()
    nonisolated(unsafe) private static var ioAPICs: [IOAPICController] = []
    nonisolated(unsafe) public private(set) static var usesAPIC = false

    /// Brings the controllers up: local APIC and IOAPICs where they exist, else the PIC.
    /// - Parameter mapDevice: maps a page of device memory, uncached.
    public static func start(_ topology: InterruptTopology, mapDevice: (UInt64) -> UnsafeMutableRawPointer?) {
        self.topology = topology
        LegacyPIC.remapAndMask()
        guard Features.current.hasAPIC, !topology.ioAPICs.isEmpty, let base = mapDevice(topology.localAPIC) else {
            Log.notice("interrupts: no APIC; using the legacy controller")
            return
        }
        LocalAPIC.start(memory: base)
        setHandler(RescheduleInterrupt(), vector: rescheduleVector)
        setHandler(RequestInterrupt(), vector: requestVector)
        for description in topology.ioAPICs {
            guard let memory = mapDevice(description.physical) else { continue }
            ioAPICs.append(IOAPICController(memory: memory, firstInput: description.firstInput))
        }
        usesAPIC = true
    }

    /// Reserves a vector.
    /// - Returns: nil when all are taken.
    public static func allocateVector(_ handler: InterruptHandler) -> UInt8? {
        allocation.withLock { next in
            guard next <= lastDynamic else { return nil }
            let vector = next
            next += 1
            handlers[vector] = handler
            return UInt8(vector)
        }
    }

    /// The vectors that have a handler.
    public static var usedVectors: [Int] { (32..<256).filter { handlers[$0] != nil } }
    /// Who handles a vector.
    public static func name(of vector: Int) -> StaticString { handlers[vector]?.name ?? "nobody" }

    /// The handler of one of the processor's own vectors.
    public static func setHandler(_ handler: InterruptHandler, vector: UInt8) { handlers[Int(vector)] = handler }

    /// Sends a legacy ISA interrupt to a handler.
    /// - Returns: false when no controller has that line.
    public static func routeLegacy(irq: UInt8, to handler: InterruptHandler) -> Bool {
        guard irq < 16 else { return false }
        if !usesAPIC {
            handlers[32 + Int(irq)] = handler
            LegacyPIC.unmask(irq)
            return true
        }
        var input = UInt32(irq)
        var isLevel = false
        var isActiveLow = false
        for override in topology.overrides where override.source == irq {
            input = override.input
            isLevel = override.isLevel
            isActiveLow = override.isActiveLow
        }
        return route(input: input, isLevel: isLevel, isActiveLow: isActiveLow, to: handler)
    }

    /// Sends a PCI INTx line (its "interrupt line" register) to a handler: level-triggered, active low.
    public static func routePCI(line: UInt8, to handler: InterruptHandler) -> Bool {
        if !usesAPIC { return routeLegacy(irq: line, to: handler) }
        return route(input: UInt32(line), isLevel: true, isActiveLow: true, to: handler)
    }

    private static func route(input: UInt32, isLevel: Bool, isActiveLow: Bool, to handler: InterruptHandler) -> Bool {
        for controller in ioAPICs where input >= controller.firstInput && input - controller.firstInput < controller.inputCount {
            guard let vector = allocateVector(handler) else { return false }
            controller.program(
                input: input - controller.firstInput, vector: vector, isLevel: isLevel, isActiveLow: isActiveLow,
                destination: LocalAPIC.identifier)
            return true
        }
        return false
    }

    /// The address a device writes to for a message-signalled interrupt (SDM volume 3A, 11.11.1).
    public static func messageAddress(_ vector: UInt8) -> UInt64 { 0xfee0_0000 | UInt64(LocalAPIC.identifier & 0xff) << 12 }
    /// The data it writes: fixed delivery, edge-triggered.
    public static func messageData(_ vector: UInt8) -> UInt32 { UInt32(vector) }
    /// Whether message-signalled interrupts can be delivered.
    public static var supportsMessages: Bool { usesAPIC }

    /// Makes another processor look whether the scheduler wants something of it.
    @inline(__always)
    public static func sendReschedule(to processor: Int) {
        LocalAPIC.send(rescheduleVector, to: Processors[processor].pointee.identifier)
    }

    /// Handles an interrupt: called by the trap dispatcher for vectors from 32 up.
    public static func dispatch(vector: UInt8) {
        let count = PerCPU.interruptCounts + Int(vector)
        count.pointee &+= 1
        if vector == spuriousVector { return }
        if !usesAPIC, vector >= 32, vector < 48, LegacyPIC.isSpurious(vector - 32) { return }
        PerCPU.current.pointee.interruptDepth += 1
        if let handler = handlers[Int(vector)] {
            handler.handle()
        } else if count.pointee == 1 {
            Log.warning("interrupts: vector \(vector) has no handler")
        }
        PerCPU.current.pointee.interruptDepth -= 1
        if usesAPIC { LocalAPIC.endOfInterrupt() } else if vector < 48 { LegacyPIC.endOfInterrupt(vector - 32) }
    }
}
