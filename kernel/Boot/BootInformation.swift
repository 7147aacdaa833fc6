import Display
import Frames
import Support

/// What the loader told us, whichever loader it was.
struct BootInformation {
    var loader: StaticString = "unknown"
    var commandLine: [UInt8] = []
    var memory: [MemoryRange] = []
    /// Physical ranges of boot modules; the first is the root image.
    var modules: [(start: UInt64, end: UInt64)] = []
    /// A linear framebuffer that firmware or the loader set up (GOP or VBE).
    var framebuffer: BootFramebuffer?
    /// Physical address of ACPI's RSDP, or 0.
    var rsdp: UInt64 = 0
    /// Physical ranges that hold boot data still in use.
    var reserved: [MemoryRange] = []

    /// Decodes what the loader left.
    /// - Parameters:
    ///   - magic: EAX at entry: tells Multiboot2; anything else must be PVH.
    ///   - address: physical address of the boot information (below 4 GiB).
    init?(magic: UInt32, address: UInt64) {
        if magic == Multiboot2.bootMagic {
            self.init(multiboot2: address)
        } else {
            self.init(pvh: address)
        }
    }
}

/// Reads boot data in physical memory through the direct map.
/// - Safety: loaders place their data below 4 GiB, which the boot page tables map.
struct PhysicalReader {
    let base: UInt64
    func read<T: BitwiseCopyable>(_ offset: Int, as type: T.Type) -> T {
        PhysicalAddress(base + UInt64(offset)).directMapped.loadUnaligned(as: type)
    }
    /// A NUL-terminated string of at most `limit` bytes.
    func string(_ offset: Int, limit: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        while bytes.count < limit {
            let byte = read(offset + bytes.count, as: UInt8.self)
            if byte == 0 { break }
            bytes.append(byte)
        }
        return bytes
    }
}

extension MemoryRange.Kind {
    /// The type numbers of the BIOS's E820 map, which PVH and Multiboot2 use too (ACPI specification, table 15-374).
    init(e820 type: UInt32) {
        switch type {
        case 1: self = .usable
        case 3: self = .acpiReclaimable
        case 4: self = .acpiNonVolatile
        case 5: self = .defective
        default: self = .reserved
        }
    }
}
