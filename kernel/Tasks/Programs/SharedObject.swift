import ABI
import Frames
import Processor
import Support
import VirtualMemory

/// The shared object by which programs read the clocks and learn their processor without entering the kernel (vdso(7)), and the page of
/// numbers that it reads (`ClockPage`). Each program has both mapped, somewhere among its other mappings.
public enum SharedObject {
    // Made at boot, before the first program.
    nonisolated(unsafe) private static var code: KernelPages?
    nonisolated(unsafe) private static var numbers: KernelPages?

    /// Makes the pages. Without memory for them programs do without.
    public static func start() {
        let image = KernelImage.sharedObject
        guard let code = KernelPages(name: "[vdso]", count: (image.count + 4095) / 4096),
            let numbers = KernelPages(name: "[vvar]", count: 1)
        else { return Log.warning("programs: no memory for the shared object; clocks are system calls") }
        code.fill(image)
        // SAFETY: the page is never freed.
        Clock.share(in: numbers.memory(of: 0))
        self.code = code
        self.numbers = numbers
    }

    /// Maps it into a new address space.
    /// - Returns: where it starts; 0 when there is none.
    static func map(into space: AddressSpace) throws(Errno) -> UInt64 {
        guard let code, let numbers else { return 0 }
        var codeRequest = MapRequest(byteCount: code.byteCount, protection: [.read, .execute])
        codeRequest.object = code
        var numbersRequest = MapRequest(byteCount: numbers.byteCount, protection: .read)
        numbersRequest.object = numbers
        numbersRequest.maximum = .read
        // The place is wherever there is room for both: addresses are given out from the top, so the page below is free as a rule.
        let start = try space.map(codeRequest)
        do throws(Errno) {
            numbersRequest.placement = .fixedNoReplace(start - numbers.byteCount)
            _ = try space.map(numbersRequest)
            return start
        } catch {
            if error != .exists { throw error }
        }
        try space.unmap(start, byteCount: code.byteCount)
        let room = try space.map(MapRequest(byteCount: numbers.byteCount + code.byteCount, protection: []))
        numbersRequest.placement = .fixed(room)
        _ = try space.map(numbersRequest)
        codeRequest.placement = .fixed(room + numbers.byteCount)
        return try space.map(codeRequest)
    }
}

/// Pages of the kernel's that programs see.
final class KernelPages: MemoryObject {
    private let name: StaticString
    private var frames: [PhysicalAddress] = []

    /// Pages of zeros, for ever.
    /// - Returns: nil without memory.
    init?(name: StaticString, count: Int) {
        self.name = name
        super.init()
        for _ in 0..<count {
            guard let frame = FrameAllocator.allocate(zeroed: true) else { return nil }
            frames.append(frame)
        }
    }

    deinit { for frame in frames { FrameAllocator.release(frame) } }

    var byteCount: UInt64 { UInt64(frames.count) << 12 }

    func memory(of page: Int) -> UnsafeMutableRawPointer { frames[page].directMapped }

    func fill(_ bytes: UnsafeRawBufferPointer) {
        var offset = 0
        while offset < bytes.count {
            let count = min(4096, bytes.count - offset)
            memory(of: offset >> 12).copyMemory(from: bytes.baseAddress! + offset, byteCount: count)
            offset += count
        }
    }

    override func frame(at pageIndex: UInt64, writing: Bool) throws(FaultError) -> PhysicalAddress {
        guard pageIndex < UInt64(frames.count) else { throw .busError }
        let frame = frames[Int(pageIndex)]
        FrameAllocator.retain(frame)
        return frame
    }

    override var mappedName: [UInt8] { Array(UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount)) }
}
