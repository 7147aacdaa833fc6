import ABI
import Synchronization

/// How many may write to an inode, and how many run it: never both at once (ETXTBSY).
struct ProgramUse: ~Copyable {
    let writers = Atomic<Int32>(0)
    let runs = Atomic<Int32>(0)
}

/// Keeps a file from being opened for writing, as long as it is a running program.
public final class RunningProgram {
    private let inode: Inode

    /// - Throws: `textFileBusy` when somebody has it open for writing.
    public init(_ inode: Inode) throws(Errno) {
        self.inode = inode
        // Counted first, then looked: of a writer and a runner that come at once at least one sees the other.
        inode.programUse.runs.wrappingAdd(1, ordering: .sequentiallyConsistent)
        if inode.programUse.writers.load(ordering: .sequentiallyConsistent) > 0 { throw .textFileBusy }
    }

    deinit { inode.programUse.runs.wrappingSubtract(1, ordering: .sequentiallyConsistent) }
}

extension Inode {
    /// Whether it is a running program, which may not be written to.
    public final var isRunning: Bool { programUse.runs.load(ordering: .sequentiallyConsistent) > 0 }
}
