// Shared memory (wl_shm).
//
// A client could shrink the file behind a mapping, and touching what is gone would kill the compositor (SIGBUS). So only
// files that are sealed against shrinking, and are long enough, are mapped. Any other one is read by pread(2) at each
// commit: slower, but a file that is too short then just fails to read, which ends its client.

import CLibc
import Gfx
import Scene
import System
import WaylandServer

extension Client {
    func shm(_ id: ObjectID, _ request: WlShm.Request) throws(WireError) {
        switch request {
        case .createPool(let new, let file, let size):
            guard size > 0 else { return fail(id, WlShm.ErrorCode.invalidStride.rawValue, "a pool of \(size) bytes") }
            guard sharedMemory.addPool(byteCount: Int(size)) else {
                return fail(.display, WlDisplay.ErrorCode.noMemory.rawValue, "the pools are too many or too large")
            }
            guard let descriptor = file.take() else {
                sharedMemory.removePool(byteCount: Int(size))
                return fail(id, WlShm.ErrorCode.invalidFd.rawValue, "there is no file")
            }
            let pool = ShmPool(self, descriptor, byteCount: Int(size))
            guard pool.remap() else { return fail(id, WlShm.ErrorCode.invalidFd.rawValue, "the file cannot be mapped") }
            try add(new, 1, .pool(pool))
        }
    }
}

/// A file of pixels that a client shares.
final class ShmPool {
    // SAFETY: a client ends its pools before it goes away.
    unowned(unsafe) let client: Client
    private let file: FileDescriptor
    private let isSealed: Bool
    private(set) var isMapped = false
    private var mapping: MemoryMapping?
    private(set) var byteCount: Int
    let account: SharedMemoryAccount

    /// The account has the pool already.
    init(_ client: Client, _ file: consuming FileDescriptor, byteCount: Int) {
        self.client = client
        self.byteCount = byteCount
        isSealed = ((try? file.seals()) ?? []).contains(.shrink)
        self.file = file
        account = client.sharedMemory
    }

    deinit { account.removePool(byteCount: byteCount) }

    func handle(_ id: ObjectID, _ request: WlShmPool.Request) throws(WireError) {
        switch request {
        case .createBuffer(let new, let offset, let width, let height, let stride, let format):
            guard format == .argb8888 || format == .xrgb8888 else {
                return client.fail(id, WlShm.ErrorCode.invalidFormat.rawValue, "format \(format.rawValue) is not supported")
            }
            let layout = BufferLayout(offset: offset, width: width, height: height, stride: stride, format: format)
            guard layout.fits(in: byteCount) else {
                return client.fail(
                    id, WlShm.ErrorCode.invalidStride.rawValue,
                    "\(width)x\(height), stride \(stride) at \(offset) is not in the pool")
            }
            try client.add(new, 1, .buffer(ShmBuffer(client, new, self, layout)))
        // Its buffers keep it alive.
        case .destroy: client.remove(id)
        case .resize(let size):
            let grown = Int(size)
            guard grown >= byteCount, account.grow(by: grown - byteCount) else {
                return client.fail(id, WlShm.ErrorCode.invalidFd.rawValue, "a pool cannot become \(size) bytes long")
            }
            let old = byteCount
            byteCount = grown
            guard remap() else {
                byteCount = old
                account.shrink(by: grown - old)
                return client.fail(id, WlShm.ErrorCode.invalidFd.rawValue, "the file cannot be mapped")
            }
        }
    }

    /// Maps the file if that is safe; false if it should be mapped and cannot.
    func remap() -> Bool {
        guard let length = try? file.byteCount() else { return false }
        isMapped = isSealed && length >= byteCount
        guard isMapped else { return true }
        do throws(Errno) {
            mapping = try MemoryMapping(shared: file, byteCount: byteCount, .read)
            return true
        } catch {
            return false
        }
    }

    /// Lends the mapped bytes.
    func withBytes(_ range: Range<Int>, _ body: (UnsafeRawBufferPointer) -> Void) {
        guard let address = mapping?.address, range.upperBound <= byteCount else { return }
        body(UnsafeRawBufferPointer(start: address + range.lowerBound, count: range.count))
    }

    /// Copies a range of a file that is not mapped; false if the file does not have all of it.
    func read(_ range: Range<Int>, into buffer: inout [UInt8]) -> Bool {
        buffer.withUnsafeMutableBytes { bytes in
            var done = 0
            while done < range.count {
                let rest = UnsafeMutableRawBufferPointer(rebasing: bytes[done..<range.count])
                guard let count = try? file.read(into: rest, at: range.lowerBound + done), count > 0 else { return false }
                done += count
            }
            return true
        }
    }
}

/// Where the pixels of a buffer lie in their pool.
struct BufferLayout {
    let offset: Int32
    let width: Int32
    let height: Int32
    let stride: Int32
    let format: WlShm.Format

    func fits(in poolBytes: Int) -> Bool {
        guard offset >= 0, width > 0, height > 0, width <= 32768, height <= 32768, stride % 4 == 0, offset % 4 == 0 else {
            return false
        }
        return Int64(stride) >= Int64(width) * 4 && Int64(offset) + Int64(stride) * Int64(height) <= Int64(poolBytes)
    }

    var range: Range<Int> { Int(offset)..<(Int(offset) + Int(stride) * Int(height)) }
}

/// A `wl_buffer` of shared memory.
final class ShmBuffer: ClientBuffer {
    // SAFETY: read only while `hasEnded` is false, and a client ends its buffers before it goes away.
    private unowned(unsafe) let client: Client
    private let id: ObjectID
    private let pool: ShmPool
    private let layout: BufferLayout
    private var useCount = 0
    private var hasEnded = false
    /// The pixels of a pool that is not mapped, as of the last commit.
    private var copy: [UInt8] = []
    private let account: SharedMemoryAccount

    init(_ client: Client, _ id: ObjectID, _ pool: ShmPool, _ layout: BufferLayout) {
        self.client = client
        self.id = id
        self.pool = pool
        self.layout = layout
        account = pool.account
    }

    deinit { dropCopy() }

    var size: Size { Size(width: layout.width, height: layout.height) }
    var isOpaque: Bool { layout.format == .xrgb8888 }

    func withImage(_ body: (PixelImage) -> Void) {
        if pool.isMapped {
            pool.withBytes(layout.range) { lend($0, body) }
        } else {
            copy.withUnsafeBytes { lend($0, body) }
        }
    }

    private func lend(_ bytes: UnsafeRawBufferPointer, _ body: (PixelImage) -> Void) {
        let image = PixelImage(
            memory: bytes, width: layout.width, height: layout.height, strideBytes: Int(layout.stride),
            format: isOpaque ? .xrgb8888 : .argb8888)
        if let image { body(image) }
    }

    func beginUse() {
        useCount += 1
        guard !pool.isMapped else { return }
        if copy.isEmpty {
            guard account.addCopy(byteCount: layout.range.count) else {
                if !hasEnded {
                    client.fail(.display, WlDisplay.ErrorCode.noMemory.rawValue, "the buffers of unsealed files are too large")
                }
                return
            }
            copy = [UInt8](repeating: 0, count: layout.range.count)
        }
        guard pool.read(layout.range, into: &copy) else {
            if !hasEnded { client.fail(id, WlShm.ErrorCode.invalidFd.rawValue, "the file is shorter than the buffer") }
            return
        }
        release()
    }

    func endUse() {
        useCount -= 1
        guard useCount == 0 else { return }
        if pool.isMapped { release() } else { dropCopy() }
    }

    private func dropCopy() {
        account.removeCopy(byteCount: copy.count)
        copy = []
    }

    private func release() {
        if !hasEnded { WlBuffer.Resource(client.outbox, id, version: 1).release() }
    }

    /// The client cannot name the buffer any more; a surface may still show it.
    func end() { hasEnded = true }
}
