import Support

/// The path that /proc/PID/maps shows for a file's pages.
///
/// It is written down when the file is first mapped: pages that held the node itself would never be freed, because the
/// node holds the inode and the inode its pages.
public struct MappedName: ~Copyable {
    private let text = SpinLock<[UInt8]>([])

    public init() {}

    public borrowing func set(_ path: PathNode) {
        if text.withLock({ !$0.isEmpty }) { return }
        let name = path.absolutePath(root: nil)
        text.withLock { $0 = name }
    }

    public var bytes: [UInt8] { text.withLock { $0 } }
}
