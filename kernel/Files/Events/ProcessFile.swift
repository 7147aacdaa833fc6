import ABI
import Files
import Processes
import Scheduling
import Support

/// A descriptor that stands for a process (pidfd_open(2)): whatever becomes of its number, it is about that process.
public final class ProcessFile: OpenFile {
    public let process: Process

    public init(_ process: Process, isNonBlocking: Bool) {
        self.process = process
        super.init(flags: isNonBlocking ? [.readWrite, .nonBlocking] : .readWrite)
    }

    /// It is readable once the process has ended, and hung up when it has been waited for.
    public override func poll(_ registration: PollRegistration?) -> PollEvents {
        registration?.watch(process.lifeChange)
        let life = process.life
        if life.isGone { return [.input, .readNormal, .hangUp] }
        return life.hasEnded ? .readable : []
    }

    public override var anonymousName: String { "anon_inode:[pidfd]" }
}
