// The clipboard (wl_data_device_manager). A drag is refused at its start: its source is told that it was cancelled.

import System
import WaylandServer

extension Client {
    func dataDeviceManager(_ version: UInt32, _ request: WlDataDeviceManager.Request) throws(WireError) {
        switch request {
        case .createDataSource(let id): try add(id, version, .dataSource(SelectionSource(self, id, .clipboard, version)))
        case .getDataDevice(let id, _):
            let device = SelectionDevice(self, id, .clipboard, version)
            try add(id, version, .dataDevice(device))
            compositor.seat.add(device, .clipboard)
        }
    }
}

extension SelectionSource {
    func handle(_ request: WlDataSource.Request) {
        switch request {
        case .offer(let type): add(type)
        case .destroy: destroy()
        case .setActions: break  // Only drags have actions.
        }
    }
}

extension SelectionDevice {
    func handle(_ request: WlDataDevice.Request) {
        switch request {
        case .startDrag(let source, _, _, _): if let source { self.source(source)?.cancel() }
        case .setSelection(let source, _): select(source)
        case .release: destroy()
        }
    }
}

extension SelectionOffer {
    func handle(_ request: WlDataOffer.Request) {
        switch request {
        case .receive(let type, let file):
            guard let file = file.take() else { return }
            receive(type, file)
        case .destroy: destroy()
        case .accept, .finish, .setActions: break  // These belong to drags.
        }
    }
}
