import ABI
import DisplayModel
import Files
import Scheduling
import Support
import VirtualMemory

/// An open `/dev/dri/card0`: buffer handles, events and the rights of one client.
///
/// The requests are in the extensions, a file a topic. All of its state but the events is protected by the card's lock.
final class CardFile: OpenFile {
    let card: DisplayCard
    let serial: UInt64
    let events = ClientEvents()
    /// Buffers by handle; handle 1 is the first.
    var handles: [BufferObject?] = []
    var seesAllPlanes = false

    static let maxHandles = 4096

    init(_ card: DisplayCard, flags: OpenFlags, inode: Inode?, path: PathNode?) {
        self.card = card
        serial = card.addFile()
        super.init(flags: flags, inode: inode, path: path)
    }

    deinit {
        card.vblank.removeAll(of: events)
        card.removeFile(serial, handles: handles)
    }

    // MARK: Events

    override func read(_ buffer: inout TransferBuffer) throws(Errno) -> Int {
        if events.isEmpty {
            if isNonBlocking { throw .wouldBlock }
            try events.readers.wait { [events] in !events.isEmpty }
        }
        var total = 0
        let size = MemoryLayout<DRMEventVBlank>.size
        while buffer.remaining >= size, let event = events.take() {
            do throws(Errno) {
                let copied = try withUnsafeEventBytes(event) { (bytes) throws(Errno) in try buffer.fill(from: bytes, count: size)
                }
                if copied < size { throw .badAddress }
            } catch {
                events.putBack(event)
                if total > 0 { return total }
                throw error
            }
            total += size
        }
        return total
    }

    private func withUnsafeEventBytes(
        _ event: DRMEventVBlank, _ body: (UnsafeRawPointer) throws(Errno) -> Int
    ) throws(Errno) -> Int {
        let slot = UnsafeMutablePointer<DRMEventVBlank>.allocate(capacity: 1)
        defer { slot.deallocate() }
        slot.initialize(to: event)
        return try body(UnsafeRawPointer(slot))
    }

    override func poll(_ registration: PollRegistration?) -> PollEvents {
        registration?.watch(events.readers)
        return events.isEmpty ? [] : .readable
    }

    // MARK: Requests

    override func control(_ request: UInt32, _ argument: UInt64) throws(Errno) -> Int {
        let request = IoctlRequest(rawValue: request)
        guard request.type == DRMRequest.type else { throw .notTerminal }
        switch request.number {
        case DRMRequest.version.number: return try version(request, argument)
        case DRMRequest.getUnique.number: return try unique(request, argument)
        case DRMRequest.getMagic.number: return try magic(request, argument)
        case DRMRequest.authenticate.number: return try authenticate(request, argument)
        case DRMRequest.getClient.number: return try client(request, argument)
        case DRMRequest.setVersion.number: return try setVersion(request, argument)
        case DRMRequest.getCapability.number: return try capability(request, argument)
        case DRMRequest.setClientCapability.number: return try clientCapability(request, argument)
        case DRMRequest.setMaster.number: return try setMaster()
        case DRMRequest.dropMaster.number: return try dropMaster()
        case DRMRequest.gemClose.number: return try closeHandle(request, argument)
        case DRMRequest.primeHandleToDescriptor, DRMRequest.primeDescriptorToHandle: throw .notSupported
        case DRMRequest.createDumb.number: return try createDumb(request, argument)
        case DRMRequest.mapDumb.number: return try mapDumb(request, argument)
        case DRMRequest.destroyDumb.number: return try destroyDumb(request, argument)
        case DRMRequest.addFramebuffer.number: return try addFramebuffer(request, argument)
        case DRMRequest.addFramebuffer2.number: return try addFramebuffer2(request, argument)
        case DRMRequest.removeFramebuffer.number: return try removeFramebuffer(request, argument)
        case DRMRequest.getFramebuffer.number: return try getFramebuffer(request, argument)
        case DRMRequest.getResources.number: return try resources(request, argument)
        case DRMRequest.getCRTC.number: return try getCRTC(request, argument)
        case DRMRequest.getEncoder.number: return try encoder(request, argument)
        case DRMRequest.getConnector.number: return try connector(request, argument)
        case DRMRequest.getPlaneResources.number: return try planeResources(request, argument)
        case DRMRequest.getPlane.number: return try plane(request, argument)
        case DRMRequest.getProperty.number: return try property(request, argument)
        case DRMRequest.getPropertyBlob.number: return try propertyBlob(request, argument)
        case DRMRequest.getObjectProperties.number: return try objectProperties(request, argument)
        case DRMRequest.setProperty.number: return try setConnectorProperty(request, argument)
        case DRMRequest.setObjectProperty.number: return try setObjectProperty(request, argument)
        case DRMRequest.setCRTC.number: return try setCRTC(request, argument)
        case DRMRequest.pageFlip.number: return try pageFlip(request, argument)
        case DRMRequest.dirtyFramebuffer.number: return try dirty(request, argument)
        case DRMRequest.cursor.number: return try cursor(request, argument)
        case DRMRequest.cursor2.number: return try cursor2(request, argument)
        case DRMRequest.getGamma.number, DRMRequest.setGamma.number: throw .notImplemented
        case DRMRequest.waitVBlank.number: return try waitVBlank(request, argument)
        default: throw .invalidArgument
        }
    }

    /// Throws unless this file is the master.
    func requireMaster(_ state: borrowing DisplayCard.State) throws(Errno) {
        if state.master != serial { throw .accessDenied }
    }

    override func memoryObject(offset: UInt64, length: UInt64, shared: Bool, writable: Bool) throws(Errno) -> MemoryObject {
        try mappedBuffer(offset: offset, length: length)
    }
}
