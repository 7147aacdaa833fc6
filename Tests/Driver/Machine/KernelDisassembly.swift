// The kernel saves no floating-point or vector registers of its own, so no instruction of it may touch them, except in
// the stubs that save and restore those of the programs.

import Foundation

/// Instructions of a linked kernel that use x87, MMX, SSE or AVX state.
public enum KernelDisassembly {
    /// The stubs that exist to save and restore the state.
    public static let allowedSymbols: Set<String> = [
        "martlet_xsave", "martlet_xsaveopt", "martlet_xsaves", "martlet_xrstor", "martlet_xrstors", "martlet_fxsave",
        "martlet_fxrstor", "martlet_fninit", "martlet_ldmxcsr", "martlet_user_xsave", "martlet_user_xrstor",
    ]

    /// Disassembles an ELF file that has symbols and lists the offenders as `symbol: instruction`.
    public static func offenders(in elf: URL) throws -> [String] {
        try require(FileManager.default.isReadableFile(atPath: elf.path), "\(elf.path) is missing: run `make kernel` first")
        let text = try Subprocess.check(["llvm-objdump", "-d", "--no-show-raw-insn", elf.path], seconds: 120)
        return try offenders(inDisassembly: text)
    }

    static func offenders(inDisassembly text: String) throws -> [String] {
        var (symbol, found, count): (Substring, [String], Int) = ("", [], 0)
        for line in text.split(separator: "\n") {
            if line.hasSuffix(">:"), let start = line.firstIndex(of: "<") {
                symbol = line[line.index(after: start)...].dropLast(2)
                continue
            }
            guard let colon = line.firstIndex(of: ":") else { continue }
            let instruction = line[line.index(after: colon)...].drop { $0 == " " || $0 == "\t" }
            let name = instruction.prefix { $0 != " " && $0 != "\t" }
            if name.isEmpty || symbol.isEmpty { continue }
            count += 1
            if usesState(name, instruction), !allowedSymbols.contains(String(symbol)) {
                found.append("\(symbol): \(instruction)")
            }
        }
        try require(count > 1000, "only \(count) instructions with symbols: is this a kernel?")
        return found
    }

    private static func usesState(_ name: Substring, _ instruction: Substring) -> Bool {
        for register in ["%xmm", "%ymm", "%zmm", "%mm", "%st"] where instruction.contains(register) { return true }
        // Every x87 instruction starts with f, and so do the two that save all state.
        if name.hasPrefix("f") || name == "emms" || name == "wait" || name == "vzeroupper" { return true }
        return ["xsave", "xrstor", "ldmxcsr", "stmxcsr", "vldmxcsr", "vstmxcsr"].contains { name.hasPrefix($0) }
    }
}
