// Reading the command line: options with values, in order, and the words that are left.

import TestDriver

/// The words after the subcommand, taken one by one.
struct Arguments {
    private var words: [String]

    init(_ words: some Sequence<String>) { self.words = Array(words) }

    var isEmpty: Bool { words.isEmpty }

    /// The next word, or nil at the end.
    mutating func next() -> String? { words.isEmpty ? nil : words.removeFirst() }

    /// The value of an option; throws when there is none.
    mutating func value(of option: String) throws -> String {
        guard let value = next() else { throw TestFailure("\(option) needs a value") }
        return value
    }

    /// A positive number as the value of an option.
    mutating func number(of option: String) throws -> Int {
        let text = try value(of: option)
        guard let number = Int(text), number > 0 else { throw TestFailure("\(option): \"\(text)\" is not a positive number") }
        return number
    }
}
