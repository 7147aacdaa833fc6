// Generates the Wayland bindings of a target while it is built: one Swift file a protocol.
// A target whose name ends in "Server" gets the server's side, any other one the client's.

import Foundation
import PackagePlugin

@main
struct ScannerPlugin: BuildToolPlugin {
    /// Generated file and protocol description, as the distribution's packages install them. A relative path is of a
    /// description in this repository, in compositor/Protocols: no package has it.
    static let protocols = [
        ("Wayland", "/usr/share/wayland/wayland.xml"),
        ("XdgShell", "/usr/share/wayland-protocols/stable/xdg-shell/xdg-shell.xml"),
        ("XdgDecoration", "/usr/share/wayland-protocols/unstable/xdg-decoration/xdg-decoration-unstable-v1.xml"),
        ("XdgOutput", "/usr/share/wayland-protocols/unstable/xdg-output/xdg-output-unstable-v1.xml"),
        ("PointerConstraints", "/usr/share/wayland-protocols/unstable/pointer-constraints/pointer-constraints-unstable-v1.xml"),
        ("RelativePointer", "/usr/share/wayland-protocols/unstable/relative-pointer/relative-pointer-unstable-v1.xml"),
        ("PrimarySelection", "/usr/share/wayland-protocols/unstable/primary-selection/primary-selection-unstable-v1.xml"),
        ("Viewporter", "/usr/share/wayland-protocols/stable/viewporter/viewporter.xml"),
        ("PresentationTime", "/usr/share/wayland-protocols/stable/presentation-time/presentation-time.xml"),
        ("FractionalScale", "/usr/share/wayland-protocols/staging/fractional-scale/fractional-scale-v1.xml"),
        ("SinglePixelBuffer", "/usr/share/wayland-protocols/staging/single-pixel-buffer/single-pixel-buffer-v1.xml"),
        ("ForeignToplevel", "wlr-foreign-toplevel-management-unstable-v1.xml"),
        ("VirtualPointer", "wlr-virtual-pointer-unstable-v1.xml"),
        ("LayerShell", "wlr-layer-shell-unstable-v1.xml"),
    ]

    func createBuildCommands(context: PluginContext, target: Target) throws -> [Command] {
        let side = target.name.hasSuffix("Server") ? "server" : "client"
        let scanner = try context.tool(named: "WaylandScanner")
        return Self.protocols.map { name, path in
            let description =
                path.hasPrefix("/")
                ? URL(filePath: path)
                : context.package.directoryURL.appending(path: "compositor/Protocols").appending(path: path)
            let output = context.pluginWorkDirectoryURL.appending(path: "\(name).swift")
            return .buildCommand(
                displayName: "Generating \(side) bindings of \(name)", executable: scanner.url,
                arguments: [side, description.path(), output.path()], inputFiles: [description], outputFiles: [output])
        }
    }
}
