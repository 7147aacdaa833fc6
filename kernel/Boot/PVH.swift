import Frames

// The PVH boot protocol (Xen, include/public/arch-x86/hvm/start_info.h).

extension BootInformation {
    private static let startMagic: UInt32 = 0x336e_c578

    /// - Returns: nil when the structure's magic number is wrong.
    init?(pvh address: UInt64) {
        let info = PhysicalReader(base: address)
        guard info.read(0, as: UInt32.self) == Self.startMagic else { return nil }
        self.init()
        loader = "PVH"
        let version = info.read(4, as: UInt32.self)
        let moduleCount = min(info.read(12, as: UInt32.self), 16)
        let moduleList = info.read(16, as: UInt64.self)
        let command = info.read(24, as: UInt64.self)
        rsdp = info.read(32, as: UInt64.self)
        if command != 0, command < 1 << 32 { commandLine = PhysicalReader(base: command).string(0, limit: 2048) }
        if moduleList != 0, moduleList < 1 << 32 {
            let list = PhysicalReader(base: moduleList)
            for index in 0..<Int(moduleCount) {
                let start = list.read(index * 32, as: UInt64.self)
                let size = list.read(index * 32 + 8, as: UInt64.self)
                if size > 0, start &+ size > start { modules.append((start, start + size)) }
            }
        }
        guard version >= 1 else { return }
        let map = PhysicalReader(base: info.read(40, as: UInt64.self))
        let entries = min(info.read(48, as: UInt32.self), 256)
        for index in 0..<Int(entries) {
            let start = map.read(index * 24, as: UInt64.self)
            let size = map.read(index * 24 + 8, as: UInt64.self)
            let type = map.read(index * 24 + 16, as: UInt32.self)
            memory.append(MemoryRange(start: start, byteCount: size, kind: .init(e820: type)))
        }
    }

    init() {}
}
