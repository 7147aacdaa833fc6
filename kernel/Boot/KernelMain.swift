import ACPI
import Frames
import Processor
import RealTimeClock
import Scheduling
import Support
import Syscalls

/// The kernel's entry, on the boot stack with interrupts off. Brings up, in this order: console, memory, interrupts, time,
/// scheduler; the rest happens in a thread (`Bringup`).
/// - Parameters:
///   - imageOffset: how far the image was moved, in bytes.
///   - directMap: where the direct map begins.
///   - random: bits that nobody knows, for the other places that are chosen; 0 with `nokaslr`.
@c(martlet_boot)
public func kernelMain(_ magic: UInt32, _ address: UInt64, _ imageOffset: UInt64, _ directMap: UInt, _ random: UInt64) {
    kernelImageBase = kernelLinkBase &+ imageOffset
    directMapBase = directMap
    KernelMap.moveStacks(random)
    Clock.markBoot()
    EarlySerial.start()
    guard let boot = BootInformation(magic: magic, address: address) else {
        panic("the boot loader is neither PVH nor Multiboot2")
    }
    let options = CommandLine(boot.commandLine)
    applyConsoleOptions(options)
    Log.info("Martlet \(Version.string), loaded by \(boot.loader)")
    if !boot.commandLine.isEmpty { Log.info("command line: \(String(decoding: boot.commandLine, as: UTF8.self))") }

    Features.current = Features.detect()
    TicketLock.useQueue(!Features.current.isVirtual)
    CPU.enableProtections(keepsTranslations: !options.has("nopcid"))
    if CPU.keepsTranslations { Log.info("memory: translations are kept by process-context identifier") }
    ExtendedState.enable()
    let nodes = Nodes(ACPITables.nodes(rsdp: boot.rsdp) { mapEarly($0, $1, boot.memory) })
    Processors.registerFirst(nodes)
    SegmentTables.install()
    InterruptTable.load()
    KernelFault.reporter = { reportKernelFault($0, $1) }

    startMemory(boot, nodes)
    let acpi = ACPITables(rsdp: boot.rsdp, map: mapTable)
    Interrupts.start(acpi.interrupts) { KernelMap.mapDevice(PhysicalAddress($0), byteCount: 4096, caching: .uncached) }
    startClock(acpi, options)
    if let seconds = CMOSClock.read() {
        Clock.setRealtime(nanoseconds: seconds * 1_000_000_000)
    } else {
        Log.warning("clock: no real-time clock; time starts at 1970")
    }
    Power.install(acpi)

    guard let idle = OtherProcessors.makeIdleThread() else { panic("no memory for threads") }
    Scheduler.start(idle: idle)
    DeadlineTimer.start(TimerInterrupt())
    Bringup.start(boot, options, acpi)
    machineInterruptRestore(0x200)
    Scheduler.idleLoop()
}

/// Chooses what the clocks count by.
private func startClock(_ acpi: ACPITables, _ options: CommandLine) {
    let hpet = acpi.hpet.flatMap { KernelMap.mapDevice(PhysicalAddress($0), byteCount: 4096, caching: .uncached) }
    ClockKeeper.start(hpetMemory: hpet, powerTimerPort: acpi.powerTimerPort, wanted: options.value("clocksource"))
}

/// Has the clocks looked after. Armed only as often as what they count by needs.
final class ClockTimer: KernelTimer {
    func start() { arm(at: machineMonotonicNanoseconds() + ClockKeeper.longestPauseNanoseconds) }

    override func fire() {
        ClockKeeper.check()
        if !Clock.usesTimestamps { start() }
    }
}

/// The timer interrupt drives the scheduler.
final class TimerInterrupt: InterruptHandler {
    override var name: StaticString { "timer" }
    override func handle() { Scheduler.timerTick() }
}

private func applyConsoleOptions(_ options: CommandLine) {
    if options.has("quiet") { Log.consoleLevel = .warning }
    if let level = options.number("loglevel"), level <= 7 { Log.consoleLevel = LogLevel(rawValue: UInt8(level))! }
}

/// Free memory below which not even a shell could run.
private let leastFreeFrames = 768

/// Starts the allocators and builds the final page tables.
private func startMemory(_ boot: BootInformation, _ nodes: Nodes) {
    var reserved = boot.reserved
    reserved.append(MemoryRange(start: OtherProcessors.startPage, byteCount: 4096, kind: .reserved))
    let imageEnd = UInt64(KernelImage.imageEnd - KernelImage.virtualBase)
    reserved.append(MemoryRange(start: 0x100000, byteCount: imageEnd - 0x100000, kind: .reserved))
    for module in boot.modules {
        reserved.append(MemoryRange(start: module.start, byteCount: module.end - module.start, kind: .reserved))
    }
    let free = Frames.start(memoryMap: boot.memory, reserved: reserved, nodes: nodes) ? FrameAllocator.freeFrames : 0
    if free < leastFreeFrames {
        panic(
            "too little memory: \(free * 4) KiB are left beside the kernel; a shell needs \(leastFreeFrames * 4), the desktop 24000"
        )
    }
    let features = Features.current
    var paging: PagingFeatures = [.globalPages]
    if features.hasNoExecute { paging.insert(.noExecute) }
    if features.hasGiBPages { paging.insert(.gigabytePages) }
    let layout = KernelImageLayout(
        textStart: UInt64(KernelImage.textStart), textEnd: UInt64(KernelImage.textEnd),
        readOnlyEnd: UInt64(KernelImage.rodataEnd), end: UInt64(KernelImage.imageEnd))
    guard KernelMap.buildFinal(layout, features: paging) else { panic("too little memory: no room for page tables") }
    if nodes.count > 1 {
        for node in 0..<nodes.count {
            var frames = 0
            for zone in FrameAllocator.zoneReports where zone.node == node { frames += zone.managed }
            Log.info("memory: node \(node) has \(frames * 4) KiB")
        }
    }
    Log.info("memory: \(FrameAllocator.totalFrames * 4) KiB usable, \(FrameAllocator.freeFrames * 4) KiB free")
}

/// Shows a firmware table before there is an allocator: what the boot code has mapped, of what the memory map calls memory.
private func mapEarly(_ physical: UInt64, _ count: Int, _ memory: [MemoryRange]) -> UnsafeRawPointer? {
    let end = physical &+ UInt64(count)
    guard end >= physical, end <= 1 << 32 else { return nil }
    let isKnown = end <= 1 << 20 || memory.contains { physical >= $0.start && end - $0.start <= $0.byteCount }
    return isKnown ? UnsafeRawPointer(PhysicalAddress(physical).directMapped) : nil
}

/// Maps a firmware table for reading: RAM is in the direct map; anything else is mapped as a device.
private func mapTable(_ physical: UInt64, _ count: Int) -> UnsafeRawPointer? {
    for range in Frames.memoryMap
    where physical >= range.start && physical - range.start <= range.byteCount
        && UInt64(count) <= range.byteCount - (physical - range.start) && (range.kind != .reserved || range.start < 1 << 32)
    {
        return UnsafeRawPointer(PhysicalAddress(physical).directMapped)
    }
    if physical < 1 << 20 { return UnsafeRawPointer(PhysicalAddress(physical).directMapped) }
    let page = physical & ~4095
    let offset = Int(physical - page)
    guard let memory = KernelMap.mapDevice(PhysicalAddress(page), byteCount: offset + count, caching: .uncached) else {
        return nil
    }
    return UnsafeRawPointer(memory + offset)
}
