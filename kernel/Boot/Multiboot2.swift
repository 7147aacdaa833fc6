import Display
import Frames

// Multiboot2 (specification 2.0, section 3.6: boot information format).

enum Multiboot2 {
    static let bootMagic: UInt32 = 0x36d7_6289

    enum Tag {
        static let end: UInt32 = 0
        static let commandLine: UInt32 = 1
        static let module: UInt32 = 3
        static let memoryMap: UInt32 = 6
        static let framebuffer: UInt32 = 8
        static let oldRSDP: UInt32 = 14
        static let newRSDP: UInt32 = 15
    }
}

extension BootInformation {
    /// - Returns: nil when the structure's size is absurd.
    init?(multiboot2 address: UInt64) {
        let info = PhysicalReader(base: address)
        let totalBytes = Int(info.read(0, as: UInt32.self))
        guard totalBytes >= 16, totalBytes <= 1 << 20 else { return nil }
        self.init()
        loader = "Multiboot2"
        reserved.append(MemoryRange(start: address, byteCount: UInt64(totalBytes), kind: .reserved))
        var offset = 8
        while offset + 8 <= totalBytes {
            let type = info.read(offset, as: UInt32.self)
            let size = Int(info.read(offset + 4, as: UInt32.self))
            if type == Multiboot2.Tag.end || size < 8 || offset + size > totalBytes { break }
            decode(tag: type, size: size, PhysicalReader(base: address + UInt64(offset)))
            offset += (size + 7) & ~7
        }
    }

    private mutating func decode(tag type: UInt32, size: Int, _ tag: PhysicalReader) {
        switch type {
        case Multiboot2.Tag.commandLine:
            commandLine = tag.string(8, limit: size - 8)
        case Multiboot2.Tag.module where size >= 16:
            let start = UInt64(tag.read(8, as: UInt32.self))
            let end = UInt64(tag.read(12, as: UInt32.self))
            if end > start, modules.count < 16 { modules.append((start, end)) }
        case Multiboot2.Tag.memoryMap where size >= 16:
            let entryBytes = Int(tag.read(8, as: UInt32.self))
            guard entryBytes >= 24 else { return }
            var offset = 16
            while offset + entryBytes <= size {
                let start = tag.read(offset, as: UInt64.self)
                let length = tag.read(offset + 8, as: UInt64.self)
                let kind = tag.read(offset + 16, as: UInt32.self)
                memory.append(MemoryRange(start: start, byteCount: length, kind: .init(e820: kind)))
                offset += entryBytes
            }
        case Multiboot2.Tag.framebuffer where size >= 38:
            // Only direct colour (type 1) has channel masks; text mode and palettes are of no use to us.
            guard tag.read(29, as: UInt8.self) == 1 else { return }
            framebuffer = BootFramebuffer(
                physical: tag.read(8, as: UInt64.self), stride: Int(tag.read(16, as: UInt32.self)),
                width: Int(tag.read(20, as: UInt32.self)), height: Int(tag.read(24, as: UInt32.self)),
                bitsPerPixel: Int(tag.read(28, as: UInt8.self)), redMask: mask(tag, 32), greenMask: mask(tag, 34),
                blueMask: mask(tag, 36))
        case Multiboot2.Tag.oldRSDP where rsdp == 0, Multiboot2.Tag.newRSDP:
            // The tag holds a copy of the RSDP itself.
            rsdp = tag.base + 8
        default:
            break
        }
    }

    /// The bits of a colour channel, from its position and size.
    private func mask(_ tag: PhysicalReader, _ offset: Int) -> UInt32 {
        let position = UInt32(tag.read(offset, as: UInt8.self))
        let size = UInt32(tag.read(offset + 1, as: UInt8.self))
        guard size <= 16, position + size <= 32 else { return 0 }
        return ((1 << size) - 1) << position
    }
}
