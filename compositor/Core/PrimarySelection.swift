// The selection that the middle button pastes (primary-selection). Its older GTK version has the same messages under
// other names, so it needs no bindings of its own.

import System
import WaylandServer

extension Client {
    func primarySelection(_ id: ObjectID, _ request: ZwpPrimarySelectionDeviceManagerV1.Request) throws(WireError) {
        switch request {
        case .createSource(let new): try add(new, 1, .primarySource(SelectionSource(self, new, .primary, 1)))
        case .getDevice(let new, _):
            let device = SelectionDevice(self, new, .primary, 1)
            try add(new, 1, .primaryDevice(device))
            compositor.seat.add(device, .primary)
        case .destroy: remove(id)
        }
    }
}

extension SelectionSource {
    func handle(_ request: ZwpPrimarySelectionSourceV1.Request) {
        switch request {
        case .offer(let type): add(type)
        case .destroy: destroy()
        }
    }
}

extension SelectionDevice {
    func handle(_ request: ZwpPrimarySelectionDeviceV1.Request) {
        switch request {
        case .setSelection(let source, _): select(source)
        case .destroy: destroy()
        }
    }
}

extension SelectionOffer {
    func handle(_ request: ZwpPrimarySelectionOfferV1.Request) {
        switch request {
        case .receive(let type, let file):
            guard let file = file.take() else { return }
            receive(type, file)
        case .destroy: destroy()
        }
    }
}

extension Seat {
    static let gtkPrimarySelectionName = "gtk_primary_selection_device_manager"
}
