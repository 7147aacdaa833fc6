// The loop that every way of running the compositor shares: clients' sockets, frames, and the output.
//
// A frame: events damage the scene → at the end of the batch, or 1/60 s after the last frame, the damage is painted →
// the output shows those rectangles → clients get their frame callbacks. Without damage nothing wakes the loop.

import CompositorCore
import Gfx
import Scene
import Screens
import System

/// Serves clients and makes frames. The owner waits on `queue` and gives what it does not know itself to `handle`.
package final class ServerLoop {
    /// The tokens of this loop's events; an owner's own tokens are below.
    private enum Token {
        static let frame: UInt64 = 1 << 62
        static let client: UInt64 = 1 << 63
    }

    private static var frameNanoseconds: Int64 { 16_666_667 }

    package let queue: EventQueue
    package let compositor: Compositor
    package let output: any DisplayOutput
    private let pixels: PixelBuffer
    private let frameTimer: TimerDescriptor
    private var waitingForWrite: [UInt32] = []
    private var nextFrame: Int64 = 0
    private var frameIsScheduled = false
    private var hasShownFrame = false
    /// Called after the first picture was shown.
    package var firstFrame: (() -> Void)?

    package init(_ compositor: Compositor, _ output: any DisplayOutput, _ pixels: PixelBuffer) throws(Errno) {
        self.compositor = compositor
        self.output = output
        self.pixels = pixels
        queue = try EventQueue()
        frameTimer = try TimerDescriptor()
        try queue.add(frameTimer.descriptor, .readable, token: Token.frame)
    }

    /// Waits for events; the loop's own are handled, `body` gets the others. Ends with the work of a batch.
    package func turn(_ body: (EventQueue.Event) -> Void) throws(Errno) {
        try queue.wait(timeoutMilliseconds: -1) { event in
            if event.token & Token.client != 0 {
                clientEvent(event)
            } else if event.token == Token.frame {
                _ = frameTimer.acknowledge()
                frameIsScheduled = false
            } else {
                body(event)
            }
        }
        finishBatch()
    }

    /// What is done once after a group of events: configure events, a frame if one is due, and all that clients get.
    package func finishBatch() {
        compositor.finishBatch()
        while let client = compositor.toDisconnect.first { end(client) }
        let now = Clock.monotonicNanoseconds
        if compositor.needsFrame || !compositor.scene.damage.isEmpty {
            if now >= nextFrame { makeFrame(now) }
            // Showing a frame may damage the scene again, for example by what lies under the pointer now.
            if compositor.needsFrame || !compositor.scene.damage.isEmpty { scheduleFrame() }
        }
        flushClients()
    }

    // MARK: Frames

    package func makeFrame(_ now: Int64) {
        let damage = compositor.scene.takeDamage()
        nextFrame = now + ServerLoop.frameNanoseconds
        if !damage.isEmpty {
            compositor.scene.paint(damage, into: pixels)
            output.present(damage)
            if !hasShownFrame {
                hasShownFrame = true
                firstFrame?()
            }
        }
        compositor.frameShown(
            FrameTime(
                nanoseconds: UInt64(Clock.monotonicNanoseconds), refreshNanoseconds: UInt32(ServerLoop.frameNanoseconds)))
    }

    private func scheduleFrame() {
        guard !frameIsScheduled else { return }
        frameIsScheduled = true
        try? frameTimer.set(deadlineNanoseconds: nextFrame)
    }

    // MARK: Clients

    /// Serves a connection from now on; false (and it is closed) when there are too many.
    @discardableResult
    package func add(_ stream: consuming UnixStream) -> Client? {
        guard let client = compositor.connect(stream) else { return nil }
        client.withDescriptor { file in _ = try? queue.add(file, .readable, token: Token.client | UInt64(client.number)) }
        return client
    }

    /// Obeys what all clients have sent until now.
    package func receiveFromAll() { for client in compositor.clients where !client.receive() { end(client) } }

    private func clientEvent(_ event: EventQueue.Event) {
        let number = UInt32(truncatingIfNeeded: event.token)
        guard let client = compositor.clients.first(where: { $0.number == number }) else { return }
        if !event.readiness.isDisjoint(with: [.readable, .hangUp, .error]), !client.receive() { end(client) }
    }

    private func end(_ client: Client) {
        client.withDescriptor { file in _ = try? queue.remove(file) }
        waitingForWrite.removeAll { $0 == client.number }
        compositor.disconnect(client)
    }

    private func flushClients() {
        for client in compositor.clients where client.hasOutgoing {
            let isWaiting = waitingForWrite.contains(client.number)
            switch client.flush() {
            case .done:
                if isWaiting {
                    waitingForWrite.removeAll { $0 == client.number }
                    setInterest(client, .readable)
                }
            case .wouldBlock:
                if !isWaiting {
                    waitingForWrite.append(client.number)
                    setInterest(client, [.readable, .writable])
                }
            case .closed, .failed:
                if client.outboxOverflowed {
                    Log.write("compositor", "client \(client.number) does not read and is disconnected")
                }
                end(client)
            }
        }
    }

    private func setInterest(_ client: Client, _ interest: EventQueue.Readiness) {
        client.withDescriptor { file in _ = try? queue.modify(file, interest, token: Token.client | UInt64(client.number)) }
    }
}
