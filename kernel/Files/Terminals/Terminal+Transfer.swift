import ABI
import Files
import LineDiscipline
import Processes
import Scheduling
import Support

// Reading, writing and polling a terminal.
extension Terminal {
    /// Bytes moved at once between a terminal and user memory.
    static var pieceBytes: Int { 512 }

    func isDead(_ hangUps: UInt32) -> Bool { state.withLock { $0.hangUps != hangUps } }

    // MARK: Reading

    func read(_ target: inout TransferBuffer, hangUps: UInt32, isNonBlocking: Bool) throws(Errno) -> Int {
        if isDead(hangUps) { return 0 }
        try checkAccess(.terminalInput)
        if target.remaining == 0 { return 0 }
        var done = 0
        // VMIN and VTIME count in raw mode only; see POSIX 11.1.7 for the four cases.
        let (isCanonical, minimum, time) = state.withLock { state in
            (
                state.discipline.isCanonical, Int(state.discipline.termios[.minimum]),
                UInt64(state.discipline.termios[.time]) * 100_000_000
            )
        }
        let wanted = isCanonical ? 1 : max(minimum, 1)
        while true {
            do throws(Errno) {
                var isLineEnd = false
                try readLock.withLock { () throws(Errno) in
                    done += try take(into: &target, &isLineEnd)
                }
                if isLineEnd || target.remaining == 0 || done >= wanted { return done }
                if isDead(hangUps) { return done }
                var deadline: UInt64?
                if !isCanonical, time > 0, minimum == 0 || done > 0 { deadline = machineMonotonicNanoseconds() &+ time }
                if !isCanonical, minimum == 0, time == 0 { return done }
                if isNonBlocking { throw .wouldBlock }
                try readable.wait(deadline: deadline) {
                    state.withLock { $0.discipline.isReadable || $0.hangUps != hangUps }
                }
            } catch {
                if done > 0 || error == .timedOut { return done }
                throw error
            }
        }
    }

    /// Moves what is readable: one line at most, if lines are read.
    private func take(into target: inout TransferBuffer, _ isLineEnd: inout Bool) throws(Errno) -> Int {
        var done = 0
        while target.remaining > 0, !isLineEnd {
            let wanted = min(target.remaining, Self.pieceBytes)
            let isWhole = target.remaining <= wanted
            var ended = false
            let outcome: Result<Int, Errno> = withUnsafeTemporaryAllocation(of: UInt8.self, capacity: wanted) { piece in
                let (count, effects) = state.withLock { state in
                    guard state.discipline.isReadable else { return (0, TerminalEffects()) }
                    let (count, isEnd) = state.discipline.read(into: piece)
                    ended = isEnd
                    // A read that is full takes the end-of-file mark behind it along.
                    if isWhole, count == wanted, !isEnd { state.discipline.skipEndOfFile() }
                    let effects = state.pumpInput()
                    state.notePacket(effects)
                    return (count, effects)
                }
                perform(effects)
                do throws(Errno) {
                    return .success(count == 0 ? 0 : try target.fill(from: piece.baseAddress!, count: count))
                } catch { return .failure(error) }
            }
            isLineEnd = ended
            switch outcome {
            case .success(let count):
                done += count
                if count < wanted { break }
                continue
            case .failure(let error):
                if done == 0 { throw error }
            }
            break
        }
        if done > 0 || isLineEnd { inputHasRoom() }
        return done
    }

    // MARK: Writing

    func write(_ source: inout TransferBuffer, hangUps: UInt32, isNonBlocking: Bool) throws(Errno) -> Int {
        if isDead(hangUps) { throw .ioError }
        if state.withLock({ $0.discipline.termios.local & LocalMode.stopBackgroundOutput != 0 }) {
            try checkAccess(.terminalOutput)
        }
        var done = 0
        while source.remaining > 0 {
            let wanted = min(source.remaining, Self.pieceBytes)
            let outcome: Result<Int, Errno> = withUnsafeTemporaryAllocation(of: UInt8.self, capacity: wanted) { piece in
                do throws(Errno) {
                    let count = try source.drain(into: piece.baseAddress!, count: wanted)
                    return .success(try put(UnsafeBufferPointer(rebasing: piece[0..<count]), &done, hangUps, isNonBlocking))
                } catch { return .failure(error) }
            }
            switch outcome {
            case .success(let count): if count < wanted { return done }
            case .failure(let error):
                if done > 0 { return done }
                throw error
            }
        }
        return done
    }

    /// Writes all of a piece, waiting for room; `done` tells how far it came when it throws.
    private func put(_ piece: UnsafeBufferPointer<UInt8>, _ done: inout Int, _ hangUps: UInt32, _ isNonBlocking: Bool)
        throws(Errno) -> Int
    {
        var position = 0
        while true {
            let rest = UnsafeBufferPointer(rebasing: piece[position...])
            let (taken, effects) = state.withLock { state in
                let result = state.discipline.write(rest, &state.output)
                state.hasWaitingWriter = result.taken < rest.count
                return result
            }
            perform(effects)
            position += taken
            done += taken
            if position == piece.count { return piece.count }
            if isDead(hangUps) { throw .ioError }
            if isNonBlocking { throw .wouldBlock }
            try writable.wait {
                state.withLock { state in
                    if state.hangUps != hangUps { return true }
                    if !state.discipline.isStopped, state.hasOutputRoom { return true }
                    state.hasWaitingWriter = true
                    return false
                }
            }
        }
    }

    /// Takes bytes that are on their way out. Whoever transmits calls it; in interrupt handlers too.
    /// - Returns: how many were stored.
    func takeOutput(into target: UnsafeMutableBufferPointer<UInt8>) -> Int {
        let (count, wakes): (Int, Bool) = state.withLock { state in
            let count = state.output.ring.take(into: target)
            if count > 0, state.discipline.hasPendingEcho { _ = state.discipline.resumeOutput(&state.output) }
            let wakes = state.hasWaitingWriter && state.hasOutputRoom && !state.discipline.isStopped
            if wakes { state.hasWaitingWriter = false }
            return (count, wakes)
        }
        if wakes { writable.wake(events: PollEvents.writable.rawValue) }
        return count
    }

    // MARK: Poll

    func poll(_ registration: PollRegistration?, hangUps: UInt32) -> PollEvents {
        if let registration {
            registration.watch(readable)
            registration.watch(writable)
        }
        return state.withLock { state in
            if state.hangUps != hangUps {
                return [.input, .readNormal, .output, .writeNormal, .error, .hangUp]
            }
            var events: PollEvents = []
            if state.discipline.isPollReadable { events.formUnion(.readable) }
            if !state.discipline.isStopped, state.hasOutputRoom {
                events.formUnion(.writable)
            } else {
                // Those who poll for room are writers who wait.
                state.hasWaitingWriter = true
            }
            return events
        }
    }
}

extension Terminal.State {
    /// Enough room that waking a writer is worth it.
    var hasOutputRoom: Bool { output.room >= output.ring.capacity / 2 }
}
