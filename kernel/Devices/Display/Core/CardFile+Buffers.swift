// Requests about buffers and framebuffers.

import ABI
import DisplayModel
import Scheduling
import Support
import VirtualMemory

extension CardFile {
    // MARK: Dumb buffers

    func createDumb(_ request: IoctlRequest, _ argument: UInt64) throws(Errno) -> Int {
        try exchange(request, argument, DRMModeCreateDumb()) { (dumb) throws(Errno) in
            let geometry = try DumbGeometry(
                width: dumb.width, height: dumb.height, bitsPerPixel: dumb.bitsPerPixel, flags: dumb.flags)
            let buffer = try BufferObject(geometry)
            dumb.handle = try card.state.withLock { (_) throws(Errno) in
                let handle = try addHandle(buffer)
                buffer.addUse()
                return handle
            }
            dumb.pitch = geometry.pitch
            dumb.size = geometry.byteCount
        }
    }

    /// What to pass to mmap: the handle in the upper half, so that every page of a buffer has an offset of its own.
    func mapDumb(_ request: IoctlRequest, _ argument: UInt64) throws(Errno) -> Int {
        try exchange(request, argument, DRMModeMapDumb()) { (map) throws(Errno) in
            _ = try card.state.withLock { (_) throws(Errno) in try buffer(map.handle) }
            map.offset = UInt64(map.handle) << 32
        }
    }

    func mappedBuffer(offset: UInt64, length: UInt64) throws(Errno) -> MemoryObject {
        guard offset >> 32 <= UInt64(Self.maxHandles) else { throw .invalidArgument }
        let buffer = try card.state.withLock { (_) throws(Errno) -> BufferObject in try self.buffer(UInt32(offset >> 32)) }
        let start = offset & 0xFFFF_FFFF
        guard start <= buffer.byteCount, length <= buffer.byteCount - start else { throw .invalidArgument }
        return DumbView(buffer.memory, firstPage: (offset - start) / UInt64(pageSize))
    }

    func destroyDumb(_ request: IoctlRequest, _ argument: UInt64) throws(Errno) -> Int {
        try exchange(request, argument, UInt32(0)) { (handle) throws(Errno) in try close(handle) }
    }

    func closeHandle(_ request: IoctlRequest, _ argument: UInt64) throws(Errno) -> Int {
        try exchange(request, argument, DRMGEMClose()) { (close) throws(Errno) in try self.close(close.handle) }
    }

    // MARK: Framebuffers

    func addFramebuffer(_ request: IoctlRequest, _ argument: UInt64) throws(Errno) -> Int {
        try exchange(request, argument, DRMModeFramebuffer()) { (command) throws(Errno) in
            let format: UInt32
            switch (command.bitsPerPixel, command.depth) {
            case (32, 24): format = DRMFormat.xrgb8888
            case (32, 32): format = DRMFormat.argb8888
            default: throw .invalidArgument
            }
            command.framebufferID = try add(
                handle: command.handle, format: format, width: command.width, height: command.height, pitch: command.pitch,
                offset: 0)
        }
    }

    func addFramebuffer2(_ request: IoctlRequest, _ argument: UInt64) throws(Errno) -> Int {
        try exchange(request, argument, DRMModeFramebuffer2()) { (command) throws(Errno) in
            // Without the modifier capability the modifier flag is refused, as in Linux.
            guard command.flags == 0 else { throw .invalidArgument }
            guard command.pixelFormat == DRMFormat.xrgb8888 || command.pixelFormat == DRMFormat.argb8888 else {
                throw .invalidArgument
            }
            for plane in 1..<4 {
                guard command.handles[plane] == 0, command.pitches[plane] == 0, command.offsets[plane] == 0 else {
                    throw .invalidArgument
                }
            }
            command.framebufferID = try add(
                handle: command.handles[0], format: command.pixelFormat, width: command.width, height: command.height,
                pitch: command.pitches[0], offset: command.offsets[0])
        }
    }

    func removeFramebuffer(_ request: IoctlRequest, _ argument: UInt64) throws(Errno) -> Int {
        try exchange(request, argument, UInt32(0)) { (id) throws(Errno) in
            try card.state.withLock { (state) throws(Errno) in
                for index in state.framebuffers.indices
                where state.framebuffers[index].id == id && state.framebuffers[index].owner == serial {
                    card.remove(at: index, &state)
                    return
                }
                throw .noEntry
            }
        }
    }

    func getFramebuffer(_ request: IoctlRequest, _ argument: UInt64) throws(Errno) -> Int {
        try exchange(request, argument, DRMModeFramebuffer()) { (command) throws(Errno) in
            try card.state.withLock { (state) throws(Errno) in
                let framebuffer = try card.framebuffer(command.framebufferID, state)
                command.width = framebuffer.geometry.width
                command.height = framebuffer.geometry.height
                command.pitch = framebuffer.geometry.pitch
                command.bitsPerPixel = 32
                command.depth = framebuffer.format == DRMFormat.argb8888 ? 32 : 24
                command.handle = 0
                // Only the master gets a handle: it may look at what others show.
                if state.master == serial {
                    command.handle = try addHandle(framebuffer.buffer)
                    framebuffer.buffer.addUse()
                }
            }
        }
    }

    // MARK: With the card's lock held

    func buffer(_ handle: UInt32) throws(Errno) -> BufferObject {
        guard handle > 0, Int(handle) <= handles.count, let buffer = handles[Int(handle) - 1] else { throw .noEntry }
        return buffer
    }

    private func addHandle(_ buffer: BufferObject) throws(Errno) -> UInt32 {
        for index in handles.indices where handles[index] == nil {
            handles[index] = buffer
            return UInt32(index + 1)
        }
        guard handles.count < Self.maxHandles else { throw .noSpace }
        handles.append(buffer)
        return UInt32(handles.count)
    }

    private func close(_ handle: UInt32) throws(Errno) {
        try card.state.withLock { (_) throws(Errno) in
            guard handle > 0, Int(handle) <= handles.count, let buffer = handles[Int(handle) - 1] else { throw .invalidArgument }
            handles[Int(handle) - 1] = nil
            buffer.endUse(card.driver)
        }
    }

    private func add(
        handle: UInt32, format: UInt32, width: UInt32, height: UInt32, pitch: UInt32, offset: UInt32
    ) throws(Errno) -> UInt32 {
        guard width <= card.driver.maxWidth, height <= card.driver.maxHeight else { throw .invalidArgument }
        return try card.state.withLock { (state) throws(Errno) in
            let buffer = try buffer(handle)
            let geometry = try FramebufferGeometry(
                width: width, height: height, pitch: pitch, offset: offset, bufferPitch: buffer.pitch,
                bufferByteCount: buffer.byteCount)
            guard state.framebuffers.count < Self.maxHandles else { throw .noSpace }
            let id = state.nextFramebuffer
            state.nextFramebuffer = id == UInt32(Int32.max) ? ModeObject.firstFramebuffer : id + 1
            state.framebuffers.append(Framebuffer(id: id, geometry: geometry, format: format, buffer: buffer, owner: serial))
            buffer.addUse()
            return id
        }
    }
}
