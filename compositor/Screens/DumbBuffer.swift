// A buffer of a DRM device that the processor draws into.

import ABI
import Gfx
import System

/// A mapped dumb buffer; given back to the device when the value goes out of scope.
final class DumbBuffer {
    let handle: UInt32
    let pixels: PixelBuffer
    let strideBytes: UInt32
    private let memory: MemoryMapping
    // SAFETY: the output that owns the buffers keeps its device open longer than them.
    private let device: Int32

    init(_ card: borrowing FileDescriptor, size: Size, format: PixelFormat) throws(Errno) {
        var create = DRMModeCreateDumb()
        create.width = UInt32(size.width)
        create.height = UInt32(size.height)
        create.bitsPerPixel = 32
        try card.control(UInt(DRMRequest.createDumb.rawValue), &create)
        var map = DRMModeMapDumb()
        map.handle = create.handle
        try card.control(UInt(DRMRequest.mapDumb.rawValue), &map)
        memory = try MemoryMapping(shared: card, byteCount: Int(create.size), offset: Int(map.offset), .readWrite)
        guard
            let view = PixelBuffer(
                memory: memory.bytes, width: size.width, height: size.height, strideBytes: Int(create.pitch), format: format)
        else { throw .invalidArgument }
        pixels = view
        handle = create.handle
        strideBytes = create.pitch
        device = card.rawValue
    }
}
