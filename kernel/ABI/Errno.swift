/// An error number of the Linux system-call interface (`include/uapi/asm-generic/errno*.h`).
///
/// System calls return it negated in RAX; inside the kernel it is thrown.
public struct Errno: Error, Equatable, Sendable {
    public let rawValue: Int32

    @inlinable
    public init(rawValue: Int32) { self.rawValue = rawValue }
}

extension Errno {
    @inlinable public static var notPermitted: Errno { Errno(rawValue: 1) }  // EPERM
    @inlinable public static var noEntry: Errno { Errno(rawValue: 2) }  // ENOENT
    @inlinable public static var noProcess: Errno { Errno(rawValue: 3) }  // ESRCH
    @inlinable public static var interrupted: Errno { Errno(rawValue: 4) }  // EINTR
    @inlinable public static var ioError: Errno { Errno(rawValue: 5) }  // EIO
    @inlinable public static var noDeviceOrAddress: Errno { Errno(rawValue: 6) }  // ENXIO
    @inlinable public static var argumentListTooLong: Errno { Errno(rawValue: 7) }  // E2BIG
    @inlinable public static var badExecutable: Errno { Errno(rawValue: 8) }  // ENOEXEC
    @inlinable public static var badDescriptor: Errno { Errno(rawValue: 9) }  // EBADF
    @inlinable public static var noChild: Errno { Errno(rawValue: 10) }  // ECHILD
    @inlinable public static var wouldBlock: Errno { Errno(rawValue: 11) }  // EAGAIN
    @inlinable public static var outOfMemory: Errno { Errno(rawValue: 12) }  // ENOMEM
    @inlinable public static var accessDenied: Errno { Errno(rawValue: 13) }  // EACCES
    @inlinable public static var badAddress: Errno { Errno(rawValue: 14) }  // EFAULT
    @inlinable public static var notBlockDevice: Errno { Errno(rawValue: 15) }  // ENOTBLK
    @inlinable public static var busy: Errno { Errno(rawValue: 16) }  // EBUSY
    @inlinable public static var exists: Errno { Errno(rawValue: 17) }  // EEXIST
    @inlinable public static var crossDevice: Errno { Errno(rawValue: 18) }  // EXDEV
    @inlinable public static var noDevice: Errno { Errno(rawValue: 19) }  // ENODEV
    @inlinable public static var notDirectory: Errno { Errno(rawValue: 20) }  // ENOTDIR
    @inlinable public static var isDirectory: Errno { Errno(rawValue: 21) }  // EISDIR
    @inlinable public static var invalidArgument: Errno { Errno(rawValue: 22) }  // EINVAL
    @inlinable public static var tooManyOpenFilesInSystem: Errno { Errno(rawValue: 23) }  // ENFILE
    @inlinable public static var tooManyOpenFiles: Errno { Errno(rawValue: 24) }  // EMFILE
    @inlinable public static var notTerminal: Errno { Errno(rawValue: 25) }  // ENOTTY
    @inlinable public static var textFileBusy: Errno { Errno(rawValue: 26) }  // ETXTBSY
    @inlinable public static var fileTooLarge: Errno { Errno(rawValue: 27) }  // EFBIG
    @inlinable public static var noSpace: Errno { Errno(rawValue: 28) }  // ENOSPC
    @inlinable public static var illegalSeek: Errno { Errno(rawValue: 29) }  // ESPIPE
    @inlinable public static var readOnlyFileSystem: Errno { Errno(rawValue: 30) }  // EROFS
    @inlinable public static var tooManyLinks: Errno { Errno(rawValue: 31) }  // EMLINK
    @inlinable public static var brokenPipe: Errno { Errno(rawValue: 32) }  // EPIPE
    @inlinable public static var outOfDomain: Errno { Errno(rawValue: 33) }  // EDOM
    @inlinable public static var outOfRange: Errno { Errno(rawValue: 34) }  // ERANGE
    @inlinable public static var deadlock: Errno { Errno(rawValue: 35) }  // EDEADLK
    @inlinable public static var nameTooLong: Errno { Errno(rawValue: 36) }  // ENAMETOOLONG
    @inlinable public static var noLocks: Errno { Errno(rawValue: 37) }  // ENOLCK
    @inlinable public static var notImplemented: Errno { Errno(rawValue: 38) }  // ENOSYS
    @inlinable public static var directoryNotEmpty: Errno { Errno(rawValue: 39) }  // ENOTEMPTY
    @inlinable public static var tooManySymbolicLinks: Errno { Errno(rawValue: 40) }  // ELOOP
    @inlinable public static var noData: Errno { Errno(rawValue: 61) }  // ENODATA
    @inlinable public static var protocolError: Errno { Errno(rawValue: 71) }  // EPROTO
    @inlinable public static var badMessage: Errno { Errno(rawValue: 74) }  // EBADMSG
    @inlinable public static var overflow: Errno { Errno(rawValue: 75) }  // EOVERFLOW
    @inlinable public static var notSocket: Errno { Errno(rawValue: 88) }  // ENOTSOCK
    @inlinable public static var destinationRequired: Errno { Errno(rawValue: 89) }  // EDESTADDRREQ
    @inlinable public static var messageTooLong: Errno { Errno(rawValue: 90) }  // EMSGSIZE
    @inlinable public static var wrongProtocolType: Errno { Errno(rawValue: 91) }  // EPROTOTYPE
    @inlinable public static var noProtocolOption: Errno { Errno(rawValue: 92) }  // ENOPROTOOPT
    @inlinable public static var protocolNotSupported: Errno { Errno(rawValue: 93) }  // EPROTONOSUPPORT
    @inlinable public static var socketTypeNotSupported: Errno { Errno(rawValue: 94) }  // ESOCKTNOSUPPORT
    @inlinable public static var notSupported: Errno { Errno(rawValue: 95) }  // EOPNOTSUPP
    @inlinable public static var addressFamilyNotSupported: Errno { Errno(rawValue: 97) }  // EAFNOSUPPORT
    @inlinable public static var addressInUse: Errno { Errno(rawValue: 98) }  // EADDRINUSE
    @inlinable public static var noBufferSpace: Errno { Errno(rawValue: 105) }  // ENOBUFS
    @inlinable public static var alreadyConnected: Errno { Errno(rawValue: 106) }  // EISCONN
    @inlinable public static var notConnected: Errno { Errno(rawValue: 107) }  // ENOTCONN
    @inlinable public static var timedOut: Errno { Errno(rawValue: 110) }  // ETIMEDOUT
    @inlinable public static var connectionRefused: Errno { Errno(rawValue: 111) }  // ECONNREFUSED
    @inlinable public static var connectionReset: Errno { Errno(rawValue: 104) }  // ECONNRESET
    @inlinable public static var alreadyInProgress: Errno { Errno(rawValue: 114) }  // EALREADY
    @inlinable public static var inProgress: Errno { Errno(rawValue: 115) }  // EINPROGRESS

    /// Kernel-internal: a call was interrupted by a signal and may be started again (SA_RESTART); it never
    /// reaches userspace: signal delivery turns it into a restart or into `interrupted`.
    @inlinable public static var restart: Errno { Errno(rawValue: 512) }  // ERESTARTSYS

    /// Kernel-internal: an executable file turned out to be unusable after the point where Linux has already given up the old
    /// program: exec does not return, the process dies of SIGSEGV.
    @inlinable public static var unloadableProgram: Errno { Errno(rawValue: 600) }
}

extension Errno {
    @inlinable public static var tooManyReferences: Errno { Errno(rawValue: 109) }  // ETOOMANYREFS
}
extension Errno {
    @inlinable public static var connectionAborted: Errno { Errno(rawValue: 103) }  // ECONNABORTED
}
