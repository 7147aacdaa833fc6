// Mutated messages without end: compositor-fuzz [--messages=N] [--seed=N] [--percent=N]
//
// Clients talk to a compositor in memory, and some of what they say is changed on the way. Nothing may crash, a bystander must
// be served all along, and nothing may be left of clients that are gone: no surface, no descriptor, no memory.

import Chrome
import CompositorCore
import Gfx
import Keymap
import Scene
import SeededRandom
import System
import WaylandClient

func option(_ name: String, _ fallback: UInt64) -> UInt64 {
    for argument in Environment.arguments where argument.hasPrefix("--\(name)=") {
        if let value = UInt64(argument.dropFirst(name.count + 3)) { return value }
    }
    return fallback
}

func end(_ problem: String) -> Never {
    print("FAIL compositor/fuzz: \(problem)")
    Process.exit(1)
}

/// A compositor with no devices.
func makeCompositor() throws(Errno) -> Compositor {
    var words: [UInt32] = [KeyTable.magic, KeyTable.version, 128, 0]
    words += [UInt32](repeating: 0, count: 128 * 16 + 128)
    let table = words.withUnsafeBytes { KeyTable(file: $0)! }
    let size = Size(width: 320, height: 240)
    let file = try FileDescriptor.memory("keymap", byteCount: 16)
    return Compositor(
        CompositorConfiguration(
            size: size, workArea: Rect(size: size), keyTable: table, keymapFile: file, keymapTextSize: 16,
            chromeStyle: ChromeStyle(palette: .dark, fonts: InterfaceFonts())))
}

/// Both ends of a connection.
final class Connection {
    let server: Client
    let stream: UnixStream
    private let inbox = Inbox()

    init(_ compositor: Compositor) throws(Errno) {
        var ends: [Int32] = []
        try UnixStream.pair { first, second in
            ends = [first.intoDescriptor().release(), second.intoDescriptor().release()]
        }
        let far = FileDescriptor(owning: ends[0])
        let near = FileDescriptor(owning: ends[1])
        try far.setNonBlocking()
        try near.setNonBlocking()
        guard let client = compositor.connect(UnixStream(far)) else { throw .busy }
        server = client
        stream = UnixStream(near)
    }

    /// Has the server obey, and throws its answers away; false when the connection is over. Counts the answers.
    func exchange(_ compositor: Compositor, _ answers: inout Int) -> Bool {
        let isAlive = server.receive()
        compositor.finishBatch()
        _ = server.flush()
        while inbox.receive(from: stream) == .done {
            do throws(WireError) { while try inbox.next() != nil { answers += 1 } } catch { return false }
        }
        return isAlive
    }
}

/// Changes a message, or leaves it as it is.
func mutate(_ bytes: inout [UInt8], _ random: inout SplitMix) {
    guard random.chance(Int(option("percent", 2))), bytes.count >= 8 else { return }
    let word = Int.random(in: 0..<(bytes.count / 4), using: &random) * 4
    switch Int.random(in: 0..<8, using: &random) {
    case 0: bytes[Int.random(in: 0..<bytes.count, using: &random)] = .random(in: 0...255, using: &random)
    case 1: for index in word..<(word + 4) { bytes[index] = 0xff }
    case 2: for index in word..<(word + 4) { bytes[index] = 0 }
    case 3: bytes.removeSubrange(word..<(word + 4))
    case 4: bytes.insert(contentsOf: random.bytes(8), at: word)
    case 5:
        // A small number: likely another object or opcode.
        bytes[word] = .random(in: 0...40, using: &random)
        for index in (word + 1)..<(word + 4) { bytes[index] = 0 }
    case 6:
        // The largest and smallest numbers.
        bytes[word + 3] = Bool.random(using: &random) ? 0x7f : 0x80
    default: bytes += bytes
    }
}

/// What a person may do meanwhile.
func use(_ compositor: Compositor, _ random: inout SplitMix) {
    let seat = compositor.seat
    let point = FinePoint(Point(x: .random(in: 0..<320, using: &random), y: .random(in: 0..<240, using: &random)))
    switch Int.random(in: 0..<7, using: &random) {
    case 0, 1: seat.movePointer(to: point, timeMilliseconds: 1)
    case 2: seat.pressButton(PointerButton(code: PointerButton.left, isPressed: true, timeMilliseconds: 2))
    case 3: seat.pressButton(PointerButton(code: PointerButton.left, isPressed: false, timeMilliseconds: 3))
    case 4: seat.touchDown(1, at: point, timeMilliseconds: 4)
    case 5: seat.touchUp(1, timeMilliseconds: 5)
    default: seat.pressKey(30, isPressed: Bool.random(using: &random), timeMilliseconds: 6)
    }
    seat.pointerFrame()
    _ = compositor.scene.takeDamage()
    compositor.frameShown(FrameTime(nanoseconds: 7_000_000, refreshNanoseconds: 0))
}

/// Descriptors that are open, and pages that are in memory.
func resources() -> (descriptors: Int, pages: Int) {
    let open = (try? Directory.entries("/proc/self/fd"))?.count ?? 0
    let text = String(decoding: (try? Directory.contents("/proc/self/statm")) ?? [], as: UTF8.self)
    return (open, text.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0)
}

func fuzz(messages: UInt64, seed: UInt64) throws(Errno) {
    Signal.ignore(Signal.pipe)
    var random = SplitMix(seed)
    let compositor = try makeCompositor()
    compositor.trustsClients = true
    compositor.seat.hasTouch = true
    // The clients here do not read what they are told, so they cannot acknowledge it.
    compositor.windows.requiresConfigure = false
    let pixels = try FileDescriptor.memory("pixels", byteCount: 40000)
    try pixels.add([.shrink])
    let bystander = try Connection(compositor)
    var done: UInt64 = 0
    var clients = 0
    var first = resources()
    while done < messages {
        let conversation = Conversation()
        let connection = try Connection(compositor)
        clients += 1
        var isAlive = true
        var answers = 0
        for step in 0..<conversation.stepCount where isAlive {
            conversation.perform(step, pixels)
            if conversation.hasDescriptor {
                _ = conversation.outbox.flush(to: connection.stream)
            } else {
                var bytes: [UInt8] = []
                _ = try conversation.outbox.send { (chunk, _) throws(Errno) in
                    bytes = [UInt8](chunk)
                    return chunk.count
                }
                mutate(&bytes, &random)
                isAlive = (try? connection.stream.descriptor.writeAll(bytes)) != nil
            }
            if random.chance(30) { isAlive = connection.exchange(compositor, &answers) && isAlive }
            if random.chance(10) { use(compositor, &random) }
        }
        _ = connection.exchange(compositor, &answers)
        done += UInt64(connection.server.messageCount)
        compositor.disconnect(connection.server)
        // The bystander asks, and is answered.
        var replies = 0
        let ask = Outbox(limit: 4096)
        WlDisplay.Proxy(ask, .display, version: 1).sync(callback: ObjectID(rawValue: 2)!)
        _ = ask.flush(to: bystander.stream)
        guard bystander.exchange(compositor, &replies), replies == 2 else { end("seed \(seed): the bystander is not served") }
        guard compositor.clients.count == 1, compositor.windows.windows.isEmpty else {
            end("seed \(seed): something is left of client \(clients)")
        }
        // What is kept for reuse was allocated by the first clients.
        if clients == 1000 { first = resources() }
    }
    let last = resources()
    guard last.descriptors <= first.descriptors else {
        end("seed \(seed): descriptors \(first.descriptors) → \(last.descriptors)")
    }
    // 4 MiB for what the allocator keeps in pieces.
    guard last.pages <= first.pages + 1024 else { end("seed \(seed): pages \(first.pages) → \(last.pages)") }
    print("fuzz: \(done) messages of \(clients) clients, seed \(seed), pages \(first.pages) → \(last.pages)")
    print("ok   compositor/fuzz")
}

do throws(Errno) {
    try fuzz(messages: option("messages", 1_000_000), seed: option("seed", 1))
} catch { end(error.message) }
