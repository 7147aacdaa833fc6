import Support

/// Who waits for whose range lock, so that a circle of waiters is refused instead of sleeping for ever (EDEADLK).
///
/// Only processes take part: locks of open file descriptions belong to nobody who could be waiting.
enum FileLockWaits {
    private struct Wait {
        let token: UInt64
        let waiter: UInt
        let holder: UInt
    }
    private struct State {
        var waits: [Wait] = []
        var nextToken: UInt64 = 0
    }
    private static let state = SpinLock(State())

    /// How far a chain of waiters is followed, as on Linux.
    private static let longestChain = 10

    /// A number for one wait.
    static func makeToken() -> UInt64 {
        state.withLock { state in
            state.nextToken += 1
            return state.nextToken
        }
    }

    /// Enters for whom a wait is now.
    /// - Returns: false when that would close a circle; then nothing is entered.
    static func enter(_ token: UInt64, waiter: UInt, holder: UInt) -> Bool {
        state.withLock { state in
            state.waits.removeAll { $0.token == token }
            var next = holder
            for _ in 0..<longestChain {
                if next == waiter { return false }
                guard let wait = state.waits.first(where: { $0.waiter == next }) else { break }
                next = wait.holder
            }
            state.waits.append(Wait(token: token, waiter: waiter, holder: holder))
            return true
        }
    }

    static func leave(_ token: UInt64) { state.withLock { $0.waits.removeAll { $0.token == token } } }
}
