import ABI
import Files
import LineDiscipline
import Processes
import Scheduling
import Support
import Synchronization

/// The bytes on their way out of a terminal: to a pty's master or to a serial line.
struct OutputRing: TerminalOutput, ~Copyable {
    var ring: ByteRing
    init(capacity: Int) { ring = ByteRing(capacity: capacity) }
    var room: Int { ring.room }
    mutating func put(_ byte: UInt8) { ring.append(byte) }
    mutating func put(_ bytes: UnsafeBufferPointer<UInt8>) -> Int { ring.append(bytes) }
    mutating func discard() { ring.removeAll() }
}

/// A terminal: a line discipline with queues, a controlling session and a window size (termios(3), tty_ioctl(4)).
///
/// Subclasses are where the bytes go. The state is under a spin lock, since serial interrupts take from it; user memory is
/// copied through small buffers outside it.
open class Terminal: ControllingTerminal {
    struct State: ~Copyable {
        var discipline = LineDiscipline()
        var output: OutputRing
        /// Input that the discipline has no room for yet.
        var input: ByteRing
        var window = WindowSize()
        /// The foreground process group; 0 without one.
        var foreground: Int32 = 0
        var session: Session?
        /// Opens of the terminal (not of a pty's master).
        var openCount = 0
        /// Counts hang-ups: files that were opened before the last one are dead.
        var hangUps: UInt32 = 0
        var isExclusive = false
        /// A writer waits for the output to drain; a reader of a pty's master makes room and wakes it.
        var hasWaitingWriter = false
        // Ptys only.
        var isPacketMode = false
        var packetStatus: UInt8 = 0
        var isMasterClosed = false
        /// What `TCSETS2` set beyond what the control modes express.
        var inputSpeed: UInt32 = 38400
        var outputSpeed: UInt32 = 38400
    }

    let state: SpinLock<State>
    public let number: DeviceNumber
    /// Readers of the terminal, and writers.
    let readable = WaitQueue()
    let writable = WaitQueue()
    /// Makes each read one piece.
    let readLock = CompactLock()

    public init(number: DeviceNumber, outputCapacity: Int) {
        self.number = number
        state = SpinLock(State(output: OutputRing(capacity: outputCapacity), input: ByteRing(capacity: 4096)))
    }

    // MARK: ControllingTerminal

    open override func sessionLeaderExited(_ session: Session) {
        if waitsForTransmission {
            // A line hangs up: what others still have open is dead, and the next user starts afresh.
            guard state.withLock({ $0.session === session }) else { return }
            hangUp()
        } else {
            let group = release(session)
            if group > 0 { ProcessTable.send(.hangUp, toGroup: group) }
        }
    }

    open override var deviceNumber: UInt64 { number.rawValue }
    open override var foregroundGroup: Int32 { state.withLock { $0.foreground > 0 ? $0.foreground : -1 } }

    // MARK: For subclasses

    /// The path by which programs know it.
    open var name: String { "/dev/tty" }
    /// Output takes time to leave: a real line.
    var waitsForTransmission: Bool { false }
    /// Settings as this kind of terminal can have them.
    func adjusted(_ termios: Termios) -> Termios { termios }

    /// Output was put in the ring: get it moving. Called without locks.
    open func transmit() {}
    /// The master in packet mode has something to hear. Called without locks.
    open func packetStatusChanged() {}
    /// Input that had no room before has some now.
    open func inputHasRoom() {}
    /// The last file on the terminal was closed.
    open func lastClose() {}

    // MARK: Bytes from outside

    /// Receives bytes from the line or the master.
    /// - Returns: how many were taken; the others have no room.
    func receive(_ bytes: UnsafeBufferPointer<UInt8>) -> Int {
        let (taken, effects) = state.withLock { state in
            var taken = 0
            var effects: TerminalEffects = []
            if state.input.isEmpty { (taken, effects) = state.discipline.receive(bytes, &state.output) }
            if taken < bytes.count {
                taken += state.input.append(UnsafeBufferPointer(rebasing: bytes[taken...]))
            }
            state.notePacket(effects)
            return (taken, effects)
        }
        perform(effects)
        return taken
    }

    /// Does what the line discipline asked for.
    func perform(_ effects: TerminalEffects) {
        if effects.isEmpty { return }
        if !effects.isDisjoint(with: .anySignal) {
            let group = state.withLock { $0.foreground }
            if group > 0 {
                if effects.contains(.interrupt) { ProcessTable.send(.interrupt, toGroup: group) }
                if effects.contains(.quit) { ProcessTable.send(.quit, toGroup: group) }
                if effects.contains(.suspend) { ProcessTable.send(.terminalStop, toGroup: group) }
            }
        }
        if effects.contains(.readable) { readable.wake(events: PollEvents.readable.rawValue) }
        if effects.contains(.writable) { writable.wake(events: PollEvents.writable.rawValue) }
        if effects.contains(.inputFlushed) { inputHasRoom() }
        if !effects.isDisjoint(with: [.stopped, .started, .inputFlushed, .outputFlushed]) { packetStatusChanged() }
        if effects.contains(.transmit) { transmit() }
    }

    // MARK: Opening and closing

    /// Counts a new open.
    /// - Returns: the number of hang-ups so far: the file is dead once there are more.
    func opened() throws(Errno) -> UInt32 {
        let (hangUps, failure): (UInt32, Errno?) = state.withLock { state in
            if state.isMasterClosed { return (0, .ioError) }
            state.openCount += 1
            return (state.hangUps, nil)
        }
        if let failure { throw failure }
        return hangUps
    }

    func closed() {
        let isLast = state.withLock { state in
            state.openCount -= 1
            if state.openCount == 0 { state.isExclusive = false }
            return state.openCount == 0
        }
        if isLast { lastClose() }
    }

    /// Makes every open file of the terminal dead: reads end, writes fail. Its session loses it.
    func hangUp() {
        let (session, group): (Session?, Int32) = state.withLock { state in
            let old = (state.session, state.foreground)
            state.hangUps += 1
            state.session = nil
            state.foreground = 0
            _ = state.discipline.flushInput()
            state.output.discard()
            state.input.removeAll()
            return old
        }
        readable.wake()
        writable.wake()
        inputHasRoom()
        guard let session else { return }
        session.terminal = nil
        if let leader = ProcessTable.process(session.id) {
            ProcessTable.send(.hangUp, to: leader)
            ProcessTable.send(.continued, to: leader)
        }
        if group > 0, group != session.id {
            ProcessTable.send(.hangUp, toGroup: group)
            ProcessTable.send(.continued, toGroup: group)
        }
    }
}

extension Terminal.State {
    /// Keeps for the master, in packet mode, what happened.
    mutating func notePacket(_ effects: TerminalEffects) {
        guard isPacketMode else { return }
        if effects.contains(.inputFlushed) { packetStatus |= PacketStatus.flushRead }
        if effects.contains(.outputFlushed) { packetStatus |= PacketStatus.flushWrite }
        if effects.contains(.stopped) { packetStatus = packetStatus & ~PacketStatus.start | PacketStatus.stop }
        if effects.contains(.started) { packetStatus = packetStatus & ~PacketStatus.stop | PacketStatus.start }
    }

    /// Gives the discipline the input that waited.
    mutating func pumpInput() -> TerminalEffects {
        var all: TerminalEffects = []
        var isStuck = false
        while !input.isEmpty, !isStuck, discipline.acceptsInput {
            withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 128) { piece in
                let count = input.copy(into: piece)
                let (taken, effects) = discipline.receive(UnsafeBufferPointer(rebasing: piece[0..<count]), &output)
                input.drop(taken)
                all.formUnion(effects)
                isStuck = taken == 0
            }
        }
        return all
    }
}
