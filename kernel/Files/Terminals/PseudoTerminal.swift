import ABI
import Files
import LineDiscipline
import Processes
import Scheduling
import Support

/// A pty (pty(7)): the terminal that programs see, and what its master file reads and writes.
final class PseudoTerminal: Terminal {
    let index: Int
    /// The slave cannot be opened until the master unlocks it. Protected by `state`, like everything else here.
    private var isLocked = true
    private var wasOpened = false
    /// The master's readers and writers.
    let masterReadable = WaitQueue()
    let masterWritable = WaitQueue()
    let uid: UInt32
    let gid: UInt32
    let creationTime = FileClock.now

    init(index: Int, owner: Credentials) {
        self.index = index
        uid = owner.euid
        gid = owner.egid
        super.init(number: DeviceNumber(major: PseudoTerminals.slaveMajor, minor: UInt32(index)), outputCapacity: 16384)
    }

    override var name: String { "/dev/pts/" + String(index) }
    /// There is no line whose word size could be chosen.
    override func adjusted(_ termios: Termios) -> Termios {
        var termios = termios
        termios.control =
            termios.control & ~(ControlMode.sizeMask | ControlMode.parity) | ControlMode.eightBits | ControlMode.receive
        return termios
    }
    override func transmit() { masterReadable.wake(events: PollEvents.readable.rawValue) }
    override func packetStatusChanged() {
        if state.withLock({ $0.packetStatus != 0 }) { masterReadable.wake() }
    }
    override func inputHasRoom() { masterWritable.wake(events: PollEvents.writable.rawValue) }
    override func lastClose() {
        masterReadable.wake()
        masterWritable.wake()
    }

    /// Opens the slave side.
    func openSlave(flags: OpenFlags, inode: Inode?, path: PathNode?) throws(Errno) -> TerminalFile {
        if state.withLock({ _ in isLocked }) { throw .ioError }
        let file = try TerminalFile(self, flags: flags, inode: inode, path: path)
        state.withLock { _ in wasOpened = true }
        return file
    }

    var lock: Bool {
        get { state.withLock { _ in isLocked } }
        set { state.withLock { _ in isLocked = newValue } }
    }

    /// Programs had the slave open and all have closed it.
    private func isSlaveGone(_ state: borrowing State) -> Bool { wasOpened && state.openCount == 0 }

    // MARK: The master's side

    func masterRead(_ target: inout TransferBuffer, isNonBlocking: Bool) throws(Errno) -> Int {
        if target.remaining == 0 { return 0 }
        while true {
            let status: UInt8? = state.withLock { state in
                guard state.isPacketMode else { return nil }
                let status = state.packetStatus
                state.packetStatus = 0
                return status
            }
            if var status, status != 0 { return try target.fill(from: &status, count: 1) }
            if !state.withLock({ $0.output.ring.isEmpty }) {
                if var status {
                    // Data is announced by a zero byte.
                    status = PacketStatus.data
                    let announced = try target.fill(from: &status, count: 1)
                    return announced + (try takeForMaster(&target))
                }
                let count = try takeForMaster(&target)
                if count > 0 { return count }
            }
            if state.withLock({ isSlaveGone($0) }) { throw .ioError }
            if isNonBlocking { throw .wouldBlock }
            try masterReadable.wait {
                state.withLock { !$0.output.ring.isEmpty || $0.packetStatus != 0 || isSlaveGone($0) }
            }
        }
    }

    private func takeForMaster(_ target: inout TransferBuffer) throws(Errno) -> Int {
        var done = 0
        while target.remaining > 0 {
            let wanted = min(target.remaining, Self.pieceBytes)
            let outcome: Result<Int, Errno> = withUnsafeTemporaryAllocation(of: UInt8.self, capacity: wanted) { piece in
                let count = takeOutput(into: piece)
                do throws(Errno) {
                    return .success(count == 0 ? 0 : try target.fill(from: piece.baseAddress!, count: count))
                } catch {
                    return .failure(error)
                }
            }
            switch outcome {
            case .success(let count):
                done += count
                if count < wanted { return done }
            case .failure(let error):
                if done > 0 { return done }
                throw error
            }
        }
        return done
    }

    func masterWrite(_ source: inout TransferBuffer, isNonBlocking: Bool) throws(Errno) -> Int {
        var done = 0
        while source.remaining > 0 {
            let wanted = min(source.remaining, Self.pieceBytes)
            let outcome: Result<Int, Errno> = withUnsafeTemporaryAllocation(of: UInt8.self, capacity: wanted) { piece in
                do throws(Errno) {
                    let count = try source.drain(into: piece.baseAddress!, count: wanted)
                    try feed(UnsafeBufferPointer(rebasing: piece[0..<count]), &done, isNonBlocking)
                    return .success(count)
                } catch { return .failure(error) }
            }
            switch outcome {
            case .success(let count): if count < wanted { return done }
            case .failure(let error):
                if done > 0 { return done }
                throw error
            }
        }
        return done
    }

    private func feed(_ piece: UnsafeBufferPointer<UInt8>, _ done: inout Int, _ isNonBlocking: Bool) throws(Errno) {
        var position = 0
        while true {
            let taken = receive(UnsafeBufferPointer(rebasing: piece[position...]))
            position += taken
            done += taken
            if position == piece.count { return }
            if isNonBlocking { throw .wouldBlock }
            try masterWritable.wait { state.withLock { $0.input.room > 0 || isSlaveGone($0) } }
            if state.withLock({ isSlaveGone($0) && $0.input.room == 0 }) { throw .ioError }
        }
    }

    func masterPoll(_ registration: PollRegistration?) -> PollEvents {
        if let registration {
            registration.watch(masterReadable)
            registration.watch(masterWritable)
        }
        return state.withLock { state in
            var events: PollEvents = []
            if !state.output.ring.isEmpty { events.formUnion(.readable) }
            if state.packetStatus != 0 { events.formUnion([.priority, .input, .readNormal]) }
            if state.input.room > 0 { events.formUnion(.writable) }
            if isSlaveGone(state) { events.insert(.hangUp) }
            return events
        }
    }

    /// The master file is gone: the terminal is dead for good.
    func masterClosed() {
        state.withLock { $0.isMasterClosed = true }
        hangUp()
    }
}

/// The master side of a pty, made by opening /dev/ptmx.
public final class MasterFile: OpenFile {
    let terminal: PseudoTerminal

    init(_ terminal: PseudoTerminal, flags: OpenFlags, inode: Inode, path: PathNode?) {
        self.terminal = terminal
        super.init(flags: flags, inode: inode, path: path)
    }

    deinit {
        PseudoTerminals.remove(terminal)
        terminal.masterClosed()
    }

    public override func read(_ buffer: inout TransferBuffer) throws(Errno) -> Int {
        try terminal.masterRead(&buffer, isNonBlocking: isNonBlocking)
    }

    public override func write(_ buffer: inout TransferBuffer) throws(Errno) -> Int {
        try terminal.masterWrite(&buffer, isNonBlocking: isNonBlocking)
    }

    public override func poll(_ registration: PollRegistration?) -> PollEvents { terminal.masterPoll(registration) }

    public override func control(_ request: UInt32, _ argument: UInt64) throws(Errno) -> Int {
        let address = UserAddress(argument)
        switch request {
        case TerminalRequest.getPTYNumber: try copyOut(Int32(terminal.index), to: address)
        case TerminalRequest.setPTYLock: terminal.lock = try copyIn(Int32.self, from: address) != 0
        case TerminalRequest.getPTYLock: try copyOut(Int32(terminal.lock ? 1 : 0), to: address)
        case TerminalRequest.openPTYPeer: return Int(try openPeer(OpenFlags(rawValue: UInt32(truncatingIfNeeded: argument))))
        case TerminalRequest.packetMode:
            let isOn = try copyIn(Int32.self, from: address) != 0
            terminal.state.withLock { state in
                if isOn != state.isPacketMode { state.packetStatus = 0 }
                state.isPacketMode = isOn
            }
        case TerminalRequest.getPacketMode: try copyOut(Int32(terminal.state.withLock { $0.isPacketMode } ? 1 : 0), to: address)
        case TerminalRequest.signalSlave: try signal(Int32(truncatingIfNeeded: argument))
        case TerminalRequest.flush:
            // What is input for the master is the slave's output.
            let queues = try Terminal.queues(argument)
            terminal.flush(input: queues.output, output: queues.input)
        case TerminalRequest.inputQueued:
            try copyOut(Int32(terminal.state.withLock { $0.output.ring.count }), to: address)
        case TerminalRequest.outputQueued: try copyOut(Int32(terminal.state.withLock { $0.input.count }), to: address)
        default:
            guard let result = try terminal.control(request, argument, throughMaster: true) else { throw .notTerminal }
            return result
        }
        return 0
    }

    /// TIOCGPTPEER: opens the slave without a path.
    private func openPeer(_ flags: OpenFlags) throws(Errno) -> Int32 {
        let file = try terminal.openSlave(
            flags: flags.subtracting(.closeOnExec), inode: PseudoTerminals.inode(of: terminal), path: nil)
        return try FileContext.current.descriptors.insert(
            file, closeOnExec: flags.contains(.closeOnExec), limit: Int(clamping: Process.current.limits[.openFiles].soft))
    }

    /// TIOCSIG: the signals that the terminal itself could send.
    private func signal(_ number: Int32) throws(Errno) {
        guard let signal = Signal(number), signal == .interrupt || signal == .quit || signal == .terminalStop else {
            throw .invalidArgument
        }
        let group = terminal.state.withLock { $0.foreground }
        if group > 0 { ProcessTable.send(signal, toGroup: group) }
    }
}
