/// How often each number is in use. A number that was given out once is not given out again as long as it names a thread, a process, a
/// group or a session.
struct IDUses: ~Copyable {
    // Never freed: there is one table of processes.
    private let counts: UnsafeMutablePointer<UInt16>

    init() {
        counts = .allocate(capacity: Int(ProcessTable.maximumID))
        counts.initialize(repeating: 0, count: Int(ProcessTable.maximumID))
    }

    func isFree(_ id: Int32) -> Bool { counts[Int(id)] == 0 }

    /// Counts a use in or out. There are fewer processes than a count can hold.
    func add(_ id: Int32, _ change: Int) {
        if id <= 0 || id >= ProcessTable.maximumID { return }
        counts[Int(id)] = UInt16(Int(counts[Int(id)]) + change)
    }

    /// Counts a process's number, group and session in or out.
    func add(_ process: Process, _ change: Int) {
        add(process.pid, change)
        add(process.links.group, change)
        add(process.links.session?.id ?? 0, change)
    }
}
