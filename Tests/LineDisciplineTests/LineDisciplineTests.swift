import ABI
import LineDiscipline
import SeededRandom
import Testing

/// What a pty cannot show from outside: signals, flow control as effects, line conditions, and limits.
@Suite struct LineDisciplineTests {
    @Test func signalCharactersRaiseSignalsAndFlush() {
        var terminal = ModelTerminal()
        #expect(!terminal.type("abc").contains(.readable))
        let effects = terminal.type([3])
        #expect(effects.contains([.interrupt, .inputFlushed, .outputFlushed]))
        #expect(terminal.output.take() == Array("^C".utf8))
        #expect(terminal.type("x\n").contains(.readable))
        #expect(terminal.read(100) == Array("x\n".utf8))
        #expect(terminal.type([26]).contains(.suspend))
        #expect(terminal.type([28]).contains(.quit))
    }

    @Test func signalsWithoutFlushKeepTheInput() {
        var terminal = ModelTerminal()
        var termios = Termios()
        termios.local |= LocalMode.noFlush
        terminal.set(termios)
        #expect(terminal.type([0x61, 3, 0x62, 0x0A]).contains([.interrupt, .readable]))
        #expect(terminal.read(10) == [0x61, 0x62, 0x0A])
    }

    @Test func stopAndStartAreReported() {
        var terminal = ModelTerminal()
        #expect(terminal.type([19]).contains(.stopped))
        #expect(terminal.print(Array("held".utf8)) == 0)
        #expect(terminal.type([17]).contains([.started, .writable]))
        #expect(terminal.print(Array("held".utf8)) == 4)
    }

    @Test func outputStopsWhereTheRoomEnds() {
        var terminal = ModelTerminal()
        terminal.output.limit = 5
        #expect(terminal.print(Array("ab\ncd\n".utf8)) == 4)
        #expect(terminal.output.take() == Array("ab\r\nc".utf8))
        #expect(terminal.print(Array("d\n".utf8)) == 2)
    }

    @Test func breakFollowsTheInputModes() {
        var terminal = ModelTerminal()
        var termios = Termios()
        termios.local &= ~LocalMode.canonical
        termios.input |= InputMode.markParityErrors
        terminal.set(termios)
        _ = terminal.discipline.receiveBreak(&terminal.output)
        #expect(terminal.read(10) == [0xFF, 0, 0])
        termios.input |= InputMode.breakInterrupts
        terminal.set(termios)
        #expect(terminal.discipline.receiveBreak(&terminal.output).contains(.interrupt))
        termios.input |= InputMode.ignoreBreak
        terminal.set(termios)
        #expect(terminal.discipline.receiveBreak(&terminal.output).isEmpty)
    }

    @Test func aFullQueueTakesNoMoreRawInput() {
        var terminal = ModelTerminal()
        var termios = Termios()
        termios.local = 0
        termios.input = 0
        terminal.set(termios)
        let bytes = [UInt8](repeating: 7, count: 5000)
        let taken = bytes.withUnsafeBufferPointer { terminal.discipline.receive($0, &terminal.output).taken }
        #expect(taken == LineDiscipline.capacity - 1 && !terminal.discipline.acceptsInput)
        #expect(terminal.read(5000)?.count == taken)
    }

    @Test func ringWrapsAround() {
        var ring = ByteRing(capacity: 8)
        var expected: [UInt8] = []
        var next: UInt8 = 0
        var random = SplitMix(1)
        for _ in 0..<1000 {
            let bytes = (0..<Int.random(in: 0...5, using: &random)).map { _ in
                next &+= 1; return next
            }
            let taken = bytes.withUnsafeBufferPointer { ring.append($0) }
            #expect(taken == min(bytes.count, 8 - expected.count))
            expected += bytes.prefix(taken)
            var out = [UInt8](repeating: 0, count: Int.random(in: 1...6, using: &random))
            let read = out.withUnsafeMutableBufferPointer { ring.take(into: $0) }
            #expect(Array(out.prefix(read)) == Array(expected.prefix(out.count)))
            expected.removeFirst(read)
        }
    }
}
