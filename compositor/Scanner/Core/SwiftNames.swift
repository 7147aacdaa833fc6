// Protocol names (snake case) as Swift names.

enum SwiftName {
    private static let keywords: Set<String> = [
        "as", "associatedtype", "break", "case", "catch", "class", "continue", "default", "defer", "deinit", "do", "else", "enum",
        "extension", "fallthrough", "false", "for", "func", "guard", "if", "import", "in", "init", "inout", "internal", "is",
        "let",
        "nil", "operator", "private", "protocol", "public", "repeat", "return", "self", "static", "struct", "subscript", "super",
        "switch", "throw", "throws", "true", "try", "typealias", "var", "where", "while",
    ]

    /// `wl_shm_pool` → `WlShmPool`.
    static func type(_ name: String) -> String {
        name.split(separator: "_").map { $0.prefix(1).uppercased() + $0.dropFirst() }.joined()
    }

    /// `set_input_region` → `setInputRegion`, as an argument label: keywords are allowed there.
    static func label(_ name: String) -> String {
        let joined = type(name)
        let word = joined.prefix(1).lowercased() + joined.dropFirst()
        if let first = word.first, first.isNumber { return "_" + word }
        return word
    }

    /// The same as a declaration or a value: keywords are quoted.
    static func member(_ name: String) -> String {
        let word = label(name)
        return keywords.contains(word) ? "`\(word)`" : word
    }

    /// The type of an enumeration. `error` is renamed, for it would hide `Swift.Error` where it is used.
    static func enumeration(_ name: String) -> String { name == "error" ? "ErrorCode" : type(name) }

    /// `format` inside `wl_shm` or `wl_shm.format` anywhere → `WlShm.Format`.
    static func enumerationReference(_ name: String, in interface: String) -> String {
        let parts = name.split(separator: ".")
        return parts.count == 2
            ? type(String(parts[0])) + "." + enumeration(String(parts[1])) : type(interface) + "." + enumeration(name)
    }
}
