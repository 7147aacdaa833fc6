// Applications that can be started: desktop entries (Desktop Entry Specification 1.5, the keys that matter here).

/// One entry of the launcher.
public struct AppEntry: Equatable, Sendable {
    public var name = ""
    public var comment = ""
    public var keywords = ""
    /// The program and its arguments.
    public var command: [String] = []
    public var icon = ""
    public var appID = ""

    /// What the launcher offers beside applications: ends of the session, last in its list.
    static var actions: [AppEntry] {
        [
            AppEntry(
                "Restart", "End all programs and start the machine anew", keywords: "reboot power", "reboot", icon: "restart"),
            AppEntry(
                "Shut Down", "End all programs and switch the machine off", keywords: "poweroff halt", "poweroff", icon: "power"),
        ]
    }

    private init(_ name: String, _ comment: String, keywords: String, _ program: String, icon: String) {
        self.name = name
        self.comment = comment
        self.keywords = keywords
        self.icon = icon
        command = [program]
    }

    /// Reads a desktop file; nil if it is not to be shown or lacks a name or a command.
    public init?(desktopFile text: String, appID: String) {
        var isInEntry = false
        var isHidden = false
        for line in text.split(separator: "\n") {
            let line = AppEntry.trimmed(line)
            if line.first == "[" {
                isInEntry = line == "[Desktop Entry]"
                continue
            }
            guard isInEntry, line.first != "#", let equals = line.firstIndex(of: "=") else { continue }
            let key = AppEntry.trimmed(line[..<equals])
            let value = String(AppEntry.trimmed(line[line.index(after: equals)...]))
            switch key {
            case "Name": name = value
            case "Comment": comment = value
            case "Keywords": keywords = value
            case "Icon": icon = value
            case "Exec": command = AppEntry.words(value)
            case "NoDisplay", "Hidden": isHidden = isHidden || value == "true"
            case "Type": isHidden = isHidden || value != "Application"
            default: break
            }
        }
        self.appID = appID
        guard !isHidden, !name.isEmpty, !command.isEmpty else { return nil }
    }

    private static func trimmed(_ text: Substring) -> Substring {
        var text = text
        while let first = text.utf8.first, first == 0x20 || first == 0x09 || first == 0x0d { text = text.dropFirst() }
        while let last = text.utf8.last, last == 0x20 || last == 0x09 || last == 0x0d { text = text.dropLast() }
        return text
    }

    /// Splits a command line; double quotes join words, and field codes (`%u`) are left out: no file is opened with it.
    static func words(_ line: String) -> [String] {
        var result: [String] = []
        var word: [UInt8] = []
        var isQuoted = false
        var hasWord = false
        var isEscaped = false
        func finish() {
            if hasWord, word.first != UInt8(ascii: "%") { result.append(String(decoding: word, as: UTF8.self)) }
            word = []
            hasWord = false
        }
        for byte in line.utf8 {
            if isEscaped {
                word.append(byte)
                isEscaped = false
            } else if isQuoted, byte == UInt8(ascii: "\\") {
                isEscaped = true
            } else if byte == UInt8(ascii: "\"") {
                isQuoted.toggle()
                hasWord = true
            } else if byte == 0x20, !isQuoted {
                finish()
            } else {
                word.append(byte)
                hasWord = true
            }
        }
        finish()
        return result
    }

    /// How well the entry answers a query; nil if it does not. Smaller is better.
    func rank(for query: String) -> Int? {
        if query.isEmpty { return 0 }
        let wanted = AppEntry.folded(query)
        let name = AppEntry.folded(self.name)
        if AppEntry.find(wanted, in: name) == 0 { return 0 }
        if let at = AppEntry.find(wanted, in: name) { return name[at - 1] == 0x20 ? 1 : 2 }
        if AppEntry.find(wanted, in: AppEntry.folded(keywords)) != nil { return 3 }
        if AppEntry.find(wanted, in: AppEntry.folded(comment)) != nil { return 4 }
        return nil
    }

    /// The bytes with ASCII capitals made small.
    private static func folded(_ text: String) -> [UInt8] { text.utf8.map { $0 >= 0x41 && $0 <= 0x5a ? $0 + 32 : $0 } }

    private static func find(_ needle: [UInt8], in text: [UInt8]) -> Int? {
        guard needle.count <= text.count else { return nil }
        return (0...(text.count - needle.count)).first { start in needle.indices.allSatisfy { text[start + $0] == needle[$0] } }
    }

    /// The entries that answer a query, best first.
    public static func search(_ entries: [AppEntry], _ query: String) -> [AppEntry] {
        var ranked: [(rank: Int, index: Int)] = []
        for (index, entry) in entries.enumerated() { if let rank = entry.rank(for: query) { ranked.append((rank, index)) } }
        ranked.sort { $0.rank == $1.rank ? $0.index < $1.index : $0.rank < $1.rank }
        return ranked.map { entries[$0.index] }
    }
}
