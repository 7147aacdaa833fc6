import ABI
import Files
import Processes
import Support

// Sessions, groups and who may use the terminal (POSIX 11.1.3 and 11.1.4).
extension Terminal {
    /// Whether this is the controlling terminal of the running process.
    var isOwn: Bool { Process.current.session.terminal === self }

    /// Stops a background process that wants to use its controlling terminal.
    /// - Throws: `restart` after the signal was sent; `ioError` where stopping would be for ever.
    func checkAccess(_ signal: Signal) throws(Errno) {
        guard let thread = UserThread.currentIfUser, thread.process.session.terminal === self else { return }
        let group = thread.process.groupID
        let foreground = state.withLock { $0.foreground }
        if foreground == 0 || group == foreground { return }
        if thread.isBlockedOrIgnored(signal) {
            if signal == .terminalInput { throw .ioError }
            return
        }
        if ProcessTable.isOrphanedGroup(group) { throw .ioError }
        ProcessTable.send(signal, toGroup: group)
        throw .restart
    }

    /// Makes it the controlling terminal of the running process's session, as opening does: only if the process leads a
    /// session that has none, and the terminal has no session.
    func acquireOnOpen() {
        let process = Process.current
        let session = process.session
        guard session.id == process.pid, session.terminal == nil else { return }
        _ = adopt(session, group: process.groupID, steals: false)
    }

    /// Makes it the controlling terminal of a process that does not run yet: the first one, when it is a shell.
    public func assign(to process: Process) { _ = adopt(process.session, group: process.groupID, steals: false) }

    /// TIOCSCTTY.
    func acquire(steals: Bool, isReadable: Bool) throws(Errno) {
        let process = Process.current
        let session = process.session
        if session.id == process.pid, session.terminal === self { return }
        guard session.id == process.pid, session.terminal == nil else { throw .notPermitted }
        let isPrivileged = process.credentials.isPrivileged
        guard isReadable || isPrivileged else { throw .notPermitted }
        guard adopt(session, group: process.groupID, steals: steals && isPrivileged) else { throw .notPermitted }
    }

    private func adopt(_ session: Session, group: Int32, steals: Bool) -> Bool {
        let (isTaken, old): (Bool, Session?) = state.withLock { state in
            let old = state.session
            if old != nil, !steals { return (false, nil) }
            state.session = session
            state.foreground = group
            return (true, old)
        }
        guard isTaken else { return false }
        if let old, old !== session { old.terminal = nil }
        session.terminal = self
        return true
    }

    /// TIOCNOTTY: the leader gives the terminal up for the whole session.
    func giveUp() throws(Errno) {
        guard isOwn else { throw .notTerminal }
        let process = Process.current
        guard process.session.id == process.pid else {
            // Another process than the leader cannot give up what the session shares.
            return
        }
        let group = release(process.session)
        if group > 0 {
            ProcessTable.send(.hangUp, toGroup: group)
            ProcessTable.send(.continued, toGroup: group)
        }
    }

    /// Forgets the session. Returns what was the foreground group.
    func release(_ session: Session) -> Int32 {
        let (group, old): (Int32, Session?) = state.withLock { state in
            guard state.session === session else { return (0, nil) }
            let result = (state.foreground, state.session)
            state.session = nil
            state.foreground = 0
            return result
        }
        _ = old
        session.terminal = nil
        return group
    }

    // MARK: Foreground group

    /// TIOCGPGRP. A pty's master may ask, too.
    func foregroundGroupForCaller(throughMaster: Bool) throws(Errno) -> Int32 {
        guard throughMaster || isOwn else { throw .notTerminal }
        return state.withLock { $0.foreground }
    }

    /// TIOCSPGRP.
    func setForegroundGroup(_ group: Int32) throws(Errno) {
        do throws(Errno) { try checkAccess(.terminalOutput) } catch { throw error == .ioError ? .notTerminal : error }
        let session = Process.current.session
        guard session.terminal === self, state.withLock({ $0.session === session }) else { throw .notTerminal }
        guard group >= 0 else { throw .invalidArgument }
        guard ProcessTable.groupExists(group) else { throw .noProcess }
        guard ProcessTable.groupExists(group, in: session) else { throw .notPermitted }
        state.withLock { $0.foreground = group }
    }

    /// TIOCGSID.
    func sessionID(throughMaster: Bool) throws(Errno) -> Int32 {
        guard throughMaster || isOwn else { throw .notTerminal }
        guard let session = state.withLock({ $0.session }) else { throw .notTerminal }
        return session.id
    }

    /// Changes the window size and tells the foreground group.
    func setWindow(_ size: WindowSize) {
        let group: Int32 = state.withLock { state in
            if state.window == size { return 0 }
            state.window = size
            return state.foreground
        }
        if group > 0 { ProcessTable.send(.windowChange, toGroup: group) }
    }
}
