// Page faults, mappings, memory files.

import CTestSystem
import TestCalls

private let readWrite = Int(PROT_READ | PROT_WRITE)

func memory() {
    faults()
    mappings()
    manyAreas()
    for (name, size): (StaticString, Int) in [("memfd 4 KiB", 4096), ("memfd 1 MiB", 1 << 20)] {
        measure(name, operations: size > 4096 ? 20 : 200) {
            for _ in 0..<$0 {
                let fd = sys(SYS_memfd_create, text("bench"), 0)
                sys(SYS_ftruncate, fd, size)
                let address = sys(SYS_mmap, 0, size, readWrite, Int(MAP_SHARED), fd, 0)
                for page in stride(from: 0, to: size, by: 4096) { setByte(address + page, 1) }
                sys(SYS_munmap, address, size)
                close(fd)
            }
        }
    }
}

private func touch(_ address: Int, _ size: Int) { for page in stride(from: 0, to: size, by: 4096) { setByte(address + page, 1) } }

private func faults() {
    let size = 64 << 20
    func map() -> Int {
        let address = anonymous(size)
        sys(SYS_madvise, address, size, 15)
        return address
    }
    measure("anonymous fault", operations: size / 4096, prepare: map, { touch($0, size) }, finish: { sys(SYS_munmap, $0, size) })
    // The same in one aligned area for which large pages are asked, again for each 4 KiB.
    let large = 2 << 20
    func aligned(_ address: Int) -> Int { (address + large - 1) & ~(large - 1) }
    func mapLarge() -> Int {
        let address = anonymous(size + large)
        sys(SYS_madvise, aligned(address), size, 14)
        return address
    }
    measure(
        "2 MiB pages", operations: size / 4096, prepare: mapLarge, { touch(aligned($0), size) },
        finish: { sys(SYS_munmap, $0, size + large) })
    measure(
        "read fault", operations: size / 4096, prepare: map,
        { address in
            var sum: UInt8 = 0
            for page in stride(from: 0, to: size, by: 4096) { sum &+= byte(address + page) }
            if sum != 0 { report("read fault saw data", 1) }
        }, finish: { sys(SYS_munmap, $0, size) })
    // The child breaks copy-on-write of pages that its parent has; it counts its own time.
    let copied = 16 << 20
    let address = anonymous(copied)
    sys(SYS_madvise, address, copied, 15)
    touch(address, copied)
    let shared = anonymous(4096, PROT_READ | PROT_WRITE, MAP_SHARED)
    var best = Int.max
    for _ in 0..<7 {
        let pid = child {
            let start = now()
            touch(address, copied)
            pointer(shared).storeBytes(of: now() - start, as: Int.self)
            return 0
        }
        _ = reap(pid)
        best = min(best, pointer(shared).load(as: Int.self))
    }
    report("copy-on-write fault", best / (copied / 4096))
    sys(SYS_munmap, address, copied)
}

private func mappings() {
    measure("mmap + munmap", operations: 1_000) {
        for _ in 0..<$0 { sys(SYS_munmap, anonymous(4096), 4096) }
    }
    measure("mmap + touch + munmap", operations: 1_000) {
        for _ in 0..<$0 {
            let address = anonymous(4096)
            setByte(address, 1)
            sys(SYS_munmap, address, 4096)
        }
    }
    // A page with nothing beside it, so that no area is split or merged.
    let page = anonymous(3 * 4096) + 4096
    sys(SYS_munmap, page - 4096, 4096)
    sys(SYS_munmap, page + 4096, 4096)
    setByte(page, 1)
    measure("mprotect", operations: 2_000) {
        for index in 0..<$0 { sys(SYS_mprotect, page, 4096, index & 1 == 0 ? Int(PROT_READ) : readWrite) }
    }
}

private func manyAreas() {
    let count = 10_000
    let addresses = UnsafeMutablePointer<Int>.allocate(capacity: count)
    var (mapBest, faultBest, unmapBest) = (Int.max, Int.max, Int.max)
    for _ in 0..<3 {
        var seed: UInt64 = 88_172_645_463_325_252
        func next(_ bound: Int) -> Int {
            seed ^= seed << 13
            seed ^= seed >> 7
            seed ^= seed << 17
            return Int(seed % UInt64(bound))
        }
        var start = now()
        // Neighbours differ in protection, so that they do not merge.
        for index in 0..<count {
            addresses[index] = anonymous(4096, index & 1 == 0 ? PROT_READ | PROT_WRITE : PROT_READ | PROT_WRITE | PROT_EXEC)
        }
        mapBest = min(mapBest, now() - start)
        for index in stride(from: count - 1, to: 0, by: -1) {
            let other = next(index + 1)
            (addresses[index], addresses[other]) = (addresses[other], addresses[index])
        }
        start = now()
        for index in 0..<count { setByte(addresses[index], 1) }
        faultBest = min(faultBest, now() - start)
        start = now()
        for index in 0..<count { sys(SYS_munmap, addresses[index], 4096) }
        unmapBest = min(unmapBest, now() - start)
    }
    report("10000 areas: mmap", mapBest / count)
    report("10000 areas: random fault", faultBest / count)
    report("10000 areas: random munmap", unmapBest / count)
}
