// swift-tools-version: 6.2
// Every module of Martlet, what it may import and where it lives: the architecture, as code.
// A module can import only what its target lists, so a layer that reaches upward does not compile.
//
// Three builds share this file (see the Makefile):
//   - the kernel:   Embedded Swift, no SSE      (kernel/kernel.toolset.json)
//   - the programs: Embedded Swift with musl    (apps/programs.toolset.json)
//   - the host:     build tools and tests; it compiles the very same modules for `swift test`
import PackageDescription

/// Flags that every module of ours compiles with.
let common: [SwiftSetting] = [
    .enableExperimentalFeature("Extern"),
    .enableExperimentalFeature("Lifetimes"),
    .enableExperimentalFeature("SymbolLinkageMarkers"),
    .enableExperimentalFeature("BuiltinModule"),
    .enableExperimentalFeature("RawLayout"),
]

func module(
    _ name: String, _ path: String, _ dependencies: [Target.Dependency] = [], exclude: [String] = [],
    plugins: [Target.PluginUsage]? = nil
) -> Target {
    .target(name: name, dependencies: dependencies, path: path, exclude: exclude, swiftSettings: common, plugins: plugins)
}

// MARK: Kernel, lowest layer first

let kernel: [Target] = [
    module("ABI", "kernel/ABI"),
    module("Support", "kernel/Support", ["ABI"]),
    module("Processor", "kernel/Processor", ["ABI", "Support"], exclude: ["asm", "vdso"]),
    module("Frames", "kernel/Memory/Frames", ["Support", "Processor"]),
    module("KernelRuntime", "kernel/Memory/Runtime", ["Support", "Frames"], exclude: ["runtime.asm"]),
    module("FairQueue", "kernel/Tasks/FairQueue"),
    module("LockGraph", "kernel/Tasks/LockGraph"),
    module("RealTimeQueue", "kernel/Tasks/RealTimeQueue"),
    module(
        "Scheduling", "kernel/Tasks/Scheduling",
        ["ABI", "Support", "Processor", "Frames", "FairQueue", "RealTimeQueue", "LockGraph"]),
    module("VirtualMemory", "kernel/Memory/VirtualMemory", ["ABI", "Support", "Frames", "Scheduling"]),
    module("Processes", "kernel/Tasks/Processes", ["ABI", "Support", "Processor", "Frames", "Scheduling", "VirtualMemory"]),
    module("Programs", "kernel/Tasks/Programs", ["ABI", "Support", "Processor", "Frames", "VirtualMemory"]),
    module("Files", "kernel/Files/Core", ["ABI", "Support", "Processor", "Frames", "Scheduling", "VirtualMemory", "Processes"]),
    module("Tmpfs", "kernel/Files/Tmpfs", ["ABI", "Support", "Frames", "VirtualMemory", "Files"]),
    module("Ext2", "kernel/Files/Ext2", ["ABI", "Support", "Processor", "Frames", "Scheduling", "VirtualMemory", "Files"]),
    module(
        "ProcFS", "kernel/Files/Proc",
        ["ABI", "Support", "Processor", "Frames", "Scheduling", "VirtualMemory", "Processes", "Files"]),
    // Pipes, sockets, events and terminals.
    module("Pipes", "kernel/Files/Pipes", ["ABI", "Support", "Frames", "Scheduling", "VirtualMemory", "Processes", "Files"]),
    module("Sockets", "kernel/Files/Sockets", ["ABI", "Support", "Scheduling", "Processes", "Files"]),
    module("Events", "kernel/Files/Events", ["ABI", "Support", "Processor", "Scheduling", "Processes", "Files"]),
    module("LineDiscipline", "kernel/Files/LineDiscipline", ["ABI"]),
    module("Terminals", "kernel/Files/Terminals", ["ABI", "Support", "Scheduling", "Processes", "Files", "LineDiscipline"]),
    module(
        "Syscalls", "kernel/Syscalls",
        [
            "ABI", "Support", "Processor", "Frames", "Scheduling", "VirtualMemory", "Processes", "Programs", "Files", "Tmpfs",
            "Pipes",
            "Sockets", "Events",
        ]),
]

// MARK: Device drivers

let devices: [Target] = [
    module("RealTimeClock", "kernel/Devices/RTC", ["Processor"]),
    module("Serial", "kernel/Devices/Serial", ["Support", "Processor", "LineDiscipline", "Terminals"]),
    module("ACPI", "kernel/Devices/ACPI", ["Support", "Processor"]),
    module("PCIConfiguration", "kernel/Devices/PCI/Configuration"),
    module("VirtioQueue", "kernel/Devices/Virtio/Queue", ["PCIConfiguration"]),
    module("PCI", "kernel/Devices/PCI/Bus", ["PCIConfiguration", "Support", "Processor", "Frames"]),
    module(
        "Virtio", "kernel/Devices/Virtio/Transport", ["VirtioQueue", "PCI", "PCIConfiguration", "Support", "Processor", "Frames"]),
    module(
        "Block", "kernel/Devices/Block",
        ["ABI", "Files", "Virtio", "VirtioQueue", "PCI", "Support", "Processor", "Frames", "Scheduling"]),
    module("DisplayModel", "kernel/Devices/Display/Model", ["ABI"]),
    module(
        "Display", "kernel/Devices/Display",
        [
            "ABI", "DisplayModel", "PixelFormats", "Files", "VirtualMemory", "Virtio", "VirtioQueue",
            "PCI", "Support", "Processor", "Frames", "Scheduling",
        ], exclude: ["Model"]),
    module("InputModel", "kernel/Devices/Input/Model", ["ABI"]),
    module(
        "Input", "kernel/Devices/Input/Devices",
        ["ABI", "InputModel", "Files", "Virtio", "VirtioQueue", "PCI", "Support", "Processor", "Frames", "Scheduling"]),
    module("Devices", "kernel/Devices/Start", ["Block", "Display", "Input", "PCI", "Files", "Support"]),
]

/// The top of the kernel: everything comes together here.
let boot: [Target] = [
    // Language mode 5: the compiler's data-race analysis of mode 6 crashes on this module (Swift 6.3.1).
    .target(
        name: "Boot",
        dependencies: [
            "ABI", "Support", "Processor", "Frames", "KernelRuntime", "Scheduling", "VirtualMemory", "Processes", "Programs",
            "Files",
            "Tmpfs", "Ext2", "ProcFS", "Pipes", "Terminals", "Syscalls", "ACPI", "RealTimeClock", "Serial", "Display", "Devices",
        ],
        path: "kernel/Boot",
        swiftSettings: common + [.swiftLanguageMode(.v5)])
]

// MARK: Graphics and fonts

/// The bakers are heavy arithmetic and run in tests too: they are optimised in every build.
let optimised: [SwiftSetting] = [.unsafeFlags(["-O"], .when(configuration: .debug))]

let graphics: [Target] = [
    module("PixelFormats", "gfx/Formats"),
    module("Gfx", "gfx/Pixels"),
    module("FontAtlas", "fonts/Format"),
    module("Text", "gfx/Text", ["Gfx", "FontAtlas"]),
    .target(name: "AtlasWriter", dependencies: ["FontAtlas"], path: "fonts/Writer", swiftSettings: optimised),
    module("ArtPack", "gfx/ArtPack", ["Gfx"]),
    module("Wallpaper", "gfx/Wallpaper", ["Gfx", "ArtPack"]),
    .target(name: "Paths", path: "gfx/Paths", swiftSettings: optimised),
    .target(name: "ArtBaker", dependencies: ["Paths", "ArtPack", "Wallpaper"], path: "gfx/Bake", swiftSettings: optimised),
    .executableTarget(name: "artbake", dependencies: ["ArtBaker"], path: "gfx/BakeTool"),
    .systemLibrary(name: "CFreeType", path: "fonts/CFreeType", pkgConfig: "freetype2"),
    .target(name: "FontBaker", dependencies: ["CFreeType", "AtlasWriter"], path: "fonts/Baker", swiftSettings: optimised),
    .executableTarget(name: "fontbake", dependencies: ["FontBaker", "AtlasWriter"], path: "fonts/BakerTool"),
]

// MARK: Compositor

let compositor: [Target] = [
    .target(name: "WaylandScannerCore", path: "compositor/Scanner/Core"),
    .executableTarget(name: "WaylandScanner", dependencies: ["WaylandScannerCore"], path: "compositor/Scanner/Tool"),
    .plugin(name: "ScannerPlugin", capability: .buildTool(), dependencies: ["WaylandScanner"], path: "compositor/ScannerPlugin"),
    module("WaylandWire", "compositor/Wire", ["System"]),
    module("Keymap", "compositor/Keymap"),
    .systemLibrary(name: "CXkbcommon", path: "compositor/CXkbcommon"),
    .executableTarget(name: "KeymapBaker", dependencies: ["CXkbcommon", "Keymap"], path: "compositor/KeymapBaker"),
    module("Scene", "compositor/Scene", ["Gfx"]),
    module("ShellPolicy", "compositor/Policy", ["Gfx"]),
    module("Tokens", "compositor/Tokens", ["Gfx"]),
    module("Chrome", "compositor/Chrome", ["Gfx", "ArtPack", "FontAtlas", "Text", "Scene", "Tokens"]),
    module("Screens", "compositor/Screens", ["ABI", "System", "Gfx"]),
    module("InputDevices", "compositor/Input", ["ABI", "System"]),
    module(
        "Desktop", "compositor/Desktop",
        [
            "CLibc", "System", "Gfx", "ArtPack", "Wallpaper", "FontAtlas", "Text", "Tokens", "Keymap", "Scene", "ShellPolicy",
            "Chrome",
            "CompositorCore", "Screens",
        ]),
    module(
        "CompositorHost", "compositor/Host",
        [
            "CLibc", "System", "Gfx", "ArtPack", "FontAtlas", "Tokens", "Keymap", "Scene", "Chrome", "CompositorCore", "Screens",
            "InputDevices",
            "Desktop",
        ]),
    module("Compositor", "compositor/Main", ["ProgramRuntime", "System", "CompositorHost"]),
    module(
        "CompositorCore", "compositor/Core",
        ["WaylandServer", "System", "CLibc", "Gfx", "Keymap", "Scene", "ShellPolicy", "Chrome"]),
    // The compositor as the conformance suite wlcs loads it; for the host only.
    .target(name: "WlcsEntry", path: "compositor/Wlcs/Entry", linkerSettings: [.linkedLibrary("wayland-client")]),
    module(
        "WlcsIntegration", "compositor/Wlcs/Integration",
        ["WlcsEntry", "System", "Gfx", "Scene", "Chrome", "Screens", "CompositorCore", "CompositorHost"]),
    module("WaylandServer", "compositor/ServerBindings", ["WaylandWire"], plugins: ["ScannerPlugin"]),
    module("WaylandClient", "compositor/ClientBindings", ["WaylandWire"], plugins: ["ScannerPlugin"]),
]

// MARK: Programs and what they share

let programs: [Target] = [
    .target(name: "CLibc", path: "apps/CLibc"),
    module("ProgramRuntime", "apps/Runtime", ["CLibc"]),
    module("System", "apps/System", ["ABI", "CLibc"]),
    module("VT", "apps/VT"),
    module("KeymapText", "apps/KeymapText", ["Keymap"]),
    module("Toolkit", "apps/Toolkit", ["System", "Gfx", "FontAtlas", "ArtPack", "Keymap", "KeymapText", "WaylandClient"]),
    module("TerminalView", "apps/Terminal/View", ["System", "Toolkit", "Tokens", "VT", "Text", "FontAtlas", "Gfx", "Keymap"]),
    module("Supervision", "apps/Init/Supervision"),
    module("Init", "apps/Init/Main", ["ProgramRuntime", "System", "Supervision"]),
    module("Terminal", "apps/Terminal/Main", ["ProgramRuntime", "System", "Toolkit", "TerminalView"]),
]

/// A program is a static library here; the Makefile links it with musl.
func program(_ name: String) -> Product { .library(name: name + "Program", type: .static, targets: [name]) }

let programProducts: [Product] = [
    program("Init"),
    program("Compositor"),
    program("Terminal"),
    program("Conformance"),
    program("Bench"),
    program("Storm"),
]

// MARK: Tests

/// The QEMU driver, its scenarios and the programs that judge the system.
let judges: [Target] = [
    .systemLibrary(name: "CZlib", path: "Tests/Driver/CZlib"),
    .target(name: "TestDriver", dependencies: ["CZlib"], path: "Tests/Driver/Machine"),
    .target(name: "Scenarios", dependencies: ["TestDriver"], path: "Tests/Scenarios", exclude: ["Approved"]),
    .executableTarget(name: "martlet-test", dependencies: ["TestDriver", "Scenarios"], path: "Tests/Driver/Command"),
    .target(name: "CTestSystem", path: "Tests/Differential/CTestSystem"),
    module("TestCalls", "Tests/Differential/TestCalls", ["CTestSystem"]),
    module("Conformance", "Tests/Differential/Conformance", ["CTestSystem", "TestCalls", "ProgramRuntime"]),
    module("Bench", "Tests/Bench", ["CTestSystem", "TestCalls", "ProgramRuntime"], exclude: ["linux-figures.txt"]),
    module("Storm", "Tests/Storm", ["CTestSystem", "TestCalls", "ProgramRuntime"]),
    .testTarget(name: "TestDriverTests", dependencies: ["TestDriver"], path: "Tests/Driver/UnitTests"),
]

let tests: [Target] = [
    .target(name: "SeededRandom", path: "Tests/SeededRandom", swiftSettings: optimised),
    .target(name: "KernelSeams", dependencies: ["Support", "Processor", "Frames", "Scheduling"], path: "Tests/KernelSeams"),
    .testTarget(
        name: "ProcessorTests",
        dependencies: ["Processor", "ACPI", "RealTimeClock", "Support", "KernelSeams", "SeededRandom"],
        path: "Tests/ProcessorTests", swiftSettings: common),
    .testTarget(
        name: "MemoryTests",
        dependencies: ["ABI", "Support", "Frames", "Scheduling", "VirtualMemory", "Programs", "KernelSeams"],
        path: "Tests/MemoryTests", swiftSettings: common),
    .testTarget(
        name: "FilesTests", dependencies: ["ABI", "Support", "Processes", "Files", "Tmpfs", "Ext2", "ProcFS", "KernelSeams"],
        path: "Tests/FilesTests", swiftSettings: common),
    .testTarget(
        name: "DevicesTests",
        dependencies: [
            "PCIConfiguration", "VirtioQueue", "DisplayModel", "InputModel", "Display", "Input", "Files",
            "VirtualMemory", "Scheduling", "Block", "Frames", "Serial", "Terminals", "Support", "ABI", "KernelSeams",
        ],
        path: "Tests/DevicesTests", swiftSettings: common),
    .testTarget(
        name: "IPCTests",
        dependencies: [
            "ABI", "Support", "Frames", "Scheduling", "Files", "Pipes", "Sockets", "Events", "KernelSeams", "SeededRandom",
        ],
        path: "Tests/IPCTests"),
    // Long simulations: optimised in every build.
    .testTarget(
        name: "SchedulingTests", dependencies: ["FairQueue", "RealTimeQueue", "SeededRandom"], path: "Tests/SchedulingTests",
        swiftSettings: optimised),
    .testTarget(
        name: "LockTests", dependencies: ["LockGraph", "Support", "KernelSeams", "SeededRandom"], path: "Tests/LockTests",
        exclude: ["Fixtures"]),
    .testTarget(
        name: "LineDisciplineTests", dependencies: ["LineDiscipline", "SeededRandom"], path: "Tests/LineDisciplineTests"),
    .testTarget(
        name: "GfxTests", dependencies: ["Gfx", "PixelFormats", "Paths", "ArtPack", "ArtBaker", "Wallpaper"],
        path: "Tests/GfxTests"),
    .testTarget(
        name: "FontTests", dependencies: ["FontAtlas", "AtlasWriter", "FontBaker", "Text", "Gfx"], path: "Tests/FontTests"),
    .testTarget(
        name: "CompositorTests",
        dependencies: [
            "WaylandScannerCore", "WaylandClient", "System", "Gfx", "Scene", "ShellPolicy", "Keymap", "Chrome", "CompositorCore",
            "Desktop",
        ], path: "Tests/CompositorTests"),
    .executableTarget(
        name: "compositor-fuzz",
        dependencies: ["WaylandClient", "System", "Gfx", "Scene", "Keymap", "Chrome", "CompositorCore", "SeededRandom"],
        path: "Tests/Fuzz", swiftSettings: common, linkerSettings: [.linkedLibrary("m")]),
    .testTarget(
        name: "AppsTests",
        dependencies: [
            "System", "Supervision", "KeymapText", "Keymap", "CXkbcommon", "Toolkit", "Tokens", "Text", "Gfx", "WaylandServer",
        ], path: "Tests/AppsTests"),
    .testTarget(
        name: "TerminalTests", dependencies: ["VT", "TerminalView", "AtlasWriter", "FontAtlas", "Gfx"],
        path: "Tests/TerminalTests"),
]

let package = Package(
    name: "Martlet",
    products: [.library(name: "MartletKernel", type: .static, targets: ["Boot"])] + programProducts + [
        .executable(name: "martlet-test", targets: ["martlet-test"]),
        .library(name: "MartletWlcs", type: .dynamic, targets: ["WlcsIntegration"]),
    ],
    targets: kernel + devices + boot + graphics + compositor + programs + judges + tests
)
