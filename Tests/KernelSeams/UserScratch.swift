import Foundation
import Support

/// Memory at addresses that the kernel takes for a program's: host pointers themselves may lie outside of the user half. A test
/// places here what a program would pass by address.
public enum UserScratch {
    private static let byteCount = 4 << 20
    // Initialised once, by whoever comes first.
    nonisolated(unsafe) private static let memory: UnsafeMutableRawPointer = {
        let hint = UnsafeMutableRawPointer(bitPattern: 0x2000_0000_0000)
        guard let memory = mmap(hint, byteCount, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0),
            memory != MAP_FAILED, UserAddress(UInt64(UInt(bitPattern: memory))).isUserRange(byteCount)
        else { fatalError("no memory in the user half") }
        return memory
    }()
    /// Used as a ring: what is placed stays until four megabytes later. Callers hold the make-believe processor.
    nonisolated(unsafe) private static var used = 0

    /// Zeroed memory for `count` values.
    public static func allocate<T: BitwiseCopyable>(_ type: T.Type, count: Int) -> UnsafeMutablePointer<T> {
        let size = (max(count, 1) * MemoryLayout<T>.stride + 15) & ~15
        precondition(size <= byteCount)
        if used + size > byteCount { used = 0 }
        defer { used += size }
        memset(memory + used, 0, size)
        return (memory + used).bindMemory(to: T.self, capacity: max(count, 1))
    }

    /// A copy of a value.
    public static func place<T: BitwiseCopyable>(_ value: T) -> UnsafeMutablePointer<T> {
        let pointer = allocate(T.self, count: 1)
        pointer.pointee = value
        return pointer
    }

    /// A copy of an array's elements; its address is null when there are none.
    public static func place<T: BitwiseCopyable>(_ values: [T]) -> UInt64 {
        if values.isEmpty { return 0 }
        let pointer = allocate(T.self, count: values.count)
        for index in values.indices { pointer[index] = values[index] }
        return address(pointer)
    }

    public static func address<T>(_ pointer: UnsafeMutablePointer<T>) -> UInt64 { UInt64(UInt(bitPattern: pointer)) }
}
