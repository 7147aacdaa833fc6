// The program that judges a kernel: each family exercises one group of system calls and prints what they answer.
// It runs on Linux and in Martlet; the lines must be the same. usage: conformance FAMILY [FOLDER] | list

import CTestSystem
import ProgramRuntime
import TestCalls

/// A family and the function that prints its lines.
private let families: [(name: StaticString, run: @Sendable () -> Void)] = [
    ("files", filesFamily), ("paths", pathsFamily), ("directories", directoriesFamily), ("bulkfiles", bulkFilesFamily),
    ("descriptors", descriptorsFamily), ("locks", locksFamily), ("devices", devicesFamily), ("pipes", pipesFamily),
    ("fifos", fifosFamily), ("memory", memoryFamily), ("faults", faultsFamily), ("memfd", memfdFamily),
    ("processes", processesFamily), ("groups", groupsFamily), ("exec", execFamily), ("badelf", badELFFamily),
    ("signals", signalsFamily), ("signalwaits", signalWaitsFamily), ("sockets", socketsFamily), ("listeners", listenersFamily),
    ("rights", rightsFamily), ("polling", pollingFamily), ("epoll", epollFamily), ("counters", countersFamily),
    ("futex", futexFamily), ("futexlocks", futexLocksFamily),
    ("threads", threadsFamily), ("clones", clonesFamily), ("terminals", terminalsFamily), ("jobs", jobsFamily),
    ("registers", registersFamily), ("badinput", badInputFamily), ("badpointers", badPointersFamily),
    ("limits", limitsFamily), ("time", timeFamily), ("proc", procFamily), ("credentials", credentialsFamily),
    ("scheduling", schedulingFamily), ("sharedobject", sharedObjectFamily), ("timers", timersFamily),
    ("vectorstates", vectorStatesFamily), ("childkinds", childKindsFamily), ("pidfds", processDescriptorsFamily),
    ("memorybounds", memoryBoundsFamily), ("largepages", largePagesFamily),
]

/// Where a program starts: Embedded Swift has no `CommandLine`.
@c(main)
public func conformanceMain(_ count: Int32, _ values: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> Int32 {
    var arguments: [String] = []
    for index in 0..<Int(count) { if let value = values[index] { arguments.append(String(cString: value)) } }
    guard arguments.count >= 2 else {
        emit("usage: conformance FAMILY [FOLDER] | list")
        return 2
    }
    if arguments[1] == "list" {
        for family in families { emit("\(family.name)") }
        return 0
    }
    if let status = execChild(arguments) { return status }
    if arguments[1] == "crash" {
        ts_poke(nil)
        return 0
    }
    if arguments[1] == "garbage", arguments.count > 2 {
        return sendGarbage(arguments[2], to: arguments.count > 3 ? arguments[3] : "/run/user/0/wayland-0")
    }
    if arguments[1] == "random", arguments.count > 3, let seed = Int(arguments[2]), let children = Int(arguments[3]) {
        return makeRandomCalls(seed: seed, children: children)
    }
    // Descriptor numbers are part of what is compared.
    for fd in 3..<256 { close(fd) }
    sys(SYS_umask, 0o022)
    // So are signals: what the parent ignores or blocks must not show.
    for number in 1...31 { ts_dispose(Int32(number), 0) }
    sys(SYS_rt_sigprocmask, Int(SIG_SETMASK), Buffer(8).address, 0, 8)
    sys(SYS_setpriority, 0, 0, 0)
    guard Workplace.enter(arguments.count > 2 ? arguments[2] : "/tmp") else { return 3 }
    // A family that hangs is ended by this; the default action is enough.
    sys(SYS_alarm, 100)
    for family in families where "\(family.name)" == arguments[1] {
        family.run()
        Workplace.leave()
        emit("end of \(family.name)")
        return 0
    }
    Workplace.leave()
    emit("no family \(arguments[1])")
    return 2
}

/// The folder in which every family starts.
enum Workplace {
    nonisolated(unsafe) private static var address = 0

    /// Makes a fresh folder, named by process so that runs on one machine do not meet, and enters it.
    static func enter(_ parent: String) -> Bool {
        address = text(copying: "\(parent)/conformance-\(sys(SYS_getpid))")
        let made = sys(SYS_mkdir, address, 0o755)
        if made >= 0 && sys(SYS_chdir, address) >= 0 { return true }
        emit("cannot make a folder in \(parent): \(outcome(made))")
        return false
    }

    /// Removes the folder and what the family left in it.
    static func leave() {
        sys(SYS_chdir, address)
        removeContents()
        sys(SYS_chdir, text("/"))
        sys(SYS_rmdir, address)
    }
}
