import Support

/// The kernel stack of a thread: 16 KiB with unmapped guard pages on both sides, so that an overflow faults instead of
/// destroying other data. Owned: the stack returns to a pool when the value is destroyed.
public struct KernelStack: ~Copyable {
    public static let byteCount: UInt64 = 16384
    /// Distance between stacks: as much guard as stack.
    static let stride: UInt64 = 2 * byteCount

    /// The lowest address of the stack.
    let bottom: UInt64
    /// One past the highest address; stacks grow down from here.
    public var top: UInt { UInt(bottom + Self.byteCount) }

    /// Takes a stack from the pool or maps a new one.
    /// - Returns: nil when memory is exhausted.
    public init?() {
        guard let bottom = StackPool.take() else { return nil }
        self.bottom = bottom
    }

    deinit { StackPool.give(bottom) }

    /// Whether an address lies in the guard pages below some stack: a fault there is an overflow.
    public static func isGuard(_ address: UInt64) -> Bool {
        address >= KernelMap.stackArea && address < KernelMap.deviceArea && (address - KernelMap.stackArea) % stride < byteCount
    }
}

/// Stacks that are not in use. A few stay mapped, since threads come and go; of the others only the addresses are kept.
enum StackPool {
    private struct State: ~Copyable {
        /// Mapped stacks, a list through their lowest words.
        var mapped: UInt64 = 0
        var mappedCount = 0
        /// Numbers of stacks that are not mapped.
        var vacant: [UInt32] = []
        var nextNumber: UInt32 = 0
    }
    private static let state = SpinLock(State())
    private static let keptMapped = 32

    static func take() -> UInt64? {
        let (mapped, number): (UInt64, UInt32) = state.withLock { state in
            if state.mapped != 0 {
                let bottom = state.mapped
                // SAFETY: stacks in the pool are mapped and nobody runs on them.
                state.mapped = UnsafePointer<UInt64>(bitPattern: UInt(bottom)).unsafelyUnwrapped.pointee
                state.mappedCount -= 1
                return (bottom, 0)
            }
            if let number = state.vacant.popLast() { return (0, number) }
            state.nextNumber += 1
            return (0, state.nextNumber - 1)
        }
        if mapped != 0 { return mapped }
        let bottom = KernelMap.stackArea + UInt64(number) * KernelStack.stride + KernelStack.byteCount
        if map(bottom) { return bottom }
        state.withLock { $0.vacant.append(number) }
        return nil
    }

    static func give(_ bottom: UInt64) {
        let kept = state.withLock { state in
            if state.mappedCount >= keptMapped { return false }
            UnsafeMutablePointer<UInt64>(bitPattern: UInt(bottom)).unsafelyUnwrapped.pointee = state.mapped
            state.mapped = bottom
            state.mappedCount += 1
            return true
        }
        if kept { return }
        unmap(bottom, byteCount: KernelStack.byteCount)
        let number = UInt32((bottom - KernelStack.byteCount - KernelMap.stackArea) / KernelStack.stride)
        state.withLock { $0.vacant.append(number) }
    }

    private static func map(_ bottom: UInt64) -> Bool {
        guard KernelMap.root.rawValue != 0 else { return false }
        var done: UInt64 = 0
        while done < KernelStack.byteCount {
            guard let frame = FrameAllocator.allocate() else {
                unmap(bottom, byteCount: done)
                return false
            }
            let address = bottom + done
            guard KernelMap.lock.withLock({ _ in KernelMap.mapPage(address, frame, [.writable, .noExecute]) }) else {
                FrameAllocator.free(frame)
                unmap(bottom, byteCount: done)
                return false
            }
            done += 4096
        }
        return true
    }

    private static func unmap(_ bottom: UInt64, byteCount: UInt64) {
        let tables = PageTables(root: KernelMap.root)
        var done: UInt64 = 0
        while done < byteCount {
            let address = bottom + done
            let frame: PhysicalAddress? = KernelMap.lock.withLock { _ in
                guard let slot = tables.slot(address), slot.pointee.isPresent else { return nil }
                let frame = slot.pointee.frame
                KernelMap.unmapPages(address, 4096)
                return frame
            }
            if let frame { FrameAllocator.free(frame) }
            done += 4096
        }
    }
}
