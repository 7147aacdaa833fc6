import ABI
import Files
import LineDiscipline
import Processes
import Scheduling
import Support

// ioctl requests that act on the terminal itself, whichever side they come from (tty_ioctl(4)).
extension Terminal {
    /// Performs a request.
    /// - Parameter throughMaster: the file is the master of a pty: job control does not apply to it.
    /// - Returns: nil when the request is not one of these.
    func control(_ request: UInt32, _ argument: UInt64, throughMaster: Bool) throws(Errno) -> Int? {
        let address = UserAddress(argument)
        switch request {
        case TerminalRequest.getTermios:
            try copyOut(state.withLock { $0.discipline.termios }, to: address)
        case TerminalRequest.getTermios2:
            let (termios, input, output) = state.withLock { ($0.discipline.termios, $0.inputSpeed, $0.outputSpeed) }
            try copyOut(Termios2(termios, inputSpeed: input, outputSpeed: output), to: address)
        case TerminalRequest.setTermios, TerminalRequest.setTermiosDrain, TerminalRequest.setTermiosFlush:
            try checkOutput(throughMaster)
            try change(
                try copyIn(Termios.self, from: address), nil, drains: request != TerminalRequest.setTermios,
                flushes: request == TerminalRequest.setTermiosFlush)
        case TerminalRequest.setTermios2, TerminalRequest.setTermios2Drain, TerminalRequest.setTermios2Flush:
            try checkOutput(throughMaster)
            let new = try copyIn(Termios2.self, from: address)
            try change(
                new.termios, new, drains: request != TerminalRequest.setTermios2,
                flushes: request == TerminalRequest.setTermios2Flush)
        case TerminalRequest.getWindowSize: try copyOut(state.withLock { $0.window }, to: address)
        case TerminalRequest.setWindowSize: setWindow(try copyIn(WindowSize.self, from: address))
        case TerminalRequest.getForegroundGroup:
            try copyOut(try foregroundGroupForCaller(throughMaster: throughMaster), to: address)
        case TerminalRequest.setForegroundGroup: try setForegroundGroup(try copyIn(Int32.self, from: address))
        case TerminalRequest.getSession: try copyOut(try sessionID(throughMaster: throughMaster), to: address)
        case TerminalRequest.sendBreak, TerminalRequest.sendBreakPOSIX:
            // A break does nothing on a pty; an argument asks to wait for the output only.
            try checkOutput(throughMaster)
            try drain()
        case TerminalRequest.flowControl:
            try checkOutput(throughMaster)
            try flow(Int32(truncatingIfNeeded: argument))
        case TerminalRequest.exclusive: state.withLock { $0.isExclusive = true }
        case TerminalRequest.notExclusive: state.withLock { $0.isExclusive = false }
        case TerminalRequest.getExclusive: try copyOut(Int32(state.withLock { $0.isExclusive } ? 1 : 0), to: address)
        case TerminalRequest.getLineDiscipline: try copyOut(Int32(0), to: address)
        case TerminalRequest.setLineDiscipline:
            guard try copyIn(Int32.self, from: address) == 0 else { throw .invalidArgument }
        default: return nil
        }
        return 0
    }

    private func checkOutput(_ throughMaster: Bool) throws(Errno) {
        if !throughMaster { try checkAccess(.terminalOutput) }
    }

    private func change(_ new: Termios, _ speeds: Termios2?, drains: Bool, flushes: Bool) throws(Errno) {
        if drains { try drain() }
        if flushes { flush(input: true, output: false) }
        let rate = new.control & ControlMode.baudMask
        let effects = state.withLock { state in
            let old = state.discipline.termios
            let effects = state.discipline.setTermios(adjusted(new), &state.output)
            if let speeds, rate == ControlMode.otherBaud {
                state.inputSpeed = speeds.inputSpeed
                state.outputSpeed = speeds.outputSpeed
            } else {
                state.outputSpeed = BaudRate.speed(rate)
                state.inputSpeed = state.outputSpeed
            }
            state.noteFlowModes(old: old, new: new)
            let pumped = state.pumpInput()
            state.notePacket(effects.union(pumped))
            return effects.union(pumped)
        }
        perform(effects)
        packetStatusChanged()
    }

    /// TCXONC.
    private func flow(_ action: Int32) throws(Errno) {
        guard action >= 0, action <= 3 else { throw .invalidArgument }
        let effects: TerminalEffects = state.withLock { state in
            if action < 2 {
                let effects = state.discipline.setStoppedByProgram(action == 0)
                state.notePacket(effects)
                return effects
            }
            // TCIOFF and TCION send the STOP or START character to the other side.
            let character = state.discipline.termios[action == 2 ? .stop : .start]
            guard character != 0, state.output.room > 0 else { return [] }
            state.output.put(character)
            return .transmit
        }
        perform(effects)
    }

    /// TCFLSH.
    func flush(input: Bool, output: Bool) {
        let effects = state.withLock { state in
            var effects: TerminalEffects = []
            if input {
                effects.formUnion(state.discipline.flushInput())
                state.input.removeAll()
            }
            if output {
                state.output.discard()
                effects.formUnion([.outputFlushed, .writable])
            }
            state.notePacket(effects)
            return effects
        }
        perform(effects)
    }

    /// Waits until what was written has left.
    func drain() throws(Errno) {
        guard waitsForTransmission else { return }
        try writable.wait {
            state.withLock { state in
                if state.output.ring.isEmpty { return true }
                state.hasWaitingWriter = true
                return false
            }
        }
    }

    /// TCFLSH's argument: 0 input, 1 output, 2 both.
    static func queues(_ argument: UInt64) throws(Errno) -> (input: Bool, output: Bool) {
        switch Int32(truncatingIfNeeded: argument) {
        case 0: (true, false)
        case 1: (false, true)
        case 2: (true, true)
        default: throw .invalidArgument
        }
    }
}

extension Terminal.State {
    /// Packet mode tells the master whether STOP and START are ^S and ^Q and active.
    mutating func noteFlowModes(old: Termios, new: Termios) {
        guard isPacketMode else { return }
        let before = Self.usesUsualFlowControl(old), after = Self.usesUsualFlowControl(new)
        if before != after {
            packetStatus &= ~(PacketStatus.doStop | PacketStatus.noStop)
            packetStatus |= after ? PacketStatus.doStop : PacketStatus.noStop
        }
    }

    private static func usesUsualFlowControl(_ termios: Termios) -> Bool {
        termios.input & InputMode.flowControl != 0 && termios[.stop] == 19 && termios[.start] == 17
    }
}

/// The speeds that the CBAUD bits name.
enum BaudRate {
    private static let low: [UInt32] = [0, 50, 75, 110, 134, 150, 200, 300, 600, 1200, 1800, 2400, 4800, 9600, 19200, 38400]
    private static let high: [UInt32] = [
        0, 57600, 115_200, 230_400, 460_800, 500_000, 576_000, 921_600, 1_000_000, 1_152_000, 1_500_000, 2_000_000, 2_500_000,
        3_000_000, 3_500_000, 4_000_000,
    ]

    static func speed(_ bits: UInt32) -> UInt32 {
        let index = Int(bits & 0o17)
        return bits & ControlMode.otherBaud != 0 ? high[index] : low[index]
    }
}
