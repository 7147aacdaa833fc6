import ABI
import Support

/// The arguments or the environment of a program: NUL-terminated strings one after the other, as they will lie on its stack.
public struct ProgramStrings {
    public private(set) var bytes: [UInt8] = []
    public private(set) var count = 0

    /// The longest single string, with its terminator (MAX_ARG_STRLEN).
    static let longest = 32 * 4096
    /// The most strings (a bound for the pointers, as Linux's MAX_ARG_STRINGS is for its own).
    static let maximumCount = 1 << 20

    public init() {}

    public init(_ strings: [[UInt8]]) { for string in strings { append(string) } }

    /// Adds a string, given without its terminator.
    public mutating func append(_ string: [UInt8]) {
        bytes.append(contentsOf: string)
        bytes.append(0)
        count += 1
    }

    /// Adds a string in front of the others (the interpreter of a script).
    public mutating func prepend(_ string: [UInt8]) {
        bytes.insert(0, at: 0)
        bytes.insert(contentsOf: string, at: 0)
        count += 1
    }

    /// Takes the first string out (a script's argv[0] is replaced).
    public mutating func removeFirst() {
        guard let end = bytes.firstIndex(of: 0) else { return }
        bytes.removeSubrange(0...end)
        count -= 1
    }

    /// The first string without its terminator.
    public var first: [UInt8] {
        guard let end = bytes.firstIndex(of: 0) else { return [] }
        return Array(bytes[0..<end])
    }

    /// Copies a NULL-terminated vector of string pointers in.
    /// - Parameters:
    ///   - vector: null is taken for an empty vector, as Linux does.
    ///   - limit: the most bytes that strings and pointers may take together.
    /// - Throws: `badAddress`; `argumentListTooLong`.
    public init(vector: UserAddress, limit: Int) throws(Errno) {
        if vector.isNull { return }
        var cursor = vector
        while true {
            let pointer = try copyIn(UInt64.self, from: cursor)
            if pointer == 0 { return }
            let room = limit - bytes.count - (count + 1) * 8
            guard room > 0, count < Self.maximumCount else { throw .argumentListTooLong }
            do throws(Errno) {
                bytes.append(contentsOf: try copyInString(from: UserAddress(pointer), limit: min(Self.longest - 1, room)))
            } catch {
                throw error == .nameTooLong ? .argumentListTooLong : error
            }
            bytes.append(0)
            count += 1
            cursor = cursor + 8
        }
    }

    /// The most that arguments and environment may take: a quarter of the stack's limit, between 128 KiB and 6 MiB.
    public static func limit(stackLimit: UInt64) -> Int { Int(max(min(stackLimit / 4, 6 << 20), UInt64(longest))) }
}
