// One folder, many processes: who creates, renames and removes is decided once, and contents are never mixed.

import CTestSystem
import TestCalls

private let count = 4

func fileStorm(_ storm: Storm) {
    let (rounds, replaced) = (storm.counter("rounds", atLeast: 2), storm.counter("replaced"))
    let appended = storm.counter("appended")
    let (created, removed, stop) = (storm.words(1), storm.words(1), storm.words(1))
    storm.require(sys(SYS_chdir, storm.folder) == 0, "no such folder")
    sys(SYS_mkdir, text("storm"), 0o755)
    storm.require(sys(SYS_chdir, text("storm")) == 0, "no folder for the storm")
    close(open("log", O_CREAT | O_TRUNC | O_WRONLY))
    let meeting = Barrier(storm, count)
    children(storm, count) { index in
        var random = storm.random(index)
        let own = text(copying: "own-\(index)")
        let other = text(copying: "other-\(index)")
        while true {
            // All agree on whether there is one more round.
            if index == 0 && storm.isOver { ts_store(stop, 1) }
            meeting.wait()
            if ts_load(stop) != 0 { break }
            if index == 0 { ts_store(created, 0) }
            if index == 0 { ts_store(removed, 0) }
            meeting.wait()
            let fd = open("one", O_CREAT | O_EXCL | O_WRONLY)
            if fd >= 0 { _ = ts_add(created, 1) } else { storm.require(fd == -Int(EEXIST), "creating the one", fd) }
            if fd >= 0 { close(fd) }
            if sys(SYS_mkdir, text("folder"), 0o755) == 0 { _ = ts_add(created, 1) }
            append(storm, index, appended)
            replace(storm, index, &random, own, replaced)
            meeting.wait()
            storm.require(ts_load(created) == 2, "created by many or none", Int(ts_load(created)))
            meeting.wait()
            if sys(SYS_unlink, text("one")) == 0 { _ = ts_add(removed, 1) }
            if sys(SYS_rename, text("folder"), other) == 0 { _ = ts_add(removed, 1) }
            sys(SYS_rmdir, other)
            privateFile(storm, &random, own, other)
            meeting.wait()
            storm.require(ts_load(removed) == 2, "removed by many or none", Int(ts_load(removed)))
            if index == 0 { _ = ts_add(rounds, 1) }
        }
    }
    checkLog(storm, Int(ts_load(appended)))
    for name: StaticString in ["log", "target"] { sys(SYS_unlink, text(name)) }
    sys(SYS_chdir, text(".."))
    storm.require(sys(SYS_rmdir, text("storm")) == 0, "something is left in the folder")
}

/// Records at the end of a common file, each whole.
private func append(_ storm: Storm, _ index: Int, _ appended: UnsafeMutablePointer<Int32>) {
    let record = Buffer(96)
    defer { record.base.deallocate() }
    record.fill(UInt8(65 + index))
    record[95] = 10
    let fd = open("log", O_WRONLY | O_APPEND)
    for _ in 0..<4 {
        storm.require(sys(SYS_write, fd, record.address, 96) == 96, "an append failed")
        _ = ts_add(appended, 1)
        // While others append: what is being written must not be cut off by writing it back.
        if index == 0 { sys(SYS_fsync, fd) }
    }
    close(fd)
}

private func checkLog(_ storm: Storm, _ records: Int) {
    let fd = open("log", O_RDONLY)
    let record = Buffer(96)
    var seen = 0
    while sys(SYS_read, fd, record.address, 96) == 96 {
        seen += 1
        for offset in 1..<95 { storm.require(record[offset] == record[0], "a mixed record in the log", seen, offset) }
        storm.require(record[95] == 10, "a torn record in the log", seen)
    }
    close(fd)
    storm.require(seen == records, "records of the log got lost", seen, records)
}

/// A file that is only ever replaced as a whole: every reader sees one writer's whole file.
private func replace(
    _ storm: Storm, _ index: Int, _ random: inout Random, _ own: Int, _ replaced: UnsafeMutablePointer<Int32>
) {
    let size = 9000
    let block = Buffer(size + 1)
    defer { block.base.deallocate() }
    block.fill(UInt8(97 + index))
    let fd = sys(SYS_open, own, Int(O_CREAT | O_TRUNC | O_WRONLY), 0o644)
    storm.require(sys(SYS_write, fd, block.address, size) == size, "a file could not be written")
    close(fd)
    storm.require(sys(SYS_rename, own, text("target")) == 0, "a file could not be renamed")
    _ = ts_add(replaced, 1)
    let reading = open("target", O_RDONLY)
    storm.require(reading >= 0, "the target is away", reading)
    storm.require(sys(SYS_read, reading, block.address, size + 1) == size, "the target is cut")
    for offset in 1..<size where block[offset] != block[0] {
        storm.fail("the target is mixed", offset, Int(block[offset]), Int(block[0]))
        break
    }
    close(reading)
}

/// A file that nobody else knows is exactly what was made of it.
private func privateFile(_ storm: Storm, _ random: inout Random, _ own: Int, _ other: Int) {
    let size = 1 + random.next(30_000)
    let block = Buffer(size)
    defer { block.base.deallocate() }
    let value = UInt8(random.next(255) + 1)
    block.fill(value)
    let fd = sys(SYS_open, own, Int(O_CREAT | O_EXCL | O_RDWR), 0o644)
    storm.require(fd >= 0, "a private file exists already", fd)
    storm.require(sys(SYS_write, fd, block.address, size) == size, "a private file could not be written")
    storm.require(sys(SYS_link, own, other) == 0, "a private file could not be linked")
    storm.require(sys(SYS_unlink, own) == 0, "a private file could not be removed")
    block.fill(0)
    storm.require(sys(SYS_pread64, fd, block.address, size, 0) == size, "a private file is cut")
    for offset in 0..<size where block[offset] != value {
        storm.fail("a private file changed", offset, Int(block[offset]), Int(value))
        break
    }
    storm.require(sys(SYS_ftruncate, fd, size / 2) == 0 && sys(SYS_lseek, fd, 0, 2) == size / 2, "truncation")
    storm.require(sys(SYS_unlink, other) == 0, "the second name could not be removed")
    close(fd)
}
