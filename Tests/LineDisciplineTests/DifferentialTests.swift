import ABI
import Glibc
import LineDiscipline
import SeededRandom
import Testing

/// Random settings and random bytes, given to the line discipline and to a pty of the build machine: what programs read,
/// what the master sees, and what poll and FIONREAD say must be the same after every step.
@Suite(.serialized, .enabled(if: RealTerminal.isAvailable)) struct DifferentialTests {
    /// `MARTLET_TERMINAL_SEEDS` asks for a longer run.
    private var seedsPerGroup: Int { getenv("MARTLET_TERMINAL_SEEDS").flatMap { Int(String(cString: $0)) } ?? 12 }

    @Test(arguments: 0..<12) func behavesLikeTheBuildMachinesTerminal(group: Int) {
        for seed in 0..<seedsPerGroup {
            // The machine's own worker races with readers when it is busy: only what differs every time is a difference.
            let seed = UInt64(group * 1000 + seed)
            guard (0..<4).contains(where: { compare(seed: seed, isRecording: $0 == 3) }) else { return }
        }
    }

    private func compare(seed: UInt64, isRecording: Bool) -> Bool {
        var random = SplitMix(seed)
        guard let real = RealTerminal() else { return false }
        var model = ModelTerminal()
        var termios = Termios()
        var log = ""
        for _ in 0..<30 {
            switch Int.random(in: 0..<10, using: &random) {
            case 0:
                termios = randomTermios(&random, previous: termios)
                model.set(termios)
                real.set(termios)
                log +=
                    " set(i\(String(termios.input, radix: 8)) o\(String(termios.output, radix: 8)) l\(String(termios.local, radix: 8)))"
            case 1, 2:
                let bytes = randomBytes(&random, termios, count: 60)
                let a = model.print(bytes)
                let b = real.print(bytes)
                real.settle()
                log += " print\(bytes)"
                if isRecording { #expect(a == b, "seed \(seed):\(log)") }
                if a != b { return false }
            case 3, 4:
                let count = Int.random(in: 1...80, using: &random)
                // On Linux a read with MIN = TIME = 0 returns nothing instead of failing.
                let a = model.read(count)
                let b = real.read(count)
                log += " read(\(count))"
                if isRecording { #expect(a == b, "seed \(seed):\(log)") }
                if a != b { return false }
            case 5:
                let action = random.chance(50) ? TCOOFF : TCOON
                if random.chance(30) {
                    real.flow(action)
                    _ = model.discipline.setStoppedByProgram(action == TCOOFF)
                    log += " flow(\(action))"
                }
            default:
                // Long input fills the queue. Not while output is stopped: how many echoes wait then is our own choice.
                let isLong = random.chance(3) && !model.discipline.isStopped
                var bytes = randomBytes(&random, termios, count: isLong ? 6000 : 30)
                if isLong { bytes.removeAll { $0 & 0x7F == termios[.stop] } }
                log += bytes.count < 100 ? " type\(bytes)" : " type(\(bytes.count) bytes)"
                // What a signal throws away depends on how far the machine's worker has come: such bytes go alone.
                for piece in split(bytes, termios) {
                    let taken = piece.withUnsafeBufferPointer { model.discipline.receive($0, &model.output).taken }
                    real.type(Array(piece.prefix(taken)))
                    guard sameState(&model, real, isRecording, "seed \(seed):\(log)") else { return false }
                }
            }
            real.settle()
            guard sameState(&model, real, isRecording, "seed \(seed):\(log)") else { return false }
        }
        return true
    }

    /// Compares, giving the machine's worker up to some seconds to come to rest: it may be busy.
    private func sameState(_ model: inout ModelTerminal, _ real: RealTerminal, _ isRecording: Bool, _ log: String) -> Bool {
        let printed = model.output.take()
        let count = model.discipline.readableCount
        let isReadable = model.discipline.isPollReadable
        var realPrinted: [UInt8] = []
        for _ in 0..<10_000 {
            realPrinted += real.takeOutput()
            if realPrinted == printed, real.readableCount == count, real.isPollReadable == isReadable { return true }
            usleep(100)
        }
        guard isRecording else { return false }
        #expect(printed == realPrinted, "output, \(log)")
        #expect(count == real.readableCount, "FIONREAD, \(log)")
        #expect(isReadable == real.isPollReadable, "poll, \(log)")
        return false
    }

    private func split(_ bytes: [UInt8], _ termios: Termios) -> [[UInt8]] {
        let signals = termios.local & LocalMode.signals != 0 ? [termios[.interrupt], termios[.quit], termios[.suspend]] : []
        var pieces: [[UInt8]] = [[]]
        for byte in bytes {
            let stripped = termios.input & InputMode.strip != 0 ? byte & 0x7F : byte
            if signals.contains(stripped) || signals.contains(byte | 0x20) {
                pieces += [[byte], []]
            } else {
                if pieces[pieces.count - 1].count >= 200 { pieces.append([]) }
                pieces[pieces.count - 1].append(byte)
            }
        }
        return pieces.filter { !$0.isEmpty }
    }

    private func randomTermios(_ random: inout SplitMix, previous: Termios) -> Termios {
        var termios = random.chance(50) ? previous : Termios()
        for bit in [
            InputMode.strip, InputMode.newlineToCarriageReturn, InputMode.ignoreCarriageReturn,
            InputMode.carriageReturnToNewline, InputMode.upperToLower, InputMode.flowControl, InputMode.anyRestarts,
            InputMode.utf8, InputMode.markParityErrors,
        ] where random.chance(20) { termios.input ^= bit }
        for bit in [
            OutputMode.process, OutputMode.lowerToUpper, OutputMode.newlineToCarriageReturnNewline,
            OutputMode.carriageReturnToNewline, OutputMode.noCarriageReturnAtColumn0, OutputMode.newlineReturns,
            OutputMode.expandTabs,
        ] where random.chance(20) { termios.output ^= bit }
        for bit in [
            LocalMode.signals, LocalMode.canonical, LocalMode.echo, LocalMode.echoErase, LocalMode.echoKill,
            LocalMode.echoNewline, LocalMode.noFlush, LocalMode.echoControl, LocalMode.echoPrint, LocalMode.echoKillErase,
            LocalMode.extended,
        ] where random.chance(20) { termios.local ^= bit }
        if random.chance(10) { termios[.endOfLine] = UInt8.random(in: 0...255, using: &random) }
        if random.chance(10) { termios[.endOfLine2] = UInt8.random(in: 0...255, using: &random) }
        if random.chance(10) { termios[.erase] = 8 }
        if random.chance(5) { termios[.minimum] = UInt8.random(in: 1...5, using: &random) }
        return termios
    }

    private func randomBytes(_ random: inout SplitMix, _ termios: Termios, count limit: Int) -> [UInt8] {
        let count = limit > 100 ? limit : Int.random(in: 1...limit, using: &random)
        let special = (0..<17).map { termios.characters[$0] }
        var bytes: [UInt8] = []
        while bytes.count < count {
            switch Int.random(in: 0..<20, using: &random) {
            case 0..<9: bytes.append(UInt8.random(in: 0x61...0x7A, using: &random))
            case 9: bytes.append(0x20)
            case 10, 11: bytes.append(special.randomElement(using: &random)!)
            case 12: bytes.append(9)
            case 13: bytes += Array("é€😀".unicodeScalars.randomElement(using: &random)!.utf8)
            case 14: bytes.append(UInt8.random(in: 0...31, using: &random))
            case 15: bytes.append(UInt8.random(in: 0...255, using: &random))
            case 16: bytes.append(random.chance(50) ? 0x0A : 0x0D)
            case 17: bytes.append(termios[.erase])
            case 18: bytes.append(UInt8.random(in: 0x21...0x5F, using: &random))
            default: bytes.append(random.chance(70) ? termios[.erase] : termios[.wordErase])
            }
        }
        return bytes
    }
}

extension Unicode.Scalar {
    fileprivate var utf8: [UInt8] { Array(String(self).utf8) }
}
