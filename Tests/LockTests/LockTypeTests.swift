import Foundation
import KernelSeams
import Support
import Synchronization
import Testing

/// Locks that host threads can contend for: those that do not stand on interrupts being off.
@Suite struct LockTypeTests {
    private final class Shared: @unchecked Sendable {
        let lock = TicketLock()
        var count = 0
        let pair = SequenceLock(Pair(first: 0, second: 0))
        let done = Atomic<Bool>(false)
    }
    private struct Pair: BitwiseCopyable {
        var first: Int
        var second: Int
        var padding: (Int, Int, Int, Int) = (0, 0, 0, 0)
        var third: Int = 0
        init(first: Int, second: Int) { (self.first, self.second, third) = (first, second, second) }
    }

    @Test func ticketsExcludeEachOther() {
        let shared = Shared()
        DispatchQueue.concurrentPerform(iterations: 4) { _ in
            for _ in 0..<20_000 {
                shared.lock.lock()
                shared.count += 1
                shared.lock.unlock()
            }
        }
        #expect(shared.count == 80_000)
        let isFree = !shared.lock.isLocked
        #expect(isFree)
    }

    /// Threads of a host are descheduled in any place, as virtual processors are. Others may queue up meanwhile: the two do not disturb each other.
    @Test func locksWithoutQueueExcludeEachOther() {
        let shared = Shared()
        TicketLock.useQueue(false)
        defer { TicketLock.useQueue(true) }
        DispatchQueue.concurrentPerform(iterations: 4) { _ in
            for round in 0..<20_000 {
                if round == 10_000 { TicketLock.useQueue(true) }
                shared.lock.lock()
                shared.count += 1
                shared.lock.unlock()
            }
        }
        #expect(shared.count == 80_000)
        let isFree = !shared.lock.isLocked
        #expect(isFree)
    }

    @Test func ticketsWrapAround() {
        let lock = TicketLock()
        for _ in 0..<70_000 {
            lock.lock()
            let isRefused = !lock.tryLock()
            #expect(isRefused)
            lock.unlock()
        }
        let isTaken = lock.tryLock()
        #expect(isTaken)
        let isHeld = lock.isLocked
        #expect(isHeld)
        lock.unlock()
        let isFreeAgain = !lock.isLocked
        #expect(isFreeAgain)
    }

    @Test func whoComesFirstIsServedFirst() {
        // Four threads queue up one after the other while the lock is held; they must get it in that order.
        let shared = Shared()
        let order = Order()
        shared.lock.lock()
        let threads = (0..<4).map { number in
            let thread = Thread {
                order.arrived.wrappingAdd(1, ordering: .acquiringAndReleasing)
                shared.lock.lock()
                order.numbers.append(number)
                shared.lock.unlock()
                order.finished.wrappingAdd(1, ordering: .acquiringAndReleasing)
            }
            thread.start()
            while order.arrived.load(ordering: .acquiring) <= number { usleep(100) }
            usleep(20_000)
            return thread
        }
        shared.lock.unlock()
        while order.finished.load(ordering: .acquiring) < threads.count { usleep(100) }
        #expect(order.numbers == [0, 1, 2, 3])
    }

    private final class Order: @unchecked Sendable {
        let arrived = Atomic<Int>(0)
        let finished = Atomic<Int>(0)
        var numbers: [Int] = []
    }

    @Test func sequencesAreNeverTorn() {
        let shared = Shared()
        let writer = Thread {
            for round in 1...50_000 { shared.pair.withWriteLock { $0 = Pair(first: round, second: -round) } }
            shared.done.store(true, ordering: .releasing)
        }
        writer.start()
        var last = 0
        while !shared.done.load(ordering: .acquiring) {
            let pair = shared.pair.value
            #expect(pair.first == -pair.second && pair.second == pair.third)
            #expect(pair.first >= last)
            last = pair.first
        }
        #expect(shared.pair.value.first == 50_000)
    }

    @Test func readersAndWritersOfASpinLock() {
        let lock = ReadWriteSpinLock(5)
        let readsWhatWasPutIn = lock.withReadLock { $0 } == 5
        #expect(readsWhatWasPutIn)
        lock.withLock { $0 = 6 }
        let readersNest = lock.withReadLock { outer in lock.withReadLock { inner in outer + inner } } == 12
        #expect(readersNest)
        lock.withLock { $0 += 1 }
        let readsWhatWasWritten = lock.withReadLock { $0 } == 7
        #expect(readsWhatWasWritten)
    }
}
