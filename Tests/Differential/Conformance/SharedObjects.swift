// The kernel's shared object: what loaders look for in it, and that it tells the same as system calls.

import CTestSystem
import TestCalls

func sharedObjectFamily() {
    let object = SharedObject()
    check("there is one", object.base != 0)
    guard object.base != 0 else { return }
    check("it starts on a page", object.base & 4095)
    check("header", bytes: (0..<7).map { byte(object.base + $0) })
    check("type", Int(byte(object.base + 16)))
    functions(object)
    clocks(object)
    others(object)
    mappings(object)
    auxiliaryVector(object)
}

private func functions(_ object: SharedObject) {
    check("clock_gettime", object.function("__vdso_clock_gettime") != 0)
    check("gettimeofday", object.function("__vdso_gettimeofday") != 0)
    check("time", object.function("__vdso_time") != 0)
    check("getcpu", object.function("__vdso_getcpu") != 0)
    check("clock_getres", object.function("__vdso_clock_getres") != 0)
    check("names without a prefix", object.function("clock_gettime") == object.function("__vdso_clock_gettime"))
    check("another version", object.function("__vdso_clock_gettime", version: "LINUX_2.7") != 0)
    check("a function that is not there", object.function("__vdso_no_such_thing") != 0)
}

private func clocks(_ object: SharedObject) {
    let (get, resolution) = (object.function("__vdso_clock_gettime"), object.function("__vdso_clock_getres"))
    let (before, between, after) = (Buffer(16), Buffer(16), Buffer(16))
    func total(_ buffer: Buffer) -> Int { buffer.load(Int.self, at: 0) * 1_000_000_000 + buffer.load(Int.self, at: 8) }
    for id in [0, 1, 2, 3, 4, 5, 6, 7, 11] {
        check("clock \(id)", ts_call3(get, id, between.address, 0))
        var wrong = 0
        for _ in 0..<1000 {
            sys(SYS_clock_gettime, id, before.address)
            _ = ts_call3(get, id, between.address, 0)
            sys(SYS_clock_gettime, id, after.address)
            if total(between) < total(before) || total(after) < total(between) { wrong += 1 }
            if !(0..<1_000_000_000).contains(between.load(Int.self, at: 8)) { wrong += 1 }
        }
        check("clock \(id) lies between two calls", wrong)
        between.fill(0xaa)
        check("resolution of \(id)", ts_call3(resolution, id, between.address, 0))
        sys(SYS_clock_getres, id, before.address)
        check("the same", total(between) == total(before))
        check("resolution of \(id) without place", ts_call3(resolution, id, 0, 0))
    }
    for id in [10, 12, 77, -1] {
        check("unknown clock \(id)", ts_call3(get, id, between.address, 0))
        check("its resolution", ts_call3(resolution, id, between.address, 0))
    }
    check("own processor clock by number", ts_call3(get, ~sys(SYS_getpid) << 3 | 2, between.address, 0))
    var (last, backward) = (0, 0)
    for _ in 0..<20_000 {
        _ = ts_call3(get, 1, between.address, 0)
        if total(between) < last { backward += 1 }
        last = total(between)
    }
    check("monotonic goes back", backward)
}

private func others(_ object: SharedObject) {
    let day = object.function("__vdso_gettimeofday"), seconds = object.function("__vdso_time")
    let (place, zone) = (Buffer(16), Buffer(8))
    check("gettimeofday", ts_call3(day, place.address, 0, 0))
    check("microseconds", (0..<1_000_000).contains(place.load(Int.self, at: 8)))
    zone.fill(0xaa)
    check("with a zone", ts_call3(day, place.address, zone.address, 0))
    check("zone", zone.load(Int.self, at: 0))
    check("neither", ts_call3(day, 0, 0, 0))
    let before = sys(SYS_time, 0), between = ts_call_long(seconds, place.address), after = sys(SYS_time, 0)
    check("time", between >= before - 1 && between <= after)
    check("time is stored", place.load(Int.self, at: 0) == between)
    let mask = Buffer(128)
    mask[0] = 1
    sys(SYS_sched_setaffinity, 0, 128, mask.address)
    let getcpu = object.function("__vdso_getcpu")
    place.fill(0xaa)
    check("getcpu", ts_call3(getcpu, place.address, place.address + 4, 0))
    check("processor and node", place.load(Int.self, at: 0))
    check("getcpu without places", ts_call3(getcpu, 0, 0, 0))
}

private func mappings(_ object: SharedObject) {
    let fd = sys(SYS_open, text("/proc/self/maps"), 0)
    var bytes: [UInt8] = []
    while true {
        let part = read(fd, 65536)
        if part.result <= 0 { break }
        bytes += part.bytes
    }
    close(fd)
    let lines = bytes.split(separator: 10).map { String(decoding: $0, as: UTF8.self) }
    var numbers = 0
    for line in lines {
        if !line.hasSuffix(" [vdso]") && !line.hasSuffix(" [vvar]") { continue }
        let fields = line.split(separator: " ")
        check("\(fields[fields.count - 1])", text: "\(fields[1]) \(fields[2]) \(fields[3]) \(fields[4])")
        let start = Int(fields[0].split(separator: "-")[0], radix: 16) ?? 0
        if line.hasSuffix(" [vdso]") { check("it is there", start == object.base) } else { numbers = start }
    }
    check("the numbers can be made writable", sys(SYS_mprotect, numbers, 4096, Int(PROT_READ | PROT_WRITE)))
    checkChild("writing to the numbers") {
        setByte(numbers, 1)
        return 0
    }
    checkChild("writing to the code") {
        setByte(object.base, 1)
        return 0
    }
    checkChild("inherited") { ts_call3(object.function("__vdso_clock_gettime"), 1, Buffer(16).address, 0) == 0 ? 0 : 1 }
}

private func auxiliaryVector(_ object: SharedObject) {
    let fd = sys(SYS_open, text("/proc/self/auxv"), 0)
    let (count, bytes) = read(fd, 4096)
    close(fd)
    check("auxv is whole", count > 0 && count % 16 == 0)
    let buffer = Buffer(max(count, 16))
    for index in bytes.indices { buffer[index] = bytes[index] }
    var (found, differing, ended) = (0, 0, false)
    for offset in stride(from: 0, to: count, by: 16) {
        let (key, value) = (buffer.load(Int.self, at: offset), buffer.load(Int.self, at: offset + 8))
        if key == 0 {
            ended = true
            break
        }
        if key == Int(AT_SYSINFO_EHDR) { found = value }
        if Int(getauxval(UInt(key))) != value { differing += 1 }
    }
    check("auxv ends", ended)
    check("auxv names the object", found == object.base)
    check("auxv and the stack differ", differing)
    check("page size", Int(getauxval(UInt(AT_PAGESZ))))
    check("ticks", Int(getauxval(UInt(AT_CLKTCK))))
}
