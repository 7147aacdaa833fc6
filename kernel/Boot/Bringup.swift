import ABI
import ACPI
import Devices
import Display
import Ext2
import Files
import Frames
import Pipes
import ProcFS
import Processor
import Programs
import Scheduling
import Serial
import Support
import Syscalls
import Terminals
import VirtualMemory
import Tmpfs

/// What happens once threads run: drivers, root file system, first program.
enum Bringup {
    // Handed from the boot code to the thread that it starts; read there once.
    nonisolated(unsafe) private static var boot: BootInformation?
    nonisolated(unsafe) private static var options: CommandLine?
    nonisolated(unsafe) private static var acpi: ACPITables?

    static func start(_ boot: BootInformation, _ options: CommandLine, _ acpi: ACPITables) {
        self.boot = boot
        self.options = options
        self.acpi = acpi
        guard
            let thread = Thread(
                id: 2, name: "boot",
                entry: { _ in
                    run()
                    return nil
                })
        else { panic("no memory for threads") }
        Scheduler.launch(thread)
    }

    private static func run() {
        guard let boot, let options, let acpi else { panic("the boot thread started twice") }
        if let test = options.value("martlet.test") {
            ProcessorRequests.isDisabledForTest = test.elementsEqual("no-shootdown".utf8)
            Preemption.isOffForTest = test.elementsEqual("no-preemption".utf8)
        }
        registerSystemCalls()
        registerFileSystems(options)
        OtherProcessors.start(KernelTests.processors(acpi.interrupts.processorIDs, options), limit: options.number("maxcpus"))
        LockupWatch.start()
        #if LOCKDEP
            LockChecker.setSymbols { Symbols.find($0)?.name }
            LockChecker.start()
        #endif
        SharedObject.start()
        KernelTests.run(options)
        startDevices(boot, acpi)
        let root = RootFileSystem.mount(options)
        startHousekeeping()
        FirstProgram.start(root: root, options)
    }

    private static func registerSystemCalls() {
        var table = SyscallTable()
        ProcessCalls.register(&table)
        ExecCalls.register(&table)
        SignalCalls.register(&table)
        TimeCalls.register(&table)
        FutexCalls.register(&table)
        IdentityCalls.register(&table)
        SystemCalls.register(&table)
        PriorityCalls.register(&table)
        SchedulingCalls.register(&table)
        MemoryCalls.register(&table)
        FileCalls.register(&table)
        CopyCalls.register(&table)
        NameCalls.register(&table)
        AttributeCalls.register(&table)
        DescriptorCalls.register(&table)
        PollCalls.register(&table)
        MountCalls.register(&table)
        PipeCalls.register(&table)
        SocketCalls.register(&table)
        EventCalls.register(&table)
        FileCallVariants.register(&table)
        SyscallEntry.install(table)
    }

    private static func registerFileSystems(_ options: CommandLine) {
        MemoryDevices.register()
        TerminalDevices.register()
        FIFOOpener.install()
        FileSystemTypes.register(Ext2FileSystemType())
        FileSystemTypes.register(TmpFileSystemType())
        let devices = DeviceFileSystem()
        RootFileSystem.deviceFileSystem = devices
        FileSystemTypes.register(DeviceFileSystemType(devices))
        FileSystemTypes.register(
            ProcFileSystemType(
                ProcEnvironment(
                    release: SystemCalls.release, build: "#1 SMP Martlet", commandLine: options.text,
                    hostName: { SystemCalls.hostName.withLock { $0 } },
                    setHostName: { name in SystemCalls.hostName.withLock { $0 = name } })))
    }

    /// What happens from time to time, in a thread of its own.
    private static func startHousekeeping() {
        Housekeeping.add(WriteBack(), everySeconds: WriteBack.periodSeconds)
        Housekeeping.add(LoadAverage(), everySeconds: LoadAverage.periodSeconds)
        Housekeeping.start(threadID: 3)
        DeferredRelease.start(threadID: 5)
        BackgroundReclaim.start(threadID: 6, sources: MemorySources())
    }

    private static func startDevices(_ boot: BootInformation, _ acpi: ACPITables) {
        let disk = boot.modules.first.map { (physical: PhysicalAddress($0.start), byteCount: $0.end - $0.start) }
        startSerialTerminal()
        Panic.screenWriter = { PanicScreen.write($0) }
        Devices.start(framebuffer: boot.framebuffer, ramDisk: disk)
    }

    /// The first serial port becomes /dev/ttyS0 and the console.
    private static func startSerialTerminal() {
        guard let port = UART16550(), let terminal = SerialTerminal(port: port, index: 0) else {
            Log.notice("serial: no port")
            return
        }
        TerminalDevices.register(terminal, index: 0)
        TerminalDevices.console = terminal
    }
}
