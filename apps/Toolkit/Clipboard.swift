// Copy and paste of text (wl_data_device).

import System
import WaylandClient

/// The desktop's clipboard.
public final class Clipboard {
    private unowned(unsafe) let display: Display
    private let manager: WlDataDeviceManager.Proxy
    private let seat: Seat
    private var device: WlDataDevice.Proxy
    /// What others offer: the offer's identifier and its types.
    private var offers: [(id: ObjectID, types: [String])] = []
    private var selection: ObjectID?
    /// What we offer.
    private var source: (proxy: WlDataSource.Proxy, text: [UInt8])?
    private var transfers: [Transfer] = []

    /// Types of plain text, the best first.
    private static var textTypes: [String] { ["text/plain;charset=utf-8", "UTF8_STRING", "text/plain", "TEXT", "STRING"] }
    /// The longest text that is accepted.
    private static var sizeLimit: Int { 16 << 20 }
    private static var transferLimit: Int { 16 }
    private static var offerLimit: Int { 64 }

    init(_ manager: WlDataDeviceManager.Proxy, _ seat: Seat, _ display: Display) {
        self.display = display
        self.manager = manager
        self.seat = seat
        let connection = display.connection
        device = WlDataDevice.Proxy(connection.outbox, .display, version: manager.version)
        unowned(unsafe) let this = self
        // SAFETY: the display owns this object and the connection that calls the handlers.
        let id = connection.create { message throws(WireError) in try this.receive(&message) }
        manager.getDataDevice(id: id, seat: seat.proxy.id)
        device = WlDataDevice.Proxy(connection.outbox, id, version: manager.version)
    }

    /// Offers a text to everybody.
    public func copy(_ text: String) {
        let connection = display.connection
        unowned(unsafe) let this = self
        var id = ObjectID.display
        id = connection.create(carriesDescriptors: true) { message throws(WireError) in try this.sourceEvent(&message, id) }
        manager.createDataSource(id: id)
        let proxy = WlDataSource.Proxy(connection.outbox, id, version: manager.version)
        for type in Clipboard.textTypes { proxy.offer(mimeType: type) }
        device.setSelection(source: id, serial: seat.serial)
        if let old = source?.proxy {
            old.destroy()
            connection.retire(old.id)
        }
        source = (proxy, Array(text.utf8))
    }

    /// Fetches the text that is offered; `body` is called later, and not at all if there is none.
    public func paste(_ body: @escaping (String) -> Void) {
        if let source { return body(String(decoding: source.text, as: UTF8.self)) }
        guard let selection, let offer = offers.first(where: { $0.id == selection }),
            let type = Clipboard.textTypes.first(where: { offer.types.contains($0) }), transfers.count < Clipboard.transferLimit
        else { return }
        do throws(Errno) {
            let pipe = try FileDescriptor.pipe(.nonBlocking)
            WlDataOffer.Proxy(display.connection.outbox, selection, version: manager.version)
                .receive(mimeType: type, fd: pipe.write)
            let transfer = Transfer(pipe.keepingRead(), display.application.loop, outgoing: nil) { bytes in
                body(String(decoding: bytes, as: UTF8.self))
            }
            try start(transfer)
        } catch { Log.write("toolkit", "paste: \(error.message)") }
    }

    // MARK: Events

    private func receive(_ message: inout IncomingMessage) throws(WireError) {
        switch try WlDataDevice.Event.decode(&message, version: manager.version) {
        case .dataOffer(let id):
            unowned(unsafe) let this = self
            try display.connection.adopt(id) { message throws(WireError) in try this.offerEvent(&message, id) }
            offers.append((id, []))
            while offers.count > Clipboard.offerLimit { drop(offers[0].id) }
        case .selection(let id):
            if let selection, selection != id { drop(selection) }
            selection = id
        case .enter(_, _, _, _, let id):
            // Nothing here takes what is dragged.
            if let id { drop(id) }
        default: break
        }
    }

    private func offerEvent(_ message: inout IncomingMessage, _ id: ObjectID) throws(WireError) {
        guard case .offer(let type) = try WlDataOffer.Event.decode(&message, version: manager.version),
            let index = offers.firstIndex(where: { $0.id == id }), offers[index].types.count < 64
        else { return }
        offers[index].types.append(type)
    }

    private func drop(_ id: ObjectID) {
        guard offers.contains(where: { $0.id == id }) else { return }
        offers.removeAll { $0.id == id }
        WlDataOffer.Proxy(display.connection.outbox, id, version: manager.version).destroy()
        display.connection.retire(id)
    }

    private func sourceEvent(_ message: inout IncomingMessage, _ id: ObjectID) throws(WireError) {
        switch try WlDataSource.Event.decode(&message, version: manager.version) {
        case .send(_, let file): if let file = file.take() { send(file, id) }
        case .cancelled: cancel(id)
        default: break
        }
    }

    private func send(_ file: consuming FileDescriptor, _ id: ObjectID) {
        guard let source, source.proxy.id == id, transfers.count < Clipboard.transferLimit else { return }
        do throws(Errno) {
            try file.setNonBlocking()
            try start(Transfer(file, display.application.loop, outgoing: source.text) { _ in })
        } catch { Log.write("toolkit", "copy: \(error.message)") }
    }

    private func cancel(_ id: ObjectID) {
        guard let source, source.proxy.id == id else { return }
        source.proxy.destroy()
        display.connection.retire(id)
        self.source = nil
    }

    private func start(_ transfer: Transfer) throws(Errno) {
        transfers.append(transfer)
        unowned(unsafe) let this = self
        // SAFETY: the transfers are owned by this object and stop when they are released.
        try transfer.start(limit: Clipboard.sizeLimit) { ended in this.transfers.removeAll { $0 === ended } }
    }
}

/// Bytes on their way through a pipe, without anybody waiting for them.
private final class Transfer {
    private let file: FileDescriptor
    private let loop: EventLoop
    private var watch: EventLoop.Watch?
    private var timer: LoopTimer?
    /// What is sent; nil while receiving.
    private let outgoing: [UInt8]?
    private var sent = 0
    private var received: [UInt8] = []
    private let completed: ([UInt8]) -> Void
    private var ended: (Transfer) -> Void = { _ in }
    private var limit = 0

    /// The other side gets this long.
    private static var patienceMilliseconds: Int { 10_000 }

    init(_ file: consuming FileDescriptor, _ loop: EventLoop, outgoing: [UInt8]?, completed: @escaping ([UInt8]) -> Void) {
        self.file = file
        self.loop = loop
        self.outgoing = outgoing
        self.completed = completed
    }

    deinit { stop() }

    func start(limit: Int, ended: @escaping (Transfer) -> Void) throws(Errno) {
        self.limit = limit
        self.ended = ended
        unowned(unsafe) let this = self
        // SAFETY: `deinit` ends both.
        watch = try loop.watch(file, outgoing == nil ? .readable : .writable) { _ in this.move() }
        let timer = try LoopTimer(loop)
        timer.action = { this.finish(complete: false) }
        timer.start(afterMilliseconds: Transfer.patienceMilliseconds)
        self.timer = timer
    }

    private func stop() {
        if let watch { loop.unwatch(watch, file) }
        watch = nil
        timer = nil
    }

    private func move() {
        do throws(Errno) {
            if let outgoing {
                sent += try outgoing.span.withUnsafeBytes { bytes throws(Errno) in
                    try file.write(UnsafeRawBufferPointer(rebasing: bytes.dropFirst(sent)))
                }
                if sent == outgoing.count { finish(complete: true) }
            } else {
                var chunk = [UInt8](repeating: 0, count: 16384)
                let count = try file.read(into: &chunk)
                received += chunk[..<count]
                if received.count > limit { return finish(complete: false) }
                if count == 0 { finish(complete: true) }
            }
        } catch {
            if error != .wouldBlock { finish(complete: false) }
        }
    }

    private func finish(complete: Bool) {
        stop()
        // `ended` gives up the reference by which this object lives.
        let this = self
        if complete { completed(received) }
        ended(this)
    }
}
