import ACPI
import Processor
import Scheduling
import Support

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
        let options = self.options!
        if let test = options.value("martlet.test"), test.elementsEqual("panic".utf8) {
            panic("test of the panic path, asked for on the command line")
        }
        Log.info("threads run")
        Scheduler.exitCurrent()
    }
}
