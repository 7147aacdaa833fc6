// Measuring and watching the time-stamp counter, with counters that the tests make up.

import Processor
import Testing

/// A world in which time passes by looking at it: each reading of a counter takes a while.
private final class World {
    var nanoseconds: UInt64 = 1_000_000
    var readNanoseconds: UInt64 = 300
    /// Added at one reading, as when the host does something else.
    var disturbance: (reading: Int, nanoseconds: UInt64)?
    private var readings = 0

    func pass() {
        nanoseconds += readNanoseconds
        readings += 1
        if let disturbance, readings == disturbance.reading { nanoseconds += disturbance.nanoseconds }
    }

    func count(_ frequency: UInt64) -> UInt64 {
        nanoseconds / 1_000_000_000 * frequency + nanoseconds % 1_000_000_000 * frequency / 1_000_000_000
    }
}

private struct FakeCounter: ReferenceCounter {
    let name: StaticString = "fake"
    let frequency: UInt64
    let mask: UInt64
    let world: World
    var isDead = false
    func read() -> UInt64 {
        world.pass()
        return isDead ? 5 : world.count(frequency) & mask
    }
}

@Suite struct MeasurementTests {
    private func measure(_ frequency: UInt64, mask: UInt64, timestamp: UInt64, _ world: World = World(), isDead: Bool = false)
        -> UInt64?
    {
        let counter = FakeCounter(frequency: frequency, mask: mask, world: world, isDead: isDead)
        return TimestampMeasurement.frequency(
            with: counter,
            timestamp: {
                world.nanoseconds += 10
                return world.count(timestamp)
            })
    }

    @Test(
        arguments: [
            (100_000_000, 0xffff_ffff), (14_318_180, 0xffff_ffff), (3_579_545, 0xff_ffff), (1_193_182, 0xffff),
        ] as [(UInt64, UInt64)])
    func allReferencesAgree(_ reference: (UInt64, UInt64)) throws {
        for timestamp in [1_000_000_000, 2_300_000_000, 5_700_000_000] as [UInt64] {
            let found = try #require(measure(reference.0, mask: reference.1, timestamp: timestamp))
            #expect(max(found, timestamp) - min(found, timestamp) < timestamp / 1000)
        }
    }

    @Test func aTurnOfTheReferenceDoesNoHarm() throws {
        let world = World()
        // Just before the 16 bits are over.
        world.nanoseconds = 54_900_000
        let found = try #require(measure(1_193_182, mask: 0xffff, timestamp: 2_000_000_000, world))
        #expect(TimestampMeasurement.agree(found, 2_000_000_000))
    }

    @Test func deadReferencesGiveNothing() {
        #expect(measure(3_579_545, mask: 0xff_ffff, timestamp: 2_000_000_000, isDead: true) == nil)
    }

    @Test func aStoppedTimestampGivesNothing() {
        let world = World()
        let counter = FakeCounter(frequency: 3_579_545, mask: 0xff_ffff, world: world)
        #expect(TimestampMeasurement.frequency(with: counter, timestamp: { 7 }) == nil)
    }

    @Test func anUnsteadyTimestampGivesNothing() {
        let world = World()
        let counter = FakeCounter(frequency: 100_000_000, mask: 0xffff_ffff, world: world)
        // Its speed changes all the time.
        let found = TimestampMeasurement.frequency(
            with: counter,
            timestamp: {
                let milliseconds = world.nanoseconds / 1_000_000
                return world.nanoseconds + milliseconds * milliseconds * 200_000
            })
        #expect(found == nil)
    }

    @Test func oneDisturbanceIsRepeated() throws {
        for reading in stride(from: 1, to: 400, by: 7) {
            let world = World()
            world.disturbance = (reading, 3_000_000)
            let found = try #require(measure(100_000_000, mask: 0xffff_ffff, timestamp: 2_000_000_000, world))
            #expect(TimestampMeasurement.agree(found, 2_000_000_000))
        }
    }

    @Test func theMajorityIsBelieved() {
        #expect(ClockChoice([]) == nil)
        #expect(ClockChoice([2_000])?.index == 0)
        #expect(ClockChoice([2_000_000, 2_001_000])?.witness == 1)
        let choice = ClockChoice([1_000_000, 2_000_000, 2_002_000])
        #expect(choice?.index == 1)
        #expect(choice?.witness == 2)
        #expect(ClockChoice([1_000_000, 2_000_000, 3_000_000])?.witness == nil)
    }
}

@Suite struct WatchTests {
    private let frequency: UInt64 = 3_579_545, mask: UInt64 = 0xff_ffff

    /// Compares every five seconds; the clock that is watched runs at `speed` thousandths.
    private func run(_ watch: inout ClockWatch, rounds: Int, speed: UInt64, from start: UInt64 = 0) -> [ClockWatch.Verdict] {
        (0..<rounds).map { round in
            let real = start + UInt64(round) * 5_000_000_000
            let count = (real / 1_000_000_000 * frequency + real % 1_000_000_000 * frequency / 1_000_000_000) & mask
            return watch.compare(time: real * speed / 1000, count: count, frequency: frequency, mask: mask)
        }
    }

    @Test func aGoodClockAgreesOverManyTurns() {
        var watch = ClockWatch()
        let verdicts = run(&watch, rounds: 100, speed: 1000)
        #expect(verdicts.first == .first)
        #expect(verdicts.dropFirst().allSatisfy { $0 == .agrees })
    }

    @Test func aWrongClockIsFoundOut() {
        for speed in [980, 1020, 700, 1300] as [UInt64] {
            var watch = ClockWatch()
            #expect(run(&watch, rounds: 6, speed: speed).contains(.wrong))
        }
    }

    @Test func oneDisturbanceIsForgiven() {
        var watch = ClockWatch()
        _ = run(&watch, rounds: 3, speed: 1000)
        #expect(watch.compare(time: 11_000_000_000, count: 12_345, frequency: frequency, mask: mask) == .suspicious)
        var later = ClockWatch()
        #expect(!run(&later, rounds: 50, speed: 1000, from: 77).contains(.wrong))
    }
}

/// The registers of a timer, which remember what was written.
private final class FakeTimer: TimerRegisters {
    var deadline: UInt64?, count: UInt32?, pit: UInt16?
    var timestamp: UInt64 = 1_000_000
    func setDeadline(_ count: UInt64) { deadline = count }
    func setInitialCount(_ count: UInt32) { self.count = count }
    func setPIT(_ count: UInt16) { pit = count }
}

@Suite struct DeadlineTests {
    @Test func deadlinesAreAbsoluteCounts() {
        var program = DeadlineProgram()
        (program.source, program.timestampFrequency) = (.deadline, 2_500_000_000)
        let timer = FakeTimer()
        program.set(timer, wait: 10_000)
        #expect(timer.deadline == 1_000_000 + 25_000)
        program.set(timer, wait: 0)
        #expect(timer.deadline == 1_000_000 + 2500)
        program.set(timer, wait: .max)
        #expect(timer.deadline == 1_000_000 + 2_500_000_000)
        program.set(timer, wait: nil)
        #expect(timer.deadline == 0)
        #expect(timer.count == nil)
    }

    @Test func countdownsNeverFireEarlyOrNever() {
        var program = DeadlineProgram()
        (program.source, program.countdownFrequency) = (.countdown, 999_999_937)
        let timer = FakeTimer()
        for wait in [1001, 3333, 999_999_999, 1_000_000_000] as [UInt64] {
            program.set(timer, wait: wait)
            #expect(UInt64(timer.count!) * 1_000_000_000 >= wait * 999_999_937)
        }
        program.countdownFrequency = 1000
        program.set(timer, wait: 1)
        #expect(timer.count == 1)
        program.countdownFrequency = 18_000_000_000
        program.set(timer, wait: .max)
        #expect(timer.count == .max)
        program.set(timer, wait: nil)
        #expect(timer.count == 0)
    }

    @Test func thePITHasSixteenBits() {
        var program = DeadlineProgram()
        program.source = .pit
        let timer = FakeTimer()
        program.set(timer, wait: 1_000_000_000)
        #expect(timer.pit == .max)
        program.set(timer, wait: 1_000_000)
        #expect(timer.pit == 1194)
        program.set(timer, wait: nil)
        #expect(timer.pit == 1194)
    }
}

@Suite struct ClockValueTests {
    @Test func advancingKeepsTheTime() {
        var values = ClockValues()
        (values.multiplier, values.rawMultiplier, values.origin) = (3 << 31, 1 << 32, 1000)
        values.advance(to: 3000)
        #expect(values.base == 3000)
        #expect(values.rawBase == 2000)
        #expect(values.origin == 3000)
        // A counter that is a little behind does not turn it back.
        values.advance(to: 2999)
        #expect(values.base == 3000)
    }

    @Test func longStretchesDoNotOverflow() {
        // 100 years at 5 GHz.
        let counts: UInt64 = 5_000_000_000 * 3_155_760_000
        let multiplier: UInt64 = (1_000_000_000 << 32) / 5_000_000_000
        let nanoseconds = ClockValues.scaled(counts, by: multiplier)
        #expect(nanoseconds / 1_000_000_000 > 3_155_750_000)
    }
}
