// Work that the suite's thread gives to the server's.

import System
import WlcsEntry

/// Runs closures on the thread that takes them, one after another, while the thread that asked waits.
final class Mailbox: @unchecked Sendable {
    private var mutex = pthread_mutex_t()
    private var condition = pthread_cond_t()
    private var waiting: [() -> Void] = []
    /// How many closures were given, and how many are done with all that follows from them.
    private var given = 0
    private var done = 0
    let event: EventDescriptor

    init() throws(Errno) {
        event = try EventDescriptor()
        // SAFETY: the object is never moved: both are initialised once and stay where they are.
        pthread_mutex_init(&mutex, nil)
        pthread_cond_init(&condition, nil)
    }

    deinit {
        pthread_cond_destroy(&condition)
        pthread_mutex_destroy(&mutex)
    }

    /// Asks the server's thread to run `body` and waits until its consequences were sent to the clients.
    func perform(_ body: @escaping () -> Void) {
        pthread_mutex_lock(&mutex)
        waiting.append(body)
        given += 1
        let ticket = given
        try? event.signal()
        while done < ticket { pthread_cond_wait(&condition, &mutex) }
        pthread_mutex_unlock(&mutex)
    }

    /// Takes what waits. Called by the server's thread.
    func take() -> [() -> Void] {
        _ = event.acknowledge()
        pthread_mutex_lock(&mutex)
        defer { pthread_mutex_unlock(&mutex) }
        let taken = waiting
        waiting = []
        return taken
    }

    /// Lets those go on who wait for `count` closures.
    func finish(_ count: Int) {
        guard count > 0 else { return }
        pthread_mutex_lock(&mutex)
        done += count
        pthread_cond_broadcast(&condition)
        pthread_mutex_unlock(&mutex)
    }
}
