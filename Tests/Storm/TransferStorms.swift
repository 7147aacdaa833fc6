// Pipes and futexes: nothing lost, nothing doubled, nothing out of order.

import CTestSystem
import TestCalls

/// Ping-pong pairs, and many writers of one pipe whose records must stay whole and in order.
func pipeStorm(_ storm: Storm) {
    let (turns, records) = (storm.counter("turns", atLeast: 5), storm.counter("records", atLeast: 5))
    let bytes = storm.counter("kilobytes")
    let pairs = thread { pingPong(storm, turns) }
    let stream = thread { streamBytes(storm, bytes) }
    manyWriters(storm, records)
    join([pairs, stream])
}

private func pingPong(_ storm: Storm, _ turns: UnsafeMutablePointer<Int32>) {
    children(storm, 2) { _ in
        let ((r1, w1), (r2, w2)) = (pipe(), pipe())
        let pid = child {
            close(w1)
            close(r2)
            let place = Buffer(16)
            while sys(SYS_read, r1, place.address, 8) == 8 { sys(SYS_write, w2, place.address, 8) }
            return 0
        }
        close(r1)
        close(w2)
        let place = Buffer(16)
        var value = 0
        while !storm.isOver {
            value += 1
            place.store(value, at: 0)
            storm.require(sys(SYS_write, w1, place.address, 8) == 8, "a short write")
            place.store(0, at: 0)
            storm.require(sys(SYS_read, r2, place.address, 8) == 8, "a short read")
            storm.require(place.load(Int.self, at: 0) == value, "another answer", place.load(Int.self, at: 0), value)
            _ = ts_add(turns, 1)
        }
        close(w1)
        storm.require(exitStatus(pid) == 0, "the partner did not end well")
    }
}

private func manyWriters(_ storm: Storm, _ records: UnsafeMutablePointer<Int32>) {
    let (input, output) = pipe()
    let sent = storm.words(1)
    var writers: [Int] = []
    for index in 0..<4 {
        writers.append(
            child {
                close(input)
                let record = Buffer(64)
                var number = 0
                while !storm.isOver {
                    for word in 0..<8 { record.store(index << 32 | number, at: word * 8) }
                    if sys(SYS_write, output, record.address, 64) != 64 { return 1 }
                    number += 1
                    _ = ts_add(sent, 1)
                }
                return 0
            })
    }
    close(output)
    let record = Buffer(64 * 7)
    var next: [4 of Int] = .init(repeating: 0)
    while true {
        let count = sys(SYS_read, input, record.address, 64 * 7)
        if count == 0 { break }
        storm.require(count > 0 && count % 64 == 0, "a read of part of a record", count)
        if count <= 0 { break }
        for start in stride(from: 0, to: count, by: 64) {
            let value = record.load(Int.self, at: start)
            for word in 1..<8 {
                storm.require(record.load(Int.self, at: start + word * 8) == value, "a mixed record", value)
            }
            let writer = value >> 32
            guard (0..<4).contains(writer) else {
                storm.fail("a record of nobody", value)
                continue
            }
            storm.require(next[writer] == value & 0xffff_ffff, "a record out of order", writer, next[writer], value & 0xffff_ffff)
            next[writer] = value & 0xffff_ffff + 1
            _ = ts_add(records, 1)
        }
    }
    for pid in writers { storm.require(exitStatus(pid) == 0, "a writer did not end well") }
    storm.require(ts_load(sent) == ts_load(records), "records got lost", Int(ts_load(sent)), Int(ts_load(records)))
    close(input)
}

/// Blocks of odd sizes through pipe and socket, as one stream that must arrive as it was.
private func streamBytes(_ storm: Storm, _ kilobytes: UnsafeMutablePointer<Int32>) {
    children(storm, 2) { index in
        let (input, output) =
            index == 0 ? pipe() : pair { sys(SYS_socketpair, Int(AF_UNIX), 1, 0, $0) }
        let pid = child {
            close(input)
            var random = storm.random(40 + index)
            let block = Buffer(20_000)
            var position = 0
            while !storm.isOver {
                let size = 1 + random.next(20_000)
                for offset in 0..<size {
                    block[offset] = UInt8(truncatingIfNeeded: (position + offset) &* 7 ^ (position + offset) >> 8)
                }
                var done = 0
                while done < size {
                    let count = sys(SYS_write, output, block.address + done, size - done)
                    if count <= 0 { return 1 }
                    done += count
                }
                position += size
            }
            return 0
        }
        close(output)
        let block = Buffer(9000)
        var (position, wrong) = (0, 0)
        while true {
            let count = sys(SYS_read, input, block.address, 9000)
            if count <= 0 {
                storm.require(count == 0, "the stream broke", count)
                break
            }
            for offset in 0..<count
            where block[offset] != UInt8(truncatingIfNeeded: (position + offset) &* 7 ^ (position + offset) >> 8) { wrong += 1 }
            position += count
        }
        storm.require(wrong == 0, "bytes of the stream changed", wrong, position)
        storm.require(exitStatus(pid) == 0, "the stream's writer did not end well")
        _ = ts_add(kilobytes, Int32(position >> 10))
    }
}

/// The classic three-state lock.
private struct Lock {
    let word: UnsafeMutablePointer<Int32>
    let isShared: Bool

    func lock() {
        if ts_compare_exchange(word, 0, 1) != 0 { return }
        while ts_exchange(word, 2) != 0 { futexWait(word, 2, shared: isShared) }
    }

    func unlock() { if ts_exchange(word, 0) == 2 { futexWake(word, 1, shared: isShared) } }
}

/// Locks and conditions of threads and of processes around plain counters.
func futexStorm(_ storm: Storm) {
    let (locked, passed) = (storm.counter("locked", atLeast: 50), storm.counter("passed", atLeast: 4))
    let shared = thread {
        let state = storm.words(1)
        let lock = Lock(word: storm.words(1), isShared: true)
        children(storm, 3) { _ in count(storm, lock, state, locked) }
    }
    let own = storm.words(1)
    let lock = Lock(word: storm.words(1), isShared: false)
    var threads = [shared]
    for _ in 0..<4 { threads.append(thread { count(storm, lock, own, locked) }) }
    threads.append(thread { queue(storm, passed) })
    join(threads)
}

/// Adds with plain loads and stores under the lock; two at once are seen.
private func count(_ storm: Storm, _ lock: Lock, _ state: UnsafeMutablePointer<Int32>, _ total: UnsafeMutablePointer<Int32>) {
    var turn = 0
    while !storm.isOver {
        for _ in 0..<50 {
            lock.lock()
            let value = ts_load(state)
            turn += 1
            if turn & 15 == 0 { sys(SYS_sched_yield) }
            storm.require(ts_load(state) == value, "two had the lock")
            ts_store(state, value &+ 1)
            lock.unlock()
        }
        _ = ts_add(total, 50)
    }
}

/// Two producers and two consumers of a short queue, with a condition each way.
private func queue(_ storm: Storm, _ passed: UnsafeMutablePointer<Int32>) {
    let lock = Lock(word: storm.words(1), isShared: false)
    let (length, notEmpty, notFull) = (storm.words(1), storm.words(1), storm.words(1))
    let (put, taken, left) = (storm.words(1), passed, storm.words(1))
    ts_store(left, 2)
    var threads: [Int] = []
    func wait(_ condition: UnsafeMutablePointer<Int32>) {
        let value = ts_load(condition)
        lock.unlock()
        futexWait(condition, value, shared: false)
        lock.lock()
    }
    func signal(_ condition: UnsafeMutablePointer<Int32>, _ count: Int) {
        _ = ts_add(condition, 1)
        futexWake(condition, count, shared: false)
    }
    for _ in 0..<2 {
        threads.append(
            thread {
                while !storm.isOver {
                    lock.lock()
                    while ts_load(length) == 4 { wait(notFull) }
                    ts_store(length, ts_load(length) + 1)
                    ts_store(put, ts_load(put) + 1)
                    signal(notEmpty, 1)
                    lock.unlock()
                }
                lock.lock()
                ts_store(left, ts_load(left) - 1)
                signal(notEmpty, 100)
                lock.unlock()
            })
        threads.append(
            thread {
                lock.lock()
                while true {
                    while ts_load(length) == 0 && ts_load(left) > 0 { wait(notEmpty) }
                    if ts_load(length) == 0 { break }
                    ts_store(length, ts_load(length) - 1)
                    ts_store(taken, ts_load(taken) + 1)
                    signal(notFull, 1)
                }
                lock.unlock()
            })
    }
    join(threads)
    storm.require(ts_load(put) == ts_load(taken), "items got lost", Int(ts_load(put)), Int(ts_load(taken)))
}
