// Pixels that the server reads from our memory (wl_shm).

import Gfx
import System
import WaylandClient

/// A buffer of a surface in a memory file that both sides map.
final class ShmBuffer {
    let size: Size
    let id: ObjectID
    private let format: PixelFormat
    private let mapping: MemoryMapping
    private let display: Display
    private let proxy: WlBuffer.Proxy
    /// The server may read it.
    var isBusy = false
    /// What differs from the newest picture.
    var stale: Region

    /// Fails if there is no memory for it.
    init(_ display: Display, _ shm: WlShm.Proxy, _ size: Size, format: PixelFormat = .xrgb8888, released: @escaping () -> Void)
        throws(Errno)
    {
        let stride = size.width * 4
        let byteCount = Int(stride) * Int(size.height)
        let file = try FileDescriptor.memory("surface", byteCount: byteCount)
        // The server need not fear a bus error: the file cannot become smaller.
        try file.add([.shrink, .grow, .seal])
        mapping = try MemoryMapping(shared: file, byteCount: byteCount, .readWrite)
        self.size = size
        self.format = format
        self.display = display
        stale = Region(Rect(size: size))
        let connection = display.connection
        let pool = connection.create()
        shm.createPool(id: pool, fd: file, size: Int32(byteCount))
        let poolProxy = WlShmPool.Proxy(connection.outbox, pool, version: 1)
        id = connection.create { message throws(WireError) in
            _ = try WlBuffer.Event.decode(&message, version: 1)
            released()
        }
        poolProxy.createBuffer(
            id: id, offset: 0, width: size.width, height: size.height, stride: stride,
            format: format == .argb8888 ? .argb8888 : .xrgb8888)
        poolProxy.destroy()
        connection.retire(pool)
        proxy = WlBuffer.Proxy(connection.outbox, id, version: 1)
    }

    deinit {
        proxy.destroy()
        display.connection.retire(id)
    }

    /// The pixels, to draw into.
    var pixels: PixelBuffer {
        // SAFETY: size and stride are those that the mapping was made for.
        PixelBuffer(
            memory: mapping.bytes, width: size.width, height: size.height, strideBytes: Int(size.width) * 4, format: format,
            kernel: display.application.blendKernel)!
    }
}

/// The buffers of one surface: one while the server is quick to give it back, two while it is not.
final class BufferPair {
    private let display: Display
    private var buffers: [ShmBuffer] = []
    /// The buffer with the newest picture.
    private var front: ShmBuffer?
    /// Called when a buffer is free again.
    private let released: () -> Void

    init(_ display: Display, released: @escaping () -> Void) {
        self.display = display
        self.released = released
    }

    /// A free buffer of the given size with everything in it but `damage`, which is to be drawn and is made larger if the
    /// buffer is new. Nil while the server has both.
    func take(_ size: Size, _ damage: inout Region) -> ShmBuffer? {
        // Buffers of another size go as soon as the server does not read them any more.
        buffers.removeAll { $0.size != size && !$0.isBusy }
        if front?.size != size { front = nil }
        let buffer: ShmBuffer
        if let front, !front.isBusy {
            buffer = front
        } else if let free = buffers.first(where: { $0.size == size && !$0.isBusy }) {
            buffer = free
        } else if let new = make(size) {
            buffer = new
        } else {
            return nil
        }
        damage.formIntersection(Rect(size: size))
        guard let front else {
            damage = Region(Rect(size: size))
            return buffer
        }
        if front !== buffer {
            // Copy what the other buffer was given meanwhile, except what is about to be drawn anyway.
            let missing = buffer.stale.subtracting(damage)
            let target = buffer.pixels
            for rect in missing.rects { target.copy(front.pixels.image, rect, to: rect.origin) }
        }
        return buffer
    }

    private func make(_ size: Size) -> ShmBuffer? {
        guard buffers.filter({ $0.size == size }).count < 2, buffers.count < 4, let shm = display.shm else { return nil }
        unowned(unsafe) let this = self
        let number = nextNumber
        nextNumber += 1
        do throws(Errno) {
            // SAFETY: a buffer lives in the pair or is retired, and events of retired objects are not delivered.
            let buffer = try ShmBuffer(display, shm, size) { this.release(number) }
            buffers.append(buffer)
            numbers.append((number, buffer.id))
            return buffer
        } catch {
            Log.write("toolkit", "no memory for a window: \(error.message)")
            return nil
        }
    }

    /// Numbers of buffers, because an identifier is used again.
    private var numbers: [(number: Int, id: ObjectID)] = []
    private var nextNumber = 0

    private func release(_ number: Int) {
        guard let entry = numbers.first(where: { $0.number == number }) else { return }
        buffers.first { $0.id == entry.id }?.isBusy = false
        numbers.removeAll { entry in !buffers.contains { $0.id == entry.id } }
        released()
    }

    /// Notes that a buffer was given to the server with the picture that has `damage` in it.
    func submitted(_ buffer: ShmBuffer, _ damage: Region) {
        for other in buffers where other !== buffer { other.stale.formUnion(damage) }
        buffer.stale = Region()
        buffer.isBusy = true
        front = buffer
    }
}
