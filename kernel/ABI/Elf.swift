// ELF-64 object files, as far as the kernel reads them (System V ABI, generic chapters 4 and 5; AMD64 supplement chapter 4), and
// the auxiliary vector that a program finds on its stack (`include/uapi/linux/auxvec.h`).

/// `Elf64_Ehdr`.
public struct ElfHeader: BitwiseCopyable, Sendable {
    public var magic: UInt32 = 0
    public var fileClass: UInt8 = 0
    public var dataEncoding: UInt8 = 0
    public var identVersion: UInt8 = 0
    public var osABI: UInt8 = 0
    public var identPadding: UInt64 = 0
    public var type: UInt16 = 0
    public var machine: UInt16 = 0
    public var version: UInt32 = 0
    public var entry: UInt64 = 0
    public var programHeaderOffset: UInt64 = 0
    public var sectionHeaderOffset: UInt64 = 0
    public var flags: UInt32 = 0
    public var headerSize: UInt16 = 0
    public var programHeaderSize: UInt16 = 0
    public var programHeaderCount: UInt16 = 0
    public var sectionHeaderSize: UInt16 = 0
    public var sectionHeaderCount: UInt16 = 0
    public var sectionNameIndex: UInt16 = 0
    public init() {}

    /// 0x7f "ELF", as a little-endian word.
    public static var magicNumber: UInt32 { 0x464c_457f }
    public static var class64: UInt8 { 2 }
    public static var littleEndian: UInt8 { 1 }
    public static var currentVersion: UInt8 { 1 }
    public static var typeExecutable: UInt16 { 2 }
    public static var typeShared: UInt16 { 3 }
    public static var machineX86_64: UInt16 { 62 }
}

/// `Elf64_Phdr`.
public struct ElfProgramHeader: BitwiseCopyable, Sendable {
    public var type: UInt32 = 0
    public var flags: UInt32 = 0
    public var offset: UInt64 = 0
    public var address: UInt64 = 0
    public var physicalAddress: UInt64 = 0
    public var fileByteCount: UInt64 = 0
    public var memoryByteCount: UInt64 = 0
    public var alignment: UInt64 = 0
    public init() {}

    public static var load: UInt32 { 1 }
    public static var interpreter: UInt32 { 3 }
    public static var programHeaders: UInt32 { 6 }
    public static var gnuStack: UInt32 { 0x6474_e551 }

    public static var executable: UInt32 { 1 }
    public static var writable: UInt32 { 2 }
    public static var readable: UInt32 { 4 }
}

/// Keys of the auxiliary vector.
public enum AuxiliaryKey {
    public static var null: UInt64 { 0 }
    public static var programHeaders: UInt64 { 3 }
    public static var programHeaderSize: UInt64 { 4 }
    public static var programHeaderCount: UInt64 { 5 }
    public static var pageSize: UInt64 { 6 }
    public static var interpreterBase: UInt64 { 7 }
    public static var flags: UInt64 { 8 }
    public static var entry: UInt64 { 9 }
    public static var userID: UInt64 { 11 }
    public static var effectiveUserID: UInt64 { 12 }
    public static var groupID: UInt64 { 13 }
    public static var effectiveGroupID: UInt64 { 14 }
    public static var platform: UInt64 { 15 }
    public static var hardwareCapabilities: UInt64 { 16 }
    public static var clockTicks: UInt64 { 17 }
    public static var secure: UInt64 { 23 }
    public static var random: UInt64 { 25 }
    public static var hardwareCapabilities2: UInt64 { 26 }
    public static var executableName: UInt64 { 31 }
    public static var sharedObject: UInt64 { 33 }  // AT_SYSINFO_EHDR
    public static var minimumSignalStack: UInt64 { 51 }
}
