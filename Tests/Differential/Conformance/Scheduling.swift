// How threads are scheduled: policies, processors, and how both are inherited.

import CTestSystem
import TestCalls

private let (normal, fifo, roundRobin, batch, idle, deadline) = (0, 1, 2, 3, 5, 6)
private let resetOnFork = 0x4000_0000

func schedulingFamily() {
    policies()
    badPolicies()
    attributes()
    badAttributes()
    affinity()
    badAffinity()
    inheritance()
    rights()
    timerSlack()
}

private func parameter(_ priority: Int32) -> Int {
    let buffer = Buffer(4)
    buffer.store(priority, at: 0)
    return buffer.address
}

private func setPolicy(_ policy: Int, _ priority: Int32 = 0, of pid: Int = 0) -> Int {
    sys(SYS_sched_setscheduler, pid, policy, parameter(priority))
}

private func policy(of pid: Int = 0) -> Int { sys(SYS_sched_getscheduler, pid) }

private func policies() {
    check("policy at first", policy())
    let value = Buffer(4)
    value.store(Int32(7), at: 0)
    check("parameter", sys(SYS_sched_getparam, 0, value.address))
    check("priority", Int(value.load(Int32.self, at: 0)))
    checkChild("batch") {
        check("set", setPolicy(batch))
        check("get", policy())
        check("back", setPolicy(normal))
        check("get", policy())
        check("idle", setPolicy(idle))
        check("get", policy())
        check("parameter", sys(SYS_sched_setparam, 0, parameter(0)))
        check("still", policy())
        check("with the mark for children", setPolicy(batch | resetOnFork))
        check("get", policy())
        check("without", setPolicy(batch))
        check("get", policy())
        check("nice", sys(SYS_setpriority, 0, 0, 7))
        check("idle again", setPolicy(idle))
        check("keeps the nice value", sys(SYS_getpriority, 0, 0))
        check("by its number", policy(of: sys(SYS_getpid)))
        return 0
    }
    let known: [(Int, StaticString)] = [
        (normal, "normal"), (fifo, "fifo"), (roundRobin, "rr"), (batch, "batch"), (idle, "idle"), (deadline, "deadline"),
    ]
    for (number, name) in known {
        check("greatest priority of \(name)", sys(SYS_sched_get_priority_max, number))
        check("least priority of \(name)", sys(SYS_sched_get_priority_min, number))
    }
    let interval = Buffer(16)
    check("interval", sys(SYS_sched_rr_get_interval, 0, interval.address))
    check("interval is below a second", interval.load(Int.self, at: 0))
    check("yield", sys(SYS_sched_yield))
}

private func badPolicies() {
    check("policy of nobody", policy(of: 999_999))
    check("policy of a negative number", policy(of: -1))
    check("unknown policy", setPolicy(99))
    check("hole among the policies", setPolicy(4))
    check("negative policy", setPolicy(-1))
    check("normal with a priority", setPolicy(normal, 1))
    check("idle with a priority", setPolicy(idle, 1))
    check("fifo without a priority", setPolicy(fifo, 0))
    check("fifo with too great a priority", setPolicy(fifo, 100))
    check("rr with a negative priority", setPolicy(roundRobin, -1))
    check("deadline", setPolicy(deadline))
    check("no parameter", sys(SYS_sched_setscheduler, 0, normal, 0))
    check("parameter that faults", sys(SYS_sched_setscheduler, 0, normal, forbiddenPage()))
    check("policy for nobody", setPolicy(normal, of: 999_999))
    check("policy for a negative number", setPolicy(normal, of: -5))
    check("setparam with a priority", sys(SYS_sched_setparam, 0, parameter(3)))
    check("setparam of nobody", sys(SYS_sched_setparam, 999_999, parameter(0)))
    check("setparam without", sys(SYS_sched_setparam, 0, 0))
    check("getparam without", sys(SYS_sched_getparam, 0, 0))
    check("getparam of nobody", sys(SYS_sched_getparam, 999_999, Buffer(4).address))
    check("getparam of a negative number", sys(SYS_sched_getparam, -1, Buffer(4).address))
    check("getparam that faults", sys(SYS_sched_getparam, 0, forbiddenPage()))
    check("priorities of an unknown policy", sys(SYS_sched_get_priority_max, 4))
    check("priorities of a negative policy", sys(SYS_sched_get_priority_min, -1))
    check("interval of nobody", sys(SYS_sched_rr_get_interval, 999_999, Buffer(16).address))
    check("interval of a negative number", sys(SYS_sched_rr_get_interval, -1, Buffer(16).address))
    check("interval that faults", sys(SYS_sched_rr_get_interval, 0, forbiddenPage()))
}

/// `struct sched_attr`.
private func attribute(size: Int32 = 48, policy: Int = 0, flags: Int = 0, nice: Int32 = 0, priority: Int32 = 0) -> Buffer {
    let buffer = Buffer(128)
    buffer.store(size, at: 0)
    buffer.store(Int32(policy), at: 4)
    buffer.store(flags, at: 8)
    buffer.store(nice, at: 16)
    buffer.store(priority, at: 20)
    return buffer
}

private func set(_ buffer: Buffer, _ pid: Int = 0, flags: Int = 0) -> Int { sys(SYS_sched_setattr, pid, buffer.address, flags) }

private func showAttribute() {
    let buffer = Buffer(128)
    check("getattr", sys(SYS_sched_getattr, 0, buffer.address, 48, 0))
    check("size", Int(buffer.load(Int32.self, at: 0)))
    check("policy", Int(buffer.load(Int32.self, at: 4)))
    check("flags", buffer.load(Int.self, at: 8))
    check("nice", Int(buffer.load(Int32.self, at: 16)))
    check("priority", Int(buffer.load(Int32.self, at: 20)))
}

private func attributes() {
    checkChild("attributes") {
        showAttribute()
        check("batch, nice", set(attribute(policy: batch, nice: 4)))
        showAttribute()
        check("keep the policy", set(attribute(policy: normal, flags: 8, nice: 6)))
        showAttribute()
        check("keep the parameters", set(attribute(policy: normal, flags: 16, nice: 9)))
        showAttribute()
        check("mark for children", set(attribute(policy: normal, flags: 1, nice: 100)))
        showAttribute()
        check("size 0", set(attribute(size: 0, policy: batch, nice: 3)))
        check("the later size", set(attribute(size: 56, policy: batch, nice: 3)))
        check("larger, with zeros", set(attribute(size: 128, policy: idle, nice: 3)))
        showAttribute()
        return 0
    }
    let buffer = Buffer(128)
    check("getattr into more", sys(SYS_sched_getattr, 0, buffer.address, 128, 0))
    check("size", Int(buffer.load(Int32.self, at: 0)))
}

private func badAttributes() {
    let buffer = attribute(size: 47)
    check("too small", set(buffer))
    check("size that is", Int(buffer.load(Int32.self, at: 0)))
    let large = attribute(size: 128)
    large[100] = 1
    check("larger, with something", set(large))
    check("size that is", Int(large.load(Int32.self, at: 0)))
    check("larger than a page", set(attribute(size: 5000)))
    check("without", sys(SYS_sched_setattr, 0, 0, 0))
    check("that faults", sys(SYS_sched_setattr, 0, forbiddenPage(), 0))
    check("with flags", set(attribute(), flags: 1))
    check("of nobody", set(attribute(), 999_999))
    check("of a negative number", set(attribute(), -1))
    check("negative policy", set(attribute(policy: -1)))
    check("unknown policy", set(attribute(policy: 44)))
    check("unknown flag", set(attribute(flags: 1 << 20)))
    check("with a priority", set(attribute(priority: 1)))
    check("fifo without a priority", set(attribute(policy: fifo)))
    let address = Buffer(128).address
    check("getattr without", sys(SYS_sched_getattr, 0, 0, 48, 0))
    check("getattr into too little", sys(SYS_sched_getattr, 0, address, 47, 0))
    check("getattr into too much", sys(SYS_sched_getattr, 0, address, 5000, 0))
    check("getattr with flags", sys(SYS_sched_getattr, 0, address, 48, 1))
    check("getattr of nobody", sys(SYS_sched_getattr, 999_999, address, 48, 0))
    check("getattr of a negative number", sys(SYS_sched_getattr, -1, address, 48, 0))
    check("getattr that faults", sys(SYS_sched_getattr, 0, forbiddenPage(), 48, 0))
}

private func mask(of pid: Int = 0) -> UInt64 {
    let buffer = Buffer(128)
    return sys(SYS_sched_getaffinity, pid, 128, buffer.address) > 0 ? buffer.load(UInt64.self, at: 0) : 0
}

private func setMask(_ value: UInt64, of pid: Int = 0, length: Int = 8) -> Int {
    let buffer = Buffer(128)
    buffer.store(value, at: 0)
    return sys(SYS_sched_setaffinity, pid, length, buffer.address)
}

private func processor() -> Int {
    let buffer = Buffer(8)
    return sys(SYS_getcpu, buffer.address, buffer.address + 4, 0) < 0 ? -1 : Int(buffer.load(UInt32.self, at: 0))
}

private func affinity() {
    let all = mask()
    check("some processor", all != 0)
    check("one of them runs this", all >> UInt64(processor()) & 1 == 1)
    checkChild("each by itself") {
        var faults = 0
        for number in 0..<64 {
            let bit: UInt64 = 1 << UInt64(number)
            if all & bit == 0 { continue }
            if setMask(bit) != 0 || mask() != bit { faults += 1 }
            for _ in 0..<20 {
                if processor() != number { faults += 1 }
                sys(SYS_sched_yield)
            }
        }
        check("wrong", faults)
        check("all again", setMask(all))
        check("as before", mask() == all)
        check("everything", setMask(.max))
        check("is what there is", mask() == all)
        check("more than there is", setMask(.max, length: 128))
        check("by its number", setMask(all, of: sys(SYS_getpid)))
        check("nowhere for the node", sys(SYS_getcpu, 0, 0, 0))
        return 0
    }
    let lowest = all & (~all &+ 1)
    checkChild("a mask as short as one byte") {
        check("set", lowest < 256 ? setMask(lowest, length: 1) : 0)
        return lowest < 256 && mask() != lowest ? 1 : 0
    }
    let stopped = child {
        while true { pause(milliseconds: 1000) }
    }
    check("another's", setMask(lowest, of: stopped))
    check("is set", mask(of: stopped) == lowest)
    check("its own is not", mask() == all)
    sys(SYS_kill, stopped, Int(SIGKILL))
    check("end", text: reap(stopped))
}

private func badAffinity() {
    let buffer = Buffer(128)
    check("no processor", setMask(0))
    check("empty mask", setMask(1, length: 0))
    check("affinity for nobody", setMask(1, of: 999_999))
    check("affinity for a negative number", setMask(1, of: -1))
    check("affinity that faults", sys(SYS_sched_setaffinity, 0, 8, forbiddenPage()))
    check("get into nothing", sys(SYS_sched_getaffinity, 0, 0, buffer.address))
    check("get into an odd length", sys(SYS_sched_getaffinity, 0, 129, buffer.address))
    check("get of nobody", sys(SYS_sched_getaffinity, 999_999, 128, buffer.address))
    check("get of a negative number", sys(SYS_sched_getaffinity, -1, 128, buffer.address))
    check("get that faults", sys(SYS_sched_getaffinity, 0, 128, forbiddenPage()))
    check("getcpu that faults", sys(SYS_getcpu, forbiddenPage(), 0, 0))
}

private func inheritance() {
    let all = mask()
    let lowest = all & (~all &+ 1)
    checkChild("a child inherits") {
        _ = setMask(lowest)
        _ = set(attribute(policy: batch, nice: 5))
        checkChild("of its parent") {
            check("processors", mask() == lowest)
            showAttribute()
            return 0
        }
        return 0
    }
    checkChild("a child does not, when its parent says so") {
        _ = sys(SYS_setpriority, 0, 0, -5)
        check("set", setPolicy(batch | resetOnFork))
        checkChild("of its parent") {
            showAttribute()
            return 0
        }
        check("the parent's mark stays", policy())
        return 0
    }
}

private func rights() {
    let parent = sys(SYS_getpid)
    checkChild("an ordinary user") {
        sys(SYS_setresuid, 1000, 1000, 1000)
        check("fifo", setPolicy(fifo, 1))
        check("rr", setPolicy(roundRobin, 50))
        check("fifo for another", setPolicy(fifo, 1, of: parent))
        check("batch for another", setPolicy(batch, of: parent))
        check("affinity of another", setMask(1, of: parent))
        check("policy of another may be read", policy(of: parent))
        check("nicer", set(attribute(policy: normal, nice: 5)))
        check("less nice", set(attribute(policy: normal, nice: 2)))
        check("idle", setPolicy(idle))
        check("and back", setPolicy(normal))
        check("mark", setPolicy(idle | resetOnFork))
        check("unmark", setPolicy(idle))
        return 0
    }
}

private func timerSlack() {
    let (set, get) = (29, 30)
    checkChild("timer slack") {
        check("set", sys(SYS_prctl, set, 1000))
        check("get", sys(SYS_prctl, get))
        checkChild("of a child") {
            check("get", sys(SYS_prctl, get))
            check("set", sys(SYS_prctl, set, 7))
            check("get", sys(SYS_prctl, get))
            check("as before", sys(SYS_prctl, set, 0))
            check("get", sys(SYS_prctl, get))
            return 0
        }
        return 0
    }
}
