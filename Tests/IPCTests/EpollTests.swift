import ABI
import Files
import KernelSeams
import Scheduling
import SeededRandom
import Support
import Testing

@testable import Events

/// A file whose readiness the test sets.
private final class Switch: OpenFile {
    var events: PollEvents = []
    let queue = WaitQueue()
    var polls = 0
    init() {
        super.init(flags: .readWrite)
        addUser()
    }
    override func poll(_ registration: PollRegistration?) -> PollEvents {
        registration?.watch(queue)
        polls += 1
        return events
    }
    func set(_ new: PollEvents) {
        events = new
        queue.wake(events: new.rawValue)
    }
}

private func wait(_ epoll: EpollFile, limit: Int = 16) -> [UInt64] {
    var seen: [UInt64] = []
    _ = attempt { () throws(Errno) in
        try epoll.epoll.wait(limit: limit, deadline: 0) { (_, event) throws(Errno) in seen.append(event.data) }
    }
    return seen
}

private func add(_ epoll: EpollFile, _ file: OpenFile, _ descriptor: Int32, _ events: UInt32) -> Errno? {
    attempt { () throws(Errno) in
        try epoll.change(
            EpollOperation.add, file, descriptor: descriptor, event: EpollEvent(events: events, data: UInt64(descriptor)))
    }.error
}

@Suite struct EpollTests {
    private let readable = PollEvents.input.rawValue
    init() { FakeMemory.start() }

    @Test func levelTriggeredFilesAreReportedAsLongAsTheyAreReady() {
        withProcessor {
            let epoll = EpollFile(), file = Switch()
            #expect(add(epoll, file, 3, readable) == nil)
            #expect(add(epoll, file, 3, readable) == .exists)
            #expect(wait(epoll) == [])
            file.set(.input)
            #expect(wait(epoll) == [3])
            #expect(wait(epoll) == [3])
            file.events = []
            #expect(wait(epoll) == [])
            #expect(epoll.poll(nil).isEmpty)
        }
    }

    @Test func edgeTriggeredFilesAreReportedOnceAnEvent() {
        withProcessor {
            let epoll = EpollFile(), file = Switch()
            file.events = .input
            #expect(add(epoll, file, 3, readable | EpollFlags.edgeTriggered) == nil)
            #expect(wait(epoll) == [3])
            #expect(wait(epoll) == [])
            file.set(.input)
            file.set(.input)
            #expect(wait(epoll) == [3])
            #expect(wait(epoll) == [])
        }
    }

    @Test func oneShotFilesAreSilentUntilModified() {
        withProcessor {
            let epoll = EpollFile(), file = Switch()
            #expect(add(epoll, file, 3, readable | EpollFlags.oneShot) == nil)
            file.set(.input)
            #expect(wait(epoll) == [3])
            file.set([.input, .hangUp])
            #expect(wait(epoll) == [])
            let event = EpollEvent(events: readable | EpollFlags.oneShot, data: 77)
            #expect(
                attempt { () throws(Errno) in try epoll.change(EpollOperation.modify, file, descriptor: 3, event: event) }.error
                    == nil)
            #expect(wait(epoll) == [77])
        }
    }

    @Test func onlyReadyFilesAreLookedAt() {
        withProcessor {
            let epoll = EpollFile()
            let files = (0..<1000).map { _ in Switch() }
            for (index, file) in files.enumerated() { #expect(add(epoll, file, Int32(index), readable) == nil) }
            for file in files { file.polls = 0 }
            files[500].set(.input)
            #expect(wait(epoll) == [500])
            #expect(files.reduce(0) { $0 + $1.polls } == 1)
        }
    }

    @Test func manyReadyFilesTakeTurns() {
        withProcessor {
            let epoll = EpollFile()
            let files = (0..<5).map { _ in Switch() }
            for (index, file) in files.enumerated() {
                #expect(add(epoll, file, Int32(index), readable) == nil)
                file.set(.input)
            }
            #expect(wait(epoll, limit: 2) == [0, 1])
            #expect(wait(epoll, limit: 2) == [2, 3])
            #expect(wait(epoll, limit: 2) == [4, 0])
        }
    }

    @Test func closingTheFileEndsTheWatch() {
        withProcessor {
            let epoll = EpollFile()
            weak var gone: Switch?
            do {
                let file = Switch()
                gone = file
                #expect(add(epoll, file, 3, readable) == nil)
                file.set(.input)
                file.removeUser()
            }
            #expect(gone == nil && wait(epoll) == [])
        }
    }

    @Test func closingTheEpollFileReleasesWhatItWatched() {
        withProcessor {
            weak var gone: Switch?
            do {
                let epoll = EpollFile(), file = Switch()
                gone = file
                #expect(add(epoll, file, 3, readable) == nil)
            }
            #expect(gone == nil)
        }
    }

    @Test func nestedInstancesReportTheirFiles() {
        withProcessor {
            let outer = EpollFile(), inner = EpollFile(), file = Switch()
            inner.addUser()
            #expect(add(inner, file, 3, readable) == nil)
            #expect(add(outer, inner, 4, readable) == nil)
            #expect(wait(outer) == [])
            file.set(.input)
            #expect(wait(outer) == [4])
            #expect(wait(inner) == [3])
            file.events = []
            #expect(wait(outer) == [])
        }
    }

    @Test func cyclesAndLongChainsAreRefused() {
        withProcessor {
            let files = (0..<7).map { _ in EpollFile() }
            for file in files { file.addUser() }
            #expect(add(files[0], files[0], 1, readable) == .invalidArgument)
            for index in 0..<4 { #expect(add(files[index], files[index + 1], 1, readable) == nil) }
            #expect(add(files[4], files[0], 1, readable) == .tooManySymbolicLinks)
            #expect(add(files[4], files[5], 1, readable) == .tooManySymbolicLinks)
            #expect(
                attempt { () throws(Errno) in
                    try files[0].change(EpollOperation.delete, files[1], descriptor: 1, event: EpollEvent(events: 0, data: 0))
                }.error == nil)
            #expect(add(files[4], files[0], 1, readable) == nil)
            for index in 0..<5 { files[index].removeUser() }
        }
    }

    /// Random changes against a model that polls everything.
    @Test(arguments: 0..<6) func agreesWithPollingEverything(seed: Int) {
        withProcessor {
            var random = SplitMix(UInt64(seed))
            let epoll = EpollFile()
            let files = (0..<12).map { _ in Switch() }
            var watched = [UInt32?](repeating: nil, count: files.count)
            for _ in 0..<500 {
                let index = Int.random(in: 0..<files.count, using: &random)
                let file = files[index]
                switch Int.random(in: 0..<6, using: &random) {
                case 0:
                    let wanted = random.chance(50) ? readable : PollEvents.output.rawValue
                    let outcome = add(epoll, file, Int32(index), wanted)
                    #expect((outcome == .exists) == (watched[index] != nil))
                    if outcome == nil { watched[index] = wanted }
                case 1:
                    let outcome = attempt { () throws(Errno) in
                        try epoll.change(
                            EpollOperation.delete, file, descriptor: Int32(index), event: EpollEvent(events: 0, data: 0))
                    }
                    #expect((outcome.error == .noEntry) == (watched[index] == nil))
                    watched[index] = nil
                case 2, 3: file.set([.input, .output, [.input, .output], .hangUp].randomElement(using: &random)!)
                case 4: file.events = []
                default:
                    let expected = files.indices.filter { index in
                        watched[index].map { files[index].events.rawValue & ($0 | PollEvents.hangUp.rawValue) != 0 } ?? false
                    }
                    #expect(wait(epoll, limit: 100).sorted() == expected.map { UInt64($0) })
                }
            }
        }
    }
}

@Suite struct EventFileTests {
    init() { FakeMemory.start() }

    private func read(_ file: OpenFile) -> UInt64? {
        let (result, bytes) = withTarget(8) { target in attempt { () throws(Errno) in try file.read(&target) } }
        return result.value == 8 ? bytes.withUnsafeBytes { $0.loadUnaligned(as: UInt64.self) } : nil
    }
    private func write(_ file: OpenFile, _ value: UInt64) -> Errno? {
        withSource(withUnsafeBytes(of: value) { Array($0) }) { source in attempt { () throws(Errno) in try file.write(&source) } }
            .error
    }

    @Test func countersAddUp() {
        withProcessor {
            let file = EventFile(initial: 2, isSemaphore: false, flags: .nonBlocking)
            #expect(write(file, 5) == nil && read(file) == 7 && read(file) == nil)
            #expect(write(file, .max) == .invalidArgument)
            #expect(write(file, .max - 1) == nil && write(file, 1) == .wouldBlock)
            #expect(file.poll(nil) == .input)
        }
    }

    @Test func semaphoresCountDown() {
        withProcessor {
            let file = EventFile(initial: 2, isSemaphore: true, flags: .nonBlocking)
            #expect(read(file) == 1 && read(file) == 1 && read(file) == nil)
        }
    }
}
