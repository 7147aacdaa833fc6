import ABI

/// In whose name a file operation runs: the identity that permissions are checked against.
///
/// It is a copy taken at the start of a call, so that one call sees one identity.
public struct FileIdentity: Sendable {
    public let uid: UInt32
    public let gid: UInt32
    /// Supplementary groups.
    public let groups: [UInt32]

    public init(uid: UInt32, gid: UInt32, groups: [UInt32] = []) {
        self.uid = uid
        self.gid = gid
        self.groups = groups
    }

    /// The kernel itself, and the superuser.
    public static var root: FileIdentity { FileIdentity(uid: 0, gid: 0) }

    @inlinable public var isPrivileged: Bool { uid == 0 }

    public func isMember(of group: UInt32) -> Bool { group == gid || groups.contains(group) }
}

/// What an operation wants to do with a file, as the permission bits encode it.
public struct AccessRights: OptionSet, Sendable {
    public let rawValue: UInt32
    @inlinable public init(rawValue: UInt32) { self.rawValue = rawValue }
    public static var execute: AccessRights { AccessRights(rawValue: 1) }
    public static var write: AccessRights { AccessRights(rawValue: 2) }
    public static var read: AccessRights { AccessRights(rawValue: 4) }
}

extension FileIdentity {
    /// Whether the permission bits grant what is wanted (POSIX file access permissions).
    ///
    /// The superuser may do everything, except execute a file that nobody may execute.
    public func mayAccess(_ wanted: AccessRights, mode: UInt32, uid owner: UInt32, gid group: UInt32, kind: FileKind) -> Bool {
        if isPrivileged {
            return kind == .directory || !wanted.contains(.execute) || mode & 0o111 != 0
        }
        let shift: UInt32 = uid == owner ? 6 : isMember(of: group) ? 3 : 0
        return (mode >> shift) & wanted.rawValue == wanted.rawValue
    }
}
