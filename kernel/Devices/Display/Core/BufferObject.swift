import ABI
import DisplayModel
import Frames
import Support
import VirtualMemory

/// The pages of a dumb buffer. Mappings keep them alive after the handle is closed.
public final class DumbMemory: MemoryObject {
    /// Frames in order; the object owns one reference to each.
    private let frames: [PhysicalAddress]

    /// Allocates zeroed memory.
    /// - Throws: `outOfMemory`.
    init(byteCount: UInt64) throws(Errno) {
        let count = Int(byteCount) / pageSize
        var frames: [PhysicalAddress] = []
        frames.reserveCapacity(count)
        while frames.count < count {
            guard let frame = FrameAllocator.allocate(zeroed: true) else {
                for frame in frames { FrameAllocator.release(frame) }
                throw .outOfMemory
            }
            frames.append(frame)
        }
        self.frames = frames
    }

    deinit { for frame in frames { FrameAllocator.release(frame) } }

    public var frameCount: Int { frames.count }
    /// The physical address of a page.
    public func physical(_ index: Int) -> PhysicalAddress { frames[index] }

    public override func frame(at pageIndex: UInt64, writing: Bool) throws(FaultError) -> PhysicalAddress {
        guard pageIndex < UInt64(frames.count) else { throw .busError }
        let frame = frames[Int(pageIndex)]
        FrameAllocator.retain(frame)
        return frame
    }

    public override func residentFrames(from first: UInt64, count: Int, into target: UnsafeMutablePointer<UInt64>) {
        for index in 0..<count {
            let page = first &+ UInt64(index)
            guard page >= first, page < UInt64(frames.count) else {
                target[index] = 0
                continue
            }
            FrameAllocator.retain(frames[Int(page)])
            target[index] = frames[Int(page)].rawValue
        }
    }
}

/// A dumb buffer as it appears in the device's offsets for mmap: its pages start at the page that MAP_DUMB told.
final class DumbView: MemoryObject {
    private let memory: DumbMemory
    private let firstPage: UInt64

    init(_ memory: DumbMemory, firstPage: UInt64) {
        self.memory = memory
        self.firstPage = firstPage
    }

    override func frame(at pageIndex: UInt64, writing: Bool) throws(FaultError) -> PhysicalAddress {
        guard pageIndex >= firstPage else { throw .busError }
        return try memory.frame(at: pageIndex - firstPage, writing: writing)
    }

    override func residentFrames(from first: UInt64, count: Int, into target: UnsafeMutablePointer<UInt64>) {
        guard first >= firstPage else {
            for index in 0..<count { target[index] = 0 }
            return
        }
        memory.residentFrames(from: first - firstPage, count: count, into: target)
    }

    override var mappedName: [UInt8] { String("/dev/dri/card0").utf8 }
}

/// A buffer that programs draw into and displays show (a GEM object in Linux's words).
///
/// Handles, framebuffers and the cursor each count as a use. All fields are protected by the card's lock.
public final class BufferObject {
    public let memory: DumbMemory
    public let pitch: UInt32
    public let byteCount: UInt64
    /// What the driver knows it by, and as what format; 0 when it has not been told.
    public var hostResource: UInt32 = 0
    public var hostFormat: UInt32 = 0
    fileprivate var useCount = 0

    init(_ geometry: DumbGeometry) throws(Errno) {
        memory = try DumbMemory(byteCount: geometry.byteCount)
        pitch = geometry.pitch
        byteCount = geometry.byteCount
    }

    func addUse() { useCount += 1 }

    /// Ends a use; after the last one the driver forgets the buffer, so that its memory can go.
    func endUse(_ driver: DisplayDriver) {
        useCount -= 1
        if useCount == 0 { driver.forget(self) }
    }
}

/// A picture in a buffer.
public final class Framebuffer {
    public let id: UInt32
    public let geometry: FramebufferGeometry
    public let format: UInt32
    public let buffer: BufferObject
    /// The owner's serial number: a framebuffer dies with the file that made it.
    let owner: UInt64
    /// The owner reports its damage with DIRTYFB, so flipping need not transfer the whole of it. Protected by the card's lock.
    var reportsDamage = false

    init(id: UInt32, geometry: FramebufferGeometry, format: UInt32, buffer: BufferObject, owner: UInt64) {
        self.id = id
        self.geometry = geometry
        self.format = format
        self.buffer = buffer
        self.owner = owner
    }
}
