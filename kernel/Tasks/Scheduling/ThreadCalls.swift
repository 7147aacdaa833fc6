import Frames
import Processor
import Support

extension Thread {
    /// Where a thread that does not run will go on: the return addresses on its kernel stack, most recent first. For diagnosis: of a thread
    /// that runs meanwhile they make no sense, but they are always addresses of the kernel's code.
    public final func savedCalls(limit: Int) -> [UInt] {
        let (start, top) = (block.pointee.registers.stackPointer, block.pointee.registers.stackTop)
        guard start & 7 == 0, start <= top, top - start <= UInt(KernelStack.byteCount), top - start >= 7 * 8 else { return [] }
        // SAFETY: the words between both lie in the thread's own stack, which is mapped as long as the thread is referenced.
        func word(_ address: UInt) -> UInt { UnsafePointer<UInt>(bitPattern: address)!.pointee }
        // As `martlet_switch` leaves them: R15, R14, R13, R12, RBX, RBP, the return address.
        var calls: [UInt] = []
        var (address, frame) = (word(start + 48), word(start + 40))
        while calls.count < limit, address > KernelImage.textStart, address < KernelImage.textEnd {
            calls.append(address - 1)
            guard frame & 7 == 0, frame > start, frame <= top - 16 else { break }
            (address, frame) = (word(frame + 8), max(word(frame), frame + 8))
        }
        return calls
    }
}
