import Support

/// The path that /proc/PID/maps shows for a file's pages.
///
/// It is written down when the file is first mapped: pages that held the node itself would never be freed, because the
/// node holds the inode and the inode its pages.
public struct MappedName: ~Copyable {
    private struct Text {
        var bytes: [UInt8] = []
        /// Only the name of something that is in no folder: the rest is added when somebody looks.
        var isDetached = false
    }
    private let text = SpinLock(Text())

    public init() {}

    public borrowing func set(_ path: PathNode) {
        if text.withLock({ !$0.bytes.isEmpty }) { return }
        let isDetached = path.isDetached
        let name = isDetached ? path.name : path.absolutePath(root: nil)
        text.withLock { $0 = Text(bytes: name, isDetached: isDetached) }
    }

    public var bytes: [UInt8] {
        let text = text.withLock { $0 }
        return text.isDetached ? PathNode.detachedPath(text.bytes) : text.bytes
    }
}
