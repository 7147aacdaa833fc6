import Processor
import Support

/// One INTx line, whose devices are asked in turn: the line is level-triggered, so all that asserted it must be served.
final class SharedLine: InterruptHandler {
    override var name: StaticString { "shared line" }
    static let capacity = 8
    private struct State: ~Copyable {
        var handlers: InlineArray<8, InterruptHandler?> = .init(repeating: nil)
        var count = 0
    }
    private let state = SpinLock(State())

    func add(_ handler: InterruptHandler) -> Bool {
        state.withLock { state in
            guard state.count < Self.capacity else { return false }
            state.handlers[state.count] = handler
            state.count += 1
            return true
        }
    }

    override func serve() -> InterruptOutcome {
        // A handler may take its own locks, so it is called outside of this one. Handlers are never taken off.
        let count = state.withLock { $0.count }
        var outcome = InterruptOutcome.notMine
        for index in 0..<count {
            let handler = state.withLock { $0.handlers[index] }
            if handler?.serve() == .served { outcome = .served }
        }
        return outcome
    }
}

/// The lines that have handlers.
enum SharedLines {
    private struct State: ~Copyable {
        var lines: [(number: UInt8, line: SharedLine)] = []
    }
    private static let state = SpinLock(State())

    static func add(_ handler: InterruptHandler, line number: UInt8) -> Bool {
        let known: SharedLine? = state.withLock { state in
            for entry in state.lines where entry.number == number { return entry.line }
            return nil
        }
        if let known { return known.add(handler) }
        let line = SharedLine()
        guard line.add(handler), Interrupts.routePCI(line: number, to: line) else { return false }
        state.withLock { $0.lines.append((number, line)) }
        return true
    }
}
