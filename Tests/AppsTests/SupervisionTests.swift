import Supervision
import Testing

@Suite struct SupervisionTests {
    @Test func aServiceThatKeepsDyingIsGivenUp() {
        var policy = RestartPolicy()
        var now: Int64 = 0
        var delays: [Int] = []
        for _ in 0..<5 {
            guard case .restart(let delay) = policy.died(atNanoseconds: now) else { break }
            delays.append(delay)
            now += Int64(delay) * 1_000_000 + 100_000_000
        }
        #expect(delays == [0, 100, 200, 400, 800])
        #expect(policy.died(atNanoseconds: now) == .giveUp)
        policy.reset()
        #expect(policy.died(atNanoseconds: now) == .restart(afterMilliseconds: 0))
    }

    @Test func aServiceThatRunsForAWhileIsForgiven() {
        var policy = RestartPolicy()
        for death in 0..<100 {
            #expect(policy.died(atNanoseconds: Int64(death) * 10_000_000_000) == .restart(afterMilliseconds: 0))
        }
    }
}
