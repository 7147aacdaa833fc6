// Numbers of Linux's x86-64 interface that Swift cannot import from the C library's headers, because they are macros of
// an unusual form or enumerators whose type differs from libc to libc.

enum Linux {
    // O_, EPOLL_, TFD_, EFD_ and SOCK_ flags share these two values.
    static var closeOnExec: Int32 { 0x80000 }
    static var nonBlocking: Int32 { 0x800 }

    static var epollAdd: Int32 { 1 }
    static var epollRemove: Int32 { 2 }
    static var epollModify: Int32 { 3 }

    static var clockMonotonic: Int32 { 1 }
    static var timerAbsolute: Int32 { 1 }

    static var streamSocket: Int32 { 1 }
    static var peerCredentials: Int32 { 17 }
    static var passRights: Int32 { 1 }
    static var noSignal: Int32 { 0x4000 }
    static var receivedCloseOnExec: Int32 { 0x4000_0000 }
    static var controlTruncated: Int32 { 0x8 }

    static var mapAnonymous: Int32 { 0x20 }
    static var addSeals: Int32 { 1033 }
    static var getSeals: Int32 { 1034 }

    static var setControllingTerminal: UInt { 0x540E }
    static var setWindowSize: UInt { 0x5414 }
    static var lockSlave: UInt { 0x4004_5431 }
    static var getSlaveNumber: UInt { 0x8004_5430 }

    static var waitNoHang: Int32 { 1 }
    static var remount: UInt32 { 32 }
}
