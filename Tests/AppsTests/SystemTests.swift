import System
import Testing

@Suite struct SystemTests {
    @Test func descriptorsCrossASocketWithTheirBytes() throws {
        var result: [UInt8] = []
        try UnixStream.pair { left, right in
            do throws(Errno) {
                let queue = DescriptorQueue()
                let file = try FileDescriptor.memory("test", byteCount: 4)
                try file.writeAll("wing")
                queue.append(file)
                let message: [UInt8] = [1, 2, 3]
                let sent = try message.span.withUnsafeBytes { bytes throws(Errno) in
                    try left.send(
                        UnsafeRawBufferPointer(rebasing: bytes[..<2]), UnsafeRawBufferPointer(rebasing: bytes[2...]),
                        descriptors: queue)
                }
                #expect(sent == 3 && queue.isEmpty)
                var buffer = [UInt8](repeating: 0, count: 8)
                let incoming = DescriptorQueue()
                var span = buffer.mutableSpan
                let count = try span.withUnsafeMutableBytes { bytes throws(Errno) in
                    try right.receive(
                        into: UnsafeMutableRawBufferPointer(rebasing: bytes[..<1]),
                        UnsafeMutableRawBufferPointer(rebasing: bytes[1...]), descriptors: incoming)
                }
                #expect(count == 3 && Array(buffer[..<3]) == message && incoming.count == 1)
                if let received = incoming.take() {
                    let mapping = try MemoryMapping(shared: received, byteCount: 4, .read)
                    result = Array(mapping.bytes)
                }
            } catch { Issue.record("\(error)") }
        }
        #expect(result == Array("wing".utf8))
    }

    @Test func sealedMemoryDoesNotShrink() throws {
        let file = try FileDescriptor.memory("test", byteCount: 4096)
        try file.add([.shrink])
        #expect(try file.seals().contains(.shrink))
        #expect(throws: Errno.notPermitted) { try file.truncate(byteCount: 1) }
        try file.truncate(byteCount: 8192)
    }

    @Test func epollReportsTimersAndEvents() throws {
        let queue = try EventQueue()
        let timer = try TimerDescriptor()
        let event = try EventDescriptor()
        try queue.add(timer.descriptor, .readable, token: 7)
        try queue.add(event.descriptor, .readable, token: 0xFFFF_FFFF_FFFF_FFFF)
        var tokens: [UInt64] = []
        try queue.wait(timeoutMilliseconds: 0) { tokens.append($0.token) }
        #expect(tokens.isEmpty)
        try timer.set(firstNanoseconds: 1_000_000)
        try queue.wait(timeoutMilliseconds: 5000) { tokens.append($0.token) }
        #expect(tokens == [7] && timer.acknowledge() == 1)
        try event.signal()
        try event.signal()
        tokens = []
        try queue.wait(timeoutMilliseconds: 5000) { tokens.append($0.token) }
        #expect(tokens == [0xFFFF_FFFF_FFFF_FFFF] && event.acknowledge() == 2 && event.acknowledge() == 0)
    }

    @Test func aProgramThatDoesNotExistIsAnErrorOfSpawn() {
        #expect(throws: Errno.noEntry) { try Process.spawn(Command("/no/such/program", ["program"])) }
    }

    @Test func spawnedProgramsWriteWhereTheyAreToldTo() throws {
        let pipe = try FileDescriptor.pipe()
        var command = Command("/bin/sh", ["sh", "-c", "printf %s \"$WORD\"; exit 3"])
        command.environment = ["WORD=dusk"]
        command.output = .descriptor(pipe.write.rawValue)
        let child = try Process.spawn(command)
        var buffer = [UInt8](repeating: 0, count: 16)
        let count = try pipe.read.read(into: &buffer)
        #expect(Array(buffer[..<count]) == Array("dusk".utf8))
        let ended = try Process.reap(child, wait: .block)
        #expect(ended?.0 == child && ended?.1 == .exited(3))
    }

    @Test func aShellInAPseudoterminalSeesItsSize() throws {
        let terminal = try Pseudoterminal()
        try terminal.setSize(columns: 91, rows: 17)
        var command = Command("/bin/sh", ["sh", "-c", "stty size"])
        command.session = .newWithTerminal
        command.input = .path(terminal.slavePath)
        command.output = .path(terminal.slavePath)
        let child = try Process.spawn(command)
        _ = try Process.reap(child, wait: .block)
        var buffer = [UInt8](repeating: 0, count: 64)
        let count = try terminal.master.read(into: &buffer)
        #expect(Array(buffer[..<count]) == Array("17 91\r\n".utf8))
    }

    @Test func listenersReplaceStaleSockets() throws {
        let path = "/tmp/martlet-test-\(ProcessID.current.rawValue)"
        for _ in 0..<2 {
            let listener = try UnixListener(path: path)
            #expect(throws: Errno.wouldBlock) { _ = try listener.accept() }
            let client = try UnixStream(connectingTo: path)
            let server = try listener.accept()
            #expect(try server.peer().process == ProcessID.current.rawValue)
            _ = (client.descriptor.rawValue, server.descriptor.rawValue)
        }
        try Directory.removeFile(path)
    }
}
