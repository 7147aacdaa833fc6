import Support

/// The path that /proc/PID/maps shows for a file's pages.
///
/// It is written down when the file is first mapped: pages that held the node itself would never be freed, because the
/// node holds the inode and the inode its pages.
public struct MappedName: ~Copyable {
    private let text = SpinLock<[UInt8]>([])
    /// `text` is only the name of something that is in no folder: the rest is added when somebody looks.
    private let isDetached = SpinLock(false)

    public init() {}

    public borrowing func set(_ path: PathNode) {
        if text.withLock({ !$0.isEmpty }) { return }
        let name: [UInt8]
        if path.isDetached {
            isDetached.withLock { $0 = true }
            name = path.name
        } else {
            name = path.absolutePath(root: nil)
        }
        text.withLock { $0 = name }
    }

    public var bytes: [UInt8] {
        let name = text.withLock { $0 }
        return !name.isEmpty && isDetached.withLock { $0 } ? PathNode.detachedPath(name) : name
    }
}
