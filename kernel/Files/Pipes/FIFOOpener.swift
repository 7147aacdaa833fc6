import ABI
import Files
import Scheduling
import Support
import Synchronization

/// Opens named pipes (FIFOs): an end waits at opening until there is somebody at the other one.
public final class FIFOOpener: DeviceOpener {
    /// Makes FIFOs work. Called once while the kernel starts.
    public static func install() { SpecialFiles.fifoOpener = FIFOOpener() }

    public override func open(flags: OpenFlags, inode: Inode, path: PathNode?) throws(Errno) -> OpenFile {
        // The pipe stays with the inode; it is empty while nobody has it open.
        let pipe: Pipe = inode.attachment.withLock { slot in
            if let slot { return unsafeDowncast(slot, to: Pipe.self) }
            let pipe = Pipe()
            slot = pipe
            return pipe
        }
        let writerOpens = pipe.writerOpens.load(ordering: .acquiring)
        let readerOpens = pipe.readerOpens.load(ordering: .acquiring)
        if flags.isWritable, !flags.isReadable, flags.contains(.nonBlocking), !pipe.hasReaders { throw .noDeviceOrAddress }
        let file = PipeFile(pipe, flags: flags, inode: inode, path: path)
        if flags.contains(.nonBlocking) || (flags.isReadable && flags.isWritable) { return file }
        // A partner that came and went in the meantime counts: opening is a rendezvous.
        if flags.isReadable, !pipe.hasWriters {
            try pipe.readable.wait { pipe.hasWriters || pipe.writerOpens.load(ordering: .acquiring) != writerOpens }
        } else if flags.isWritable, !pipe.hasReaders {
            try pipe.writable.wait { pipe.hasReaders || pipe.readerOpens.load(ordering: .acquiring) != readerOpens }
        }
        return file
    }
}
