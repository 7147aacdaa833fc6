// The C functions that the Embedded Swift runtime calls. They are in a module of their own, which only the kernel links, so
// that a build for the host keeps its own libc. The memory functions (memcpy …) are assembly; `free` is an assembly jump to
// `martlet_heap_free`, because the compiler reserves the name.

import Frames
import Support

/// Memory for objects and arrays. Returns 0, or ENOMEM (12).
@c(posix_memalign)
public func posixMemalign(
    _ result: UnsafeMutablePointer<UnsafeMutableRawPointer?>, _ alignment: Int, _ byteCount: Int
) -> Int32 {
    guard let memory = Heap.allocate(byteCount: byteCount, alignment: alignment) else { return 12 }
    result.pointee = memory
    return 0
}

/// What `free` jumps to.
@c(martlet_heap_free)
public func heapFree(_ pointer: UnsafeMutableRawPointer?) { Heap.free(pointer) }

/// Random bytes, for the seeds of hash functions.
@c(arc4random_buf)
public func randomBytes(_ buffer: UnsafeMutableRawPointer, _ byteCount: Int) {
    KernelRandom.fill(UnsafeMutableRawBufferPointer(start: buffer, count: byteCount))
}

@_extern(c, "martlet_console_write")
func machineConsole(_ text: UnsafePointer<UInt8>, _ count: Int)

/// One byte of `print`.
@c(putchar)
public func putCharacter(_ character: Int32) -> Int32 {
    var byte = UInt8(truncatingIfNeeded: character)
    machineConsole(&byte, 1)
    return character
}

/// A function found its stack canary overwritten.
@c(__stack_chk_fail)
public func stackSmashed() { panic("a kernel stack was overwritten") }
