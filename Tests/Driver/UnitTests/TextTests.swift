import Testing

@testable import TestDriver

@Suite struct TextTests {
    @Test func keystrokesOfACommandLine() throws {
        let keys = "Ls -l|~".map { Keystroke($0) }
        #expect(keys.compactMap { $0?.key.name } == ["l", "s", "spc", "minus", "l", "backslash", "grave_accent"])
        #expect(keys.compactMap { $0?.isShifted } == [true, false, false, false, false, true, true])
        #expect(Keystroke("é") == nil)
    }

    @Test func differenceShowsTheLineBefore() {
        let (count, report) = LineDifference.report("a\nb\nc\nd", "a\nb\nX\nd\ne", limit: 10)
        #expect(count == 3)
        #expect(report == "  b\n- c\n+ X\n  d\n+ e")
        #expect(LineDifference.report("a\nb", "a\nb", limit: 10).count == 0)
    }

    @Test func textIsFoundInBytes() {
        let bytes = Array("one two two".utf8)
        #expect(bytes.firstOccurrence(of: Array("two".utf8), from: 0) == 4)
        #expect(bytes.firstOccurrence(of: Array("two".utf8), from: 5) == 8)
        #expect(bytes.firstOccurrence(of: Array("three".utf8), from: 0) == nil)
    }

    private func disassembly(_ lines: String) -> String {
        let filler = (0..<1100).map { "ffffffff80200000: nop\($0)" }.joined(separator: "\n")
        return "ffffffff80100000 <martlet_boot>:\n\(filler)\n\(lines)\n"
    }

    @Test func vectorInstructionsAreFound() throws {
        let bad = disassembly(
            """
            ffffffff80100000 <one>:
            ffffffff80100001:      \tmovups\t%xmm0, (%rdi)
            ffffffff80100002:      \tfldl\t(%rsp)
            ffffffff80100003:      \tmovq\t%rax, %rbx
            """)
        #expect(try KernelDisassembly.offenders(inDisassembly: bad).count == 2)
    }

    @Test func stubsMaySaveState() throws {
        let good = disassembly(
            """
            ffffffff80100000 <martlet_xsave>:
            ffffffff80100001:      \txsave64\t(%rdi)
            ffffffff80100002 <two>:
            ffffffff80100003:      \tcallq\t0xffffffff80100000 <fillStack>
            """)
        #expect(try KernelDisassembly.offenders(inDisassembly: good).isEmpty)
        #expect(throws: TestFailure.self) { try KernelDisassembly.offenders(inDisassembly: "") }
    }
}
