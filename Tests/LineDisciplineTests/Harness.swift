import ABI
import Glibc
import LineDiscipline

/// Output that keeps everything.
struct RecordedOutput: TerminalOutput {
    var bytes: [UInt8] = []
    var limit = Int.max
    var room: Int { limit - bytes.count }
    mutating func put(_ byte: UInt8) { bytes.append(byte) }
    mutating func put(_ more: UnsafeBufferPointer<UInt8>) -> Int {
        let taken = min(more.count, room)
        bytes.append(contentsOf: more.prefix(taken))
        return taken
    }
    mutating func discard() { bytes.removeAll() }
    mutating func take() -> [UInt8] {
        let taken = bytes
        bytes.removeAll()
        return taken
    }
}

/// A line discipline with its output: the thing under test.
struct ModelTerminal: ~Copyable {
    var discipline = LineDiscipline()
    var output = RecordedOutput()

    mutating func type(_ bytes: [UInt8]) -> TerminalEffects {
        bytes.withUnsafeBufferPointer { discipline.receive($0, &output).effects }
    }
    mutating func type(_ text: String) -> TerminalEffects { type(Array(text.utf8)) }
    mutating func print(_ bytes: [UInt8]) -> Int {
        bytes.withUnsafeBufferPointer { discipline.write($0, &output).taken }
    }
    /// Nil when a read would block.
    mutating func read(_ count: Int) -> [UInt8]? {
        guard discipline.isReadable else { return nil }
        var buffer = [UInt8](repeating: 0, count: count)
        let (taken, isLineEnd) = buffer.withUnsafeMutableBufferPointer { discipline.read(into: $0) }
        if taken == count, !isLineEnd { discipline.skipEndOfFile() }
        return Array(buffer.prefix(taken))
    }
    mutating func set(_ termios: Termios) { _ = discipline.setTermios(termios, &output) }
}

/// A pty of the machine that runs the tests: the oracle.
final class RealTerminal {
    private(set) var master: Int32 = -1
    private(set) var slave: Int32 = -1

    init?() {
        master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_NONBLOCK)
        guard master >= 0 else { return nil }
        var unlocked: Int32 = 0
        guard ioctl(master, UInt(TerminalRequest.setPTYLock), &unlocked) == 0 else { return nil }
        slave = ioctl(master, UInt(TerminalRequest.openPTYPeer), O_RDWR | O_NOCTTY | O_NONBLOCK)
        if slave < 0 { return nil }
    }

    static var isAvailable: Bool { RealTerminal() != nil }

    deinit {
        if slave >= 0 { close(slave) }
        if master >= 0 { close(master) }
    }

    func set(_ termios: ABI.Termios) {
        // Unread input keeps poll from waiting for the worker, and what it still holds must meet the old settings.
        usleep(1000)
        var copy = termios
        _ = ioctl(slave, UInt(TerminalRequest.setTermios), &copy)
    }
    func flow(_ action: Int32) { _ = tcflow(slave, action) }

    /// Lets the kernel's worker move the bytes into the line discipline.
    func settle() {
        for _ in 0..<2 {
            var polls = [
                pollfd(fd: slave, events: Int16(POLLIN), revents: 0), pollfd(fd: master, events: Int16(POLLIN), revents: 0),
            ]
            _ = poll(&polls, 2, 0)
            usleep(20)
        }
    }

    func type(_ bytes: [UInt8]) {
        _ = write(master, bytes, bytes.count)
        settle()
    }
    func print(_ bytes: [UInt8]) -> Int { max(0, write(slave, bytes, bytes.count)) }
    func read(_ count: Int) -> [UInt8]? {
        var buffer = [UInt8](repeating: 0, count: count)
        let taken = Glibc.read(slave, &buffer, count)
        return taken < 0 ? nil : Array(buffer.prefix(taken))
    }
    func takeOutput() -> [UInt8] {
        var result: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while true {
            let taken = Glibc.read(master, &buffer, buffer.count)
            if taken <= 0 { return result }
            result += buffer.prefix(taken)
        }
    }
    var readableCount: Int {
        var count: Int32 = 0
        _ = ioctl(slave, UInt(FIONREAD), &count)
        return Int(count)
    }
    var isPollReadable: Bool {
        var item = pollfd(fd: slave, events: Int16(POLLIN), revents: 0)
        return poll(&item, 1, 0) == 1 && item.revents & Int16(POLLIN) != 0
    }
}
