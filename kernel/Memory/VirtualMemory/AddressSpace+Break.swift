import ABI
import Scheduling
import Support

extension AddressSpace {
    /// Says where the program's data ends (exec): the heap of `brk` starts there, or a random distance above.
    public func setBreakStart(_ address: UInt64) {
        state.withLock { state in
            let start = pageRoundUp(address) &+ state.layout.breakOffset
            state.breakStart = start
            state.breakEnd = start
        }
    }

    /// brk(2): moves the end of the heap; returns where it is afterwards, which is the old place if it cannot be moved.
    public func setBreak(_ address: UInt64) -> UInt64 {
        var dropped = DroppedObjects()
        return state.withLock { state in state.setBreak(address, &dropped) }
    }
}

extension SpaceState {
    mutating func setBreak(_ address: UInt64, _ dropped: inout DroppedObjects) -> UInt64 {
        guard address >= breakStart, address <= UserAddress.limit else { return breakEnd }
        let oldEnd = pageRoundUp(breakEnd), newEnd = pageRoundUp(address)
        if limits.data != .max, address - breakStart > limits.data { return breakEnd }
        if newEnd < oldEnd {
            do throws(Errno) { try unmap(newEnd, oldEnd, &dropped) } catch { return breakEnd }
        } else if newEnd > oldEnd {
            // One page stays free between the heap and what is above it.
            guard isFree(oldEnd, newEnd + 4096) else { return breakEnd }
            var request = MapRequest(byteCount: newEnd - oldEnd, protection: [.read, .write])
            request.placement = .fixedNoReplace(oldEnd)
            request.flags = .heap
            do throws(Errno) { _ = try map(request, &dropped) } catch { return breakEnd }
        }
        breakEnd = address
        return address
    }
}
