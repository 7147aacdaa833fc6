import CLibc

/// The environment and the arguments of this process.
public enum Environment {
    /// A variable's value.
    public static subscript(_ name: String) -> String? {
        guard let value = getenv(name) else { return nil }
        return String(cString: value)
    }

    /// Sets a variable for this process and those that it starts.
    public static func set(_ name: String, _ value: String) { _ = setenv(name, value, 1) }

    public static func remove(_ name: String) { _ = unsetenv(name) }

    /// All variables as `NAME=value`.
    public static var all: [String] {
        var result: [String] = []
        guard var cursor = martlet_environment() else { return result }
        while let entry = cursor.pointee {
            result.append(String(cString: entry))
            cursor += 1
        }
        return result
    }

    /// The arguments, the zeroth being the program's name. To be read before any variable is set.
    ///
    /// Embedded Swift has no `CommandLine`. The System V ABI for x86-64 (3.4.1) puts the argument count, the arguments, a
    /// null and then the environment on the initial stack, so the arguments lie right below the environment.
    public static var arguments: [String] {
        #if hasFeature(Embedded)
            guard let environment = martlet_environment() else { return [] }
            let words = UnsafeMutableRawPointer(environment).assumingMemoryBound(to: UInt.self)
            // SAFETY: the words below the initial environment are those that the ABI names; a count that is not found
            // within the kernel's limit of arguments means that the environment has been replaced.
            guard words[-1] == 0 else { return [] }
            var count = 0
            while count < 4096, words[-2 - count] != UInt(count) { count += 1 }
            guard words[-2 - count] == UInt(count) else { return [] }
            return (0..<count).map { String(cString: environment[$0 - 1 - count]!) }
        #else
            return CommandLine.arguments
        #endif
    }
}
