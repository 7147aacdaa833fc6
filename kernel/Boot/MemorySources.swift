import Files
import Processes
import VirtualMemory

/// Where the thread that gives memory back finds what it works on.
final class MemorySources: ReclaimSources {
    override func writeBack() { MountTable.synchronizeAll() }

    override var isEnding: Bool { OutOfMemory.isCurrentEnding }
    override var isEssential: Bool { OutOfMemory.isCurrentEssential }

    override func forEachAddressSpace(_ body: (AddressSpace) -> Void) {
        for process in ProcessTable.all {
            // It may end meanwhile; its memory then goes when this reference does.
            if let space = process.addressSpace { body(space) }
        }
    }
}
