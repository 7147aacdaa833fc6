import ABI
import Files
import Processes
import Scheduling
import Support

/// Waiting for several files at once: poll, ppoll, select, pselect6.
public enum PollCalls {
    public static func register(_ table: inout SyscallTable) {
        table.set(.poll) { (a) throws(Errno) in
            let milliseconds = a.int32(2)
            var deadline = milliseconds < 0 ? nil : machineMonotonicNanoseconds() &+ UInt64(milliseconds) * 1_000_000
            // A stop and continuation does not lengthen the wait.
            let thread = UserThread.current
            if deadline != nil, thread.restartDeadline != 0 { deadline = thread.restartDeadline }
            thread.restartDeadline = 0
            do throws(Errno) { return try poll(a.address(0), a.uint32(1), deadline: deadline) } catch {
                if error == .restartUnlessHandled { thread.restartDeadline = deadline ?? 0 }
                throw error
            }
        }
        table.set(.ppoll) { (a) throws(Errno) in
            let time = a.address(2)
            let deadline = try deadline(time)
            return try reportingTimeLeft(
                deadline,
                { (left) throws(Errno) in
                    try copyOut(TimeSpec(nanoseconds: left), to: time)
                }
            ) { () throws(Errno) in
                try withMask(a.address(3), size: a.raw(4)) { () throws(Errno) in
                    try poll(a.address(0), a.uint32(1), deadline: deadline)
                }
            }
        }
        table.set(.select) { (a) throws(Errno) in
            var deadline: UInt64?
            if !a.address(4).isNull {
                let seconds = try copyIn(Int64.self, from: a.address(4))
                let micros = try copyIn(Int64.self, from: a.address(4) + 8)
                guard seconds >= 0, micros >= 0 else { throw .invalidArgument }
                let duration = UInt64(min(seconds, 1 << 32)) * 1_000_000_000 &+ UInt64(min(micros, 1 << 32)) * 1000
                deadline = duration == 0 ? 0 : machineMonotonicNanoseconds() &+ duration
            }
            return try reportingTimeLeft(
                deadline,
                { (left) throws(Errno) in
                    try copyOut(TimeValue(nanoseconds: left), to: a.address(4))
                }
            ) { () throws(Errno) in try select(a, deadline: deadline) }
        }
        table.set(.pselect6) { (a) throws(Errno) in
            let deadline = try deadline(a.address(4))
            // The sixth argument points to the mask's address and size.
            var mask = UserAddress(0)
            var size: UInt64 = 8
            if !a.address(5).isNull {
                mask = UserAddress(try copyIn(UInt64.self, from: a.address(5)))
                size = try copyIn(UInt64.self, from: a.address(5) + 8)
            }
            return try reportingTimeLeft(
                deadline,
                { (left) throws(Errno) in
                    try copyOut(TimeSpec(nanoseconds: left), to: a.address(4))
                }
            ) { () throws(Errno) in
                try withMask(mask, size: size) { () throws(Errno) in try select(a, deadline: deadline) }
            }
        }
    }

    /// Runs a wait and writes back what is left of its time, however it ended: when it is started again, it goes on from
    /// there. A place that cannot be written does not matter.
    private static func reportingTimeLeft(
        _ deadline: UInt64?, _ report: (UInt64) throws(Errno) -> Void, _ wait: () throws(Errno) -> Int
    ) throws(Errno) -> Int {
        // No time at all is not counted down.
        guard let deadline, deadline != 0 else { return try wait() }
        func finish() {
            let now = machineMonotonicNanoseconds()
            do throws(Errno) { try report(deadline > now ? deadline - now : 0) } catch {}
        }
        do throws(Errno) {
            let result = try wait()
            finish()
            return result
        } catch {
            finish()
            throw error
        }
    }

    /// An absolute deadline from a relative `timespec`; nil for a null pointer, 0 for no time at all.
    static func deadline(_ address: UserAddress) throws(Errno) -> UInt64? {
        if address.isNull { return nil }
        let time = try copyIn(TimeSpec.self, from: address)
        guard let duration = time.duration else { throw .invalidArgument }
        return duration == 0 ? 0 : min(machineMonotonicNanoseconds() &+ duration, UInt64(Int64.max))
    }

    /// Runs `body` with the signal mask that a program gives, if it gives one.
    static func withMask(_ address: UserAddress, size: UInt64, _ body: () throws(Errno) -> Int) throws(Errno) -> Int {
        if address.isNull { return try body() }
        guard size == 8 else { throw .invalidArgument }
        let thread = UserThread.current
        thread.setTemporaryMask(try copyIn(UInt64.self, from: address))
        do throws(Errno) {
            let result = try body()
            thread.endTemporaryMask()
            return result
        } catch {
            thread.endTemporaryMask()
            throw error
        }
    }

    /// Waits until `scan` finds something, the deadline passes or a signal comes.
    /// - Parameter scan: asks all files; it is given a registration the first time only.
    private static func wait(deadline: UInt64?, _ scan: (PollRegistration?) -> Int) throws(Errno) -> Int {
        var ready = scan(nil)
        if ready > 0 { return ready }
        if let deadline, deadline <= machineMonotonicNanoseconds() { return 0 }
        let registration = ThreadPollRegistration()
        var isRegistered = false
        let timer = WaitQueue()
        do throws(Errno) {
            try timer.wait(deadline: deadline) {
                ready = scan(isRegistered ? nil : registration)
                isRegistered = true
                return ready > 0
            }
        } catch {
            registration.removeAll()
            if error == .timedOut { return 0 }
            throw .restartUnlessHandled
        }
        registration.removeAll()
        return ready
    }

    // MARK: poll

    private static func poll(_ address: UserAddress, _ count: UInt32, deadline: UInt64?) throws(Errno) -> Int {
        guard Int(count) <= descriptorLimit else { throw .invalidArgument }
        var entries: [PollDescriptor] = []
        entries.reserveCapacity(Int(count))
        for index in 0..<Int(count) { entries.append(try copyIn(PollDescriptor.self, from: address + index * 8)) }
        let descriptors = FileContext.current.descriptors
        // The files are looked up once: they stay open for the call even if another thread closes a descriptor.
        var files: [OpenFile?] = []
        for entry in entries { files.append(entry.descriptor < 0 ? nil : try? descriptors.file(entry.descriptor)) }
        let ready = try wait(deadline: deadline) { registration in
            var ready = 0
            for index in entries.indices {
                entries[index].returned = 0
                if entries[index].descriptor < 0 { continue }
                var events = PollEvents.invalid
                if let file = files[index] {
                    let wanted = PollEvents(rawValue: UInt32(UInt16(bitPattern: entries[index].events)))
                    events = file.poll(registration).intersection(wanted.union([.error, .hangUp]))
                }
                entries[index].returned = Int16(truncatingIfNeeded: events.rawValue)
                if !events.isEmpty { ready += 1 }
            }
            return ready
        }
        for (index, entry) in entries.enumerated() { try copyOut(entry.returned, to: address + index * 8 + 6) }
        return ready
    }

    // MARK: select

    private static func select(_ a: SyscallArguments, deadline: UInt64?) throws(Errno) -> Int {
        let count = Int(a.int32(0))
        guard count >= 0 else { throw .invalidArgument }
        let used = min(count, max(descriptorLimit, 1024))
        let wordCount = (used + 63) / 64
        var wanted: [[UInt64]] = []
        for index in 1...3 { wanted.append(try readSet(a.address(index), wordCount)) }
        let descriptors = FileContext.current.descriptors
        var files: [(number: Int, file: OpenFile)] = []
        for number in 0..<used {
            let bit: UInt64 = 1 << UInt64(number & 63)
            if (wanted[0][number / 64] | wanted[1][number / 64] | wanted[2][number / 64]) & bit == 0 { continue }
            files.append((number, try descriptors.file(Int32(number))))
        }
        let masks: [PollEvents] = [
            [.input, .readNormal, .hangUp, .error], [.output, .writeNormal, .error], [.priority],
        ]
        var found = wanted
        let ready = try wait(deadline: deadline) { registration in
            var ready = 0
            for set in 0..<3 { for word in 0..<wordCount { found[set][word] = 0 } }
            for (number, file) in files {
                let events = file.poll(registration)
                let bit: UInt64 = 1 << UInt64(number & 63)
                for set in 0..<3 where wanted[set][number / 64] & bit != 0 && !events.isDisjoint(with: masks[set]) {
                    found[set][number / 64] |= bit
                    ready += 1
                }
            }
            return ready
        }
        for set in 0..<3 where !a.address(set + 1).isNull {
            for word in 0..<wordCount { try copyOut(found[set][word], to: a.address(set + 1) + word * 8) }
        }
        return ready
    }

    private static func readSet(_ address: UserAddress, _ wordCount: Int) throws(Errno) -> [UInt64] {
        var words = [UInt64](repeating: 0, count: wordCount)
        if address.isNull { return words }
        for index in 0..<wordCount { words[index] = try copyIn(UInt64.self, from: address + index * 8) }
        return words
    }
}
