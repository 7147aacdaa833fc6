// The compositor's command line.

import Gfx

/// How the compositor is to run.
public struct Options {
    public enum Backend: Sendable { case kms, headless }

    public var backend = Backend.kms
    public var card = "/dev/dri/card0"
    public var inputDirectory = "/dev/input"
    public var size = Size(width: 1280, height: 800)
    public var socket = "wayland-0"
    public var keymap = "us"
    public var dataDirectory = "/usr/share/martlet"
    public var applicationsDirectory = ""
    public var isLight = false
    /// "scalar" or "vector"; measured at start if empty.
    public var blendKernel = ""
    public var terminal = "/usr/bin/terminal"
    /// Programs to start with the desktop.
    public var start: [String] = []
    /// Whether clients get the protocols that give power over others: lists of windows, virtual pointers.
    public var trustsClients = false
    /// Interfaces of which an older version than the newest is offered, for clients that bind what is offered and do not know it.
    public var versionLimits: [(interface: String, version: UInt32)] = []
    /// Whether standard input is read as commands (headless only).
    public var readsCommands = false

    public static var usage: String {
        """
        usage: compositor [--backend=kms|headless] [--size=WxH] [--socket=NAME] [--keymap=NAME] [--data=DIR]
                          [--applications=DIR] [--card=PATH] [--input=DIR] [--theme=dark|light] [--blend=scalar|vector]
                          [--terminal=PROGRAM] [--start=PROGRAM]... [--commands] [--trust-clients]
                          [--limit-version=INTERFACE:VERSION]...
        """
    }

    public init() {}

    /// Reads arguments without the program's name; nil and a reason for one that is not understood.
    public static func parse(_ arguments: [String]) -> (options: Options?, problem: String) {
        var options = Options()
        for argument in arguments {
            let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let value = parts.count == 2 ? String(parts[1]) : ""
            switch (String(parts[0]), value) {
            case ("--backend", "kms"): options.backend = .kms
            case ("--backend", "headless"): options.backend = .headless
            case ("--card", _) where !value.isEmpty: options.card = value
            case ("--input", _) where !value.isEmpty: options.inputDirectory = value
            case ("--size", _):
                let sides = value.split(separator: "x").compactMap { Int32($0) }
                guard sides.count == 2, (320...16384).contains(sides[0]), (200...16384).contains(sides[1]) else {
                    return (nil, "\(value) is not a size")
                }
                options.size = Size(width: sides[0], height: sides[1])
            case ("--socket", _) where !value.isEmpty && !value.utf8.contains(UInt8(ascii: "/")): options.socket = value
            case ("--keymap", _) where !value.isEmpty && !value.utf8.contains(UInt8(ascii: "/")): options.keymap = value
            case ("--data", _) where !value.isEmpty: options.dataDirectory = value
            case ("--applications", _) where !value.isEmpty: options.applicationsDirectory = value
            case ("--theme", "dark"): options.isLight = false
            case ("--theme", "light"): options.isLight = true
            case ("--blend", "scalar"), ("--blend", "vector"): options.blendKernel = value
            case ("--terminal", _) where !value.isEmpty: options.terminal = value
            case ("--start", _) where !value.isEmpty: options.start.append(value)
            case ("--commands", ""): options.readsCommands = true
            case ("--limit-version", _):
                let limit = value.split(separator: ":")
                guard limit.count == 2, let version = UInt32(limit[1]), version > 0 else {
                    return (nil, "\(value) is not INTERFACE:VERSION")
                }
                options.versionLimits.append((String(limit[0]), version))
            case ("--trust-clients", ""): options.trustsClients = true
            default: return (nil, "\(argument) is not understood")
            }
        }
        if options.applicationsDirectory.isEmpty { options.applicationsDirectory = options.dataDirectory + "/applications" }
        return (options, "")
    }
}
