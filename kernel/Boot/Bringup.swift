import ABI
import ACPI
import Devices
import Files
import Frames
import Processor
import Scheduling
import Support
import Syscalls
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
        guard let thread = Thread(id: 2, name: "boot", entry: { _ in run() }) else { panic("no memory for threads") }
        Scheduler.launch(thread)
    }

    private static func run() -> Never {
        guard let boot, let options, let acpi else { panic("the boot thread started twice") }
        if let test = options.value("martlet.test"), test.elementsEqual("panic".utf8) {
            panic("test of the panic path, asked for on the command line")
        }
        registerSystemCalls()
        registerFileSystems()
        startDevices(boot, acpi)
        let root = RootFileSystem.mount(options)
        FirstProgram.start(root: root, options)
        Scheduler.exitCurrent()
    }

    private static func registerSystemCalls() {
        ProcessCalls.register(&SyscallEntry.table)
        ExecCalls.register(&SyscallEntry.table)
        SignalCalls.register(&SyscallEntry.table)
        TimeCalls.register(&SyscallEntry.table)
        FutexCalls.register(&SyscallEntry.table)
        IdentityCalls.register(&SyscallEntry.table)
        SystemCalls.register(&SyscallEntry.table)
        MemoryCalls.register(&SyscallEntry.table)
        FileCalls.register(&SyscallEntry.table)
        NameCalls.register(&SyscallEntry.table)
        AttributeCalls.register(&SyscallEntry.table)
        DescriptorCalls.register(&SyscallEntry.table)
        PollCalls.register(&SyscallEntry.table)
        MountCalls.register(&SyscallEntry.table)
    }

    private static func registerFileSystems() {
        MemoryDevices.register()
        FileSystemTypes.register(TmpFileSystemType())
        RootFileSystem.deviceFileSystem = DeviceFileSystem()
        FileSystemTypes.register(DeviceFileSystemType(RootFileSystem.deviceFileSystem!))
    }

    private static func startDevices(_ boot: BootInformation, _ acpi: ACPITables) {
        let disk = boot.modules.first.map { (physical: PhysicalAddress($0.start), byteCount: $0.end - $0.start) }
        Devices.start(framebuffer: boot.framebuffer, ramDisk: disk)
    }
}
