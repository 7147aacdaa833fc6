import ABI
import Files
import Support
import Synchronization

/// Files that travel in a message (SCM_RIGHTS). Each counts as a user of its file, so that the file stays open on the way.
///
/// A message that is thrown away closes them; that happens through `Graveyard`, because a socket that dies takes its own
/// queue with it, and sockets can be sent through sockets to any depth.
public final class FileRights {
    /// The most files of one message (SCM_MAX_FD).
    public static var limit: Int { 253 }
    /// The most files on their way in the whole system.
    private static var systemLimit: Int { 4096 }
    private static let inFlight = Atomic<Int>(0)

    public private(set) var files: [OpenFile]

    /// Puts files on their way.
    /// - Throws: `tooManyReferences` when too many are on their way already.
    public init(_ files: [OpenFile]) throws(Errno) {
        let total = Self.inFlight.wrappingAdd(files.count, ordering: .relaxed).newValue
        self.files = files
        for file in files {
            file.addUser()
            if let socket = file as? UnixSocketFile { InFlightSockets.add(socket.socket) }
        }
        // From here on `deinit` undoes all of it.
        if total > Self.systemLimit { throw .tooManyReferences }
    }

    deinit {
        Self.inFlight.wrappingSubtract(files.count, ordering: .relaxed)
        for file in files {
            if let socket = file as? UnixSocketFile { InFlightSockets.remove(socket.socket) }
        }
        Graveyard.bury(&files)
    }
}

/// Closes files that were lost in messages, one after the other and never one inside the other.
enum Graveyard {
    struct State: ~Copyable {
        var files: [OpenFile] = []
        var isDraining = false
    }
    private static let state = SpinLock(State())

    /// Gives up a use of each file, and the array's references: nothing of them is left when the draining begins.
    static func bury(_ files: inout [OpenFile]) {
        let mustDrain = state.withLock { state in
            state.files.append(contentsOf: files)
            files = []
            if state.isDraining { return false }
            state.isDraining = true
            return true
        }
        guard mustDrain else { return }
        while let file = next() {
            file.removeUser()
            InFlightSockets.lostUse(file)
        }
    }

    private static func next() -> OpenFile? {
        state.withLock { state in
            let file = state.files.popLast()
            if file == nil { state.isDraining = false }
            return file
        }
    }
}
