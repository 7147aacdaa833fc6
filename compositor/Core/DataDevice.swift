// The clipboard (wl_data_device_manager). A drag is refused at its start: its source is told that it was cancelled.

import System
import WaylandServer

extension Client {
    func dataDeviceManager(_ version: UInt32, _ request: WlDataDeviceManager.Request) throws(WireError) {
        switch request {
        case .createDataSource(let id): try add(id, version, .dataSource(DataSource(self, id, version)))
        case .getDataDevice(let id, _):
            let device = DataDevice(self, id, version)
            try add(id, version, .dataDevice(device))
            compositor.seat.dataDevices.append(device)
            if compositor.seat.keyboardFocus?.client === self { device.offer(compositor.seat.selection) }
        }
    }
}

/// Data that a client offers.
final class DataSource {
    // SAFETY: a client ends its sources before it goes away.
    unowned(unsafe) let client: Client
    private let id: ObjectID
    private let resource: WlDataSource.Resource
    private(set) var types: [String] = []
    private(set) var hasEnded = false

    init(_ client: Client, _ id: ObjectID, _ version: UInt32) {
        self.client = client
        self.id = id
        resource = WlDataSource.Resource(client.outbox, id, version: version)
    }

    func handle(_ request: WlDataSource.Request) {
        switch request {
        case .offer(let type):
            if types.count < 256, !types.contains(type) { types.append(type) }
        case .destroy:
            end()
            client.remove(id)
        case .setActions: break  // Only drags have actions.
        }
    }

    func send(_ type: String, to file: borrowing FileDescriptor) { resource.send(mimeType: type, fd: file) }
    func cancel() { if !hasEnded { resource.cancelled() } }

    func end() {
        guard !hasEnded else { return }
        hasEnded = true
        if client.compositor.seat.selection === self { client.compositor.seat.setSelection(nil) }
    }
}

/// A client's access to the clipboard.
final class DataDevice {
    // SAFETY: a client ends its devices before it goes away.
    unowned(unsafe) let client: Client
    private let id: ObjectID
    private let version: UInt32
    private let resource: WlDataDevice.Resource

    init(_ client: Client, _ id: ObjectID, _ version: UInt32) {
        self.client = client
        self.id = id
        self.version = version
        resource = WlDataDevice.Resource(client.outbox, id, version: version)
    }

    func handle(_ request: WlDataDevice.Request) throws(WireError) {
        let seat = client.compositor.seat
        switch request {
        case .startDrag(let source, _, _, _): if let source { self.source(source)?.cancel() }
        case .setSelection(let sourceID, _):
            let source = sourceID.flatMap { self.source($0) }
            // Only the client that has the keyboard may fill the clipboard.
            guard seat.keyboardFocus?.client === client || !seat.selectionNeedsFocus else {
                source?.cancel()
                return
            }
            seat.setSelection(source)
        case .release:
            end()
            client.remove(id)
        }
    }

    private func source(_ id: ObjectID) -> DataSource? {
        if case .dataSource(let source)? = client.objects.live(id)?.kind { return source }
        client.fail(.display, WlDisplay.ErrorCode.invalidObject.rawValue, "\(id.rawValue) is not a data source")
        return nil
    }

    /// Announces what the clipboard holds.
    func offer(_ source: DataSource?) {
        guard let source else { return resource.selection(id: nil) }
        let offer = DataOffer(client, source)
        guard let id = client.objects.allocate(Resource(version: version, kind: .dataOffer(offer))) else { return }
        offer.id = id
        resource.dataOffer(id: id)
        let events = WlDataOffer.Resource(client.outbox, id, version: version)
        for type in source.types { events.offer(mimeType: type) }
        resource.selection(id: id)
    }

    func end() { client.compositor.seat.dataDevices.removeAll { $0 === self } }
}

/// Another client's data, as a client sees it.
final class DataOffer {
    // SAFETY: a client ends its offers before it goes away.
    private unowned(unsafe) let client: Client
    private var source: DataSource?
    var id = ObjectID.display

    init(_ client: Client, _ source: DataSource) {
        self.client = client
        self.source = source
    }

    func handle(_ request: WlDataOffer.Request) throws(WireError) {
        switch request {
        case .receive(let type, let file):
            // A source that is gone sends nothing: the reader sees the end of the file when the descriptor closes here.
            guard let file = file.take() else { return }
            if let source, !source.hasEnded, source.types.contains(type) { source.send(type, to: file) }
        case .destroy:
            end()
            client.remove(id)
        case .accept, .finish, .setActions: break  // These belong to drags.
        }
    }

    func end() { source = nil }
}

extension Seat {
    /// Replaces what the clipboard holds.
    func setSelection(_ source: DataSource?) {
        guard source !== selection else { return }
        selection?.cancel()
        selection = source
        if let client = keyboardFocus?.client { offerSelection(to: client) }
    }

    func offerSelection(to client: Client) {
        for device in dataDevices where device.client === client { device.offer(selection) }
    }
}
