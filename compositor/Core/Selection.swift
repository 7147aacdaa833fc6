// What one client offers and another may take: the clipboard (wl_data_device_manager, `DataDevice.swift`) and what the middle button
// pastes (primary-selection, `PrimarySelection.swift`). The two protocols say the same in messages of their own.

import System
import WaylandServer

/// Which of the two.
enum SelectionKind { case clipboard, primary }

/// What is selected, and who is told.
struct Selection {
    var source: SelectionSource?
    var devices: [SelectionDevice] = []
}

/// Data that a client offers.
final class SelectionSource {
    private enum Wire {
        case clipboard(WlDataSource.Resource)
        case primary(ZwpPrimarySelectionSourceV1.Resource)
    }

    // SAFETY: a client ends its sources before it goes away.
    unowned(unsafe) let client: Client
    let id: ObjectID
    private let kind: SelectionKind
    private let wire: Wire
    private(set) var types: [String] = []
    private(set) var hasEnded = false

    init(_ client: Client, _ id: ObjectID, _ kind: SelectionKind, _ version: UInt32) {
        self.client = client
        self.id = id
        self.kind = kind
        wire =
            switch kind {
            case .clipboard: .clipboard(WlDataSource.Resource(client.outbox, id, version: version))
            case .primary: .primary(ZwpPrimarySelectionSourceV1.Resource(client.outbox, id, version: version))
            }
    }

    func add(_ type: String) { if types.count < 256, !types.contains(type) { types.append(type) } }

    func send(_ type: String, to file: borrowing FileDescriptor) {
        switch wire {
        case .clipboard(let resource): resource.send(mimeType: type, fd: file)
        case .primary(let resource): resource.send(mimeType: type, fd: file)
        }
    }

    func cancel() {
        if hasEnded { return }
        switch wire {
        case .clipboard(let resource): resource.cancelled()
        case .primary(let resource): resource.cancelled()
        }
    }

    func end() {
        guard !hasEnded else { return }
        hasEnded = true
        let seat = client.compositor.seat
        if seat[kind].source === self { seat.setSelection(kind, nil) }
    }

    func destroy() {
        end()
        client.remove(id)
    }
}

/// A client's access to a selection.
final class SelectionDevice {
    private enum Wire {
        case clipboard(WlDataDevice.Resource)
        case primary(ZwpPrimarySelectionDeviceV1.Resource)
    }

    // SAFETY: a client ends its devices before it goes away.
    unowned(unsafe) let client: Client
    private let id: ObjectID
    private let kind: SelectionKind
    private let version: UInt32
    private let wire: Wire

    init(_ client: Client, _ id: ObjectID, _ kind: SelectionKind, _ version: UInt32) {
        self.client = client
        self.id = id
        self.kind = kind
        self.version = version
        wire =
            switch kind {
            case .clipboard: .clipboard(WlDataDevice.Resource(client.outbox, id, version: version))
            case .primary: .primary(ZwpPrimarySelectionDeviceV1.Resource(client.outbox, id, version: version))
            }
    }

    /// The client's source with that number; if there is none, the client ends.
    func source(_ id: ObjectID) -> SelectionSource? {
        switch (kind, client.objects.live(id)?.kind) {
        case (.clipboard, .dataSource(let source)?), (.primary, .primarySource(let source)?): return source
        default: break
        }
        let name = kind == .clipboard ? "data" : "selection"
        client.fail(.display, WlDisplay.ErrorCode.invalidObject.rawValue, "\(id.rawValue) is not a \(name) source")
        return nil
    }

    /// Only the client that has the keyboard may select.
    func select(_ sourceID: ObjectID?) {
        var source: SelectionSource?
        if let sourceID {
            source = self.source(sourceID)
            if source == nil { return }
        }
        let seat = client.compositor.seat
        guard seat.keyboardFocus?.client === client || !seat.selectionNeedsFocus else {
            source?.cancel()
            return
        }
        seat.setSelection(kind, source)
    }

    /// Announces what the selection holds.
    func offer(_ source: SelectionSource?) {
        guard let source else { return announce(nil) }
        let offer = SelectionOffer(client, source)
        let resource = Resource(version: version, kind: kind == .clipboard ? .dataOffer(offer) : .primaryOffer(offer))
        guard let id = client.objects.allocate(resource) else { return }
        offer.id = id
        switch wire {
        case .clipboard(let device):
            device.dataOffer(id: id)
            let events = WlDataOffer.Resource(client.outbox, id, version: version)
            for type in source.types { events.offer(mimeType: type) }
        case .primary(let device):
            device.dataOffer(offer: id)
            let events = ZwpPrimarySelectionOfferV1.Resource(client.outbox, id, version: version)
            for type in source.types { events.offer(mimeType: type) }
        }
        announce(id)
    }

    private func announce(_ offer: ObjectID?) {
        switch wire {
        case .clipboard(let device): device.selection(id: offer)
        case .primary(let device): device.selection(id: offer)
        }
    }

    func end() { client.compositor.seat[kind].devices.removeAll { $0 === self } }

    func destroy() {
        end()
        client.remove(id)
    }
}

/// Another client's data, as a client sees it.
final class SelectionOffer {
    // SAFETY: a client ends its offers before it goes away.
    private unowned(unsafe) let client: Client
    private var source: SelectionSource?
    var id = ObjectID.display

    init(_ client: Client, _ source: SelectionSource) {
        self.client = client
        self.source = source
    }

    /// A source that is gone sends nothing: the reader sees the end of the file when the descriptor closes here.
    func receive(_ type: String, _ file: borrowing FileDescriptor) {
        if let source, !source.hasEnded, source.types.contains(type) { source.send(type, to: file) }
    }

    func end() { source = nil }

    func destroy() {
        end()
        client.remove(id)
    }
}

extension Seat {
    subscript(_ kind: SelectionKind) -> Selection {
        get { kind == .clipboard ? clipboard : primarySelection }
        set { if kind == .clipboard { clipboard = newValue } else { primarySelection = newValue } }
    }

    func add(_ device: SelectionDevice, _ kind: SelectionKind) {
        self[kind].devices.append(device)
        if keyboardFocus?.client === device.client { device.offer(self[kind].source) }
    }

    /// Replaces what is selected.
    func setSelection(_ kind: SelectionKind, _ source: SelectionSource?) {
        guard source !== self[kind].source else { return }
        self[kind].source?.cancel()
        self[kind].source = source
        if kind == .primary, !selectionNeedsFocus {
            for device in primarySelection.devices { device.offer(source) }
        } else if let client = keyboardFocus?.client {
            offerSelection(kind, to: client)
        }
    }

    func offerSelection(_ kind: SelectionKind, to client: Client) {
        for device in self[kind].devices where device.client === client { device.offer(self[kind].source) }
    }
}
