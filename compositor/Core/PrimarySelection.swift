// The selection that the middle button pastes (primary-selection). Its older GTK version has the same messages under
// other names, so it needs no bindings of its own.

import System
import WaylandServer

/// What the middle button would paste.
final class PrimarySource {
    // SAFETY: a client ends its sources before it goes away.
    unowned(unsafe) let client: Client
    private let id: ObjectID
    private let resource: ZwpPrimarySelectionSourceV1.Resource
    private(set) var types: [String] = []
    private(set) var hasEnded = false

    init(_ client: Client, _ id: ObjectID) {
        self.client = client
        self.id = id
        resource = ZwpPrimarySelectionSourceV1.Resource(client.outbox, id, version: 1)
    }

    func handle(_ request: ZwpPrimarySelectionSourceV1.Request) {
        switch request {
        case .offer(let type):
            if types.count < 256, !types.contains(type) { types.append(type) }
        case .destroy:
            end()
            client.remove(id)
        }
    }

    func send(_ type: String, to file: borrowing FileDescriptor) { resource.send(mimeType: type, fd: file) }
    func cancel() { if !hasEnded { resource.cancelled() } }

    func end() {
        guard !hasEnded else { return }
        hasEnded = true
        if client.compositor.seat.primarySelection === self { client.compositor.seat.setPrimarySelection(nil) }
    }
}

/// A client's access to it.
final class PrimaryDevice {
    // SAFETY: a client ends its devices before it goes away.
    unowned(unsafe) let client: Client
    private let id: ObjectID
    private let resource: ZwpPrimarySelectionDeviceV1.Resource

    init(_ client: Client, _ id: ObjectID) {
        self.client = client
        self.id = id
        resource = ZwpPrimarySelectionDeviceV1.Resource(client.outbox, id, version: 1)
    }

    func handle(_ request: ZwpPrimarySelectionDeviceV1.Request) {
        let seat = client.compositor.seat
        switch request {
        case .setSelection(let sourceID, _):
            var source: PrimarySource?
            if let sourceID {
                guard case .primarySource(let found)? = client.objects.live(sourceID)?.kind else {
                    let code = WlDisplay.ErrorCode.invalidObject
                    return client.fail(.display, code.rawValue, "\(sourceID.rawValue) is not a selection source")
                }
                source = found
            }
            guard seat.keyboardFocus?.client === client || !seat.selectionNeedsFocus else {
                source?.cancel()
                return
            }
            seat.setPrimarySelection(source)
        case .destroy:
            end()
            client.remove(id)
        }
    }

    /// Announces what the selection holds.
    func offer(_ source: PrimarySource?) {
        guard let source else { return resource.selection(id: nil) }
        let offer = PrimaryOffer(client, source)
        guard let id = client.objects.allocate(Resource(version: 1, kind: .primaryOffer(offer))) else { return }
        offer.id = id
        resource.dataOffer(offer: id)
        let events = ZwpPrimarySelectionOfferV1.Resource(client.outbox, id, version: 1)
        for type in source.types { events.offer(mimeType: type) }
        resource.selection(id: id)
    }

    func end() { client.compositor.seat.primaryDevices.removeAll { $0 === self } }
}

/// Another client's selection, as a client sees it.
final class PrimaryOffer {
    // SAFETY: a client ends its offers before it goes away.
    private unowned(unsafe) let client: Client
    private var source: PrimarySource?
    var id = ObjectID.display

    init(_ client: Client, _ source: PrimarySource) {
        self.client = client
        self.source = source
    }

    func handle(_ request: ZwpPrimarySelectionOfferV1.Request) {
        switch request {
        case .receive(let type, let file):
            // A source that is gone sends nothing: the reader sees the end of the file when the descriptor closes here.
            guard let file = file.take() else { return }
            if let source, !source.hasEnded, source.types.contains(type) { source.send(type, to: file) }
        case .destroy:
            end()
            client.remove(id)
        }
    }

    func end() { source = nil }
}

extension Client {
    func primarySelection(_ id: ObjectID, _ request: ZwpPrimarySelectionDeviceManagerV1.Request) throws(WireError) {
        switch request {
        case .createSource(let new): try add(new, 1, .primarySource(PrimarySource(self, new)))
        case .getDevice(let new, _):
            let device = PrimaryDevice(self, new)
            try add(new, 1, .primaryDevice(device))
            compositor.seat.primaryDevices.append(device)
            if compositor.seat.keyboardFocus?.client === self { device.offer(compositor.seat.primarySelection) }
        case .destroy: remove(id)
        }
    }
}

extension Seat {
    static let gtkPrimarySelectionName = "gtk_primary_selection_device_manager"

    /// Replaces what the selection holds.
    func setPrimarySelection(_ source: PrimarySource?) {
        guard source !== primarySelection else { return }
        primarySelection?.cancel()
        primarySelection = source
        if !selectionNeedsFocus {
            for device in primaryDevices { device.offer(source) }
        } else if let client = keyboardFocus?.client {
            offerPrimarySelection(to: client)
        }
    }

    func offerPrimarySelection(to client: Client) {
        for device in primaryDevices where device.client === client { device.offer(primarySelection) }
    }
}
