// One thread, one place to wait: descriptors and timers call back when they are ready.

import System

/// Waits for descriptors and calls their handlers.
public final class EventLoop {
    /// Names a watched descriptor. A number is never used for another one.
    public struct Watch: Equatable, Sendable { fileprivate let token: UInt64 }

    private struct Handler {
        let token: UInt64
        let call: (EventQueue.Readiness) -> Void
    }

    private let queue: EventQueue
    private var handlers: [Handler] = []
    private var nextToken: UInt64 = 1
    private var isRunning = false
    /// Called each time before the loop waits: what was put off during a turn is done here.
    public var beforeWaiting: () -> Void = {}

    public init() throws(Errno) { queue = try EventQueue() }

    /// Calls `handler` whenever the descriptor is ready. It must be unwatched before it is closed.
    public func watch(
        _ descriptor: borrowing FileDescriptor, _ interest: EventQueue.Readiness,
        _ handler: @escaping (EventQueue.Readiness) -> Void
    ) throws(Errno) -> Watch {
        let token = nextToken
        try queue.add(descriptor, interest, token: token)
        nextToken += 1
        handlers.append(Handler(token: token, call: handler))
        return Watch(token: token)
    }

    /// Calls `handler` when a signal has come.
    public func watch(_ signals: SignalPipe, _ handler: @escaping () -> Void) throws(Errno) -> Watch {
        let token = nextToken
        try signals.register(in: queue, token: token)
        nextToken += 1
        handlers.append(Handler(token: token) { _ in handler() })
        return Watch(token: token)
    }

    /// Waits for other things of a watched descriptor.
    public func change(_ watch: Watch, _ descriptor: borrowing FileDescriptor, _ interest: EventQueue.Readiness) {
        do throws(Errno) {
            try queue.modify(descriptor, interest, token: watch.token)
        } catch { Log.write("toolkit", "epoll: \(error.message)") }
    }

    public func unwatch(_ watch: Watch, _ descriptor: borrowing FileDescriptor) {
        handlers.removeAll { $0.token == watch.token }
        do throws(Errno) { try queue.remove(descriptor) } catch { Log.write("toolkit", "epoll: \(error.message)") }
    }

    /// Serves until `stop`.
    public func run() {
        isRunning = true
        while isRunning {
            beforeWaiting()
            guard isRunning else { return }
            var events: [EventQueue.Event] = []
            do throws(Errno) {
                try queue.wait(timeoutMilliseconds: -1) { events.append($0) }
            } catch {
                Log.write("toolkit", "epoll: \(error.message)")
                return
            }
            for event in events {
                // A handler of this turn may have removed a later one.
                guard let handler = handlers.first(where: { $0.token == event.token }) else { continue }
                handler.call(event.readiness)
            }
        }
    }

    /// Ends `run` after the turn.
    public func stop() { isRunning = false }
}

/// Calls back at a time, through the loop. It costs nothing while it is not set.
public final class LoopTimer {
    private let timer: TimerDescriptor
    private let loop: EventLoop
    private var watch: EventLoop.Watch?
    public var action: () -> Void = {}

    public init(_ loop: EventLoop) throws(Errno) {
        timer = try TimerDescriptor()
        self.loop = loop
        // SAFETY: the loop forgets the handler in `deinit`, before the object is gone.
        unowned(unsafe) let this = self
        watch = try loop.watch(timer.descriptor, .readable) { _ in
            if this.timer.acknowledge() > 0 { this.action() }
        }
    }

    deinit { if let watch { loop.unwatch(watch, timer.descriptor) } }

    /// Fires after `first`, then every `interval` if that is not zero.
    public func start(afterMilliseconds first: Int, intervalMilliseconds interval: Int = 0) {
        do throws(Errno) {
            try timer.set(
                firstNanoseconds: max(Int64(first), 1) * 1_000_000, intervalNanoseconds: Int64(interval) * 1_000_000)
        } catch { Log.write("toolkit", "timer: \(error.message)") }
    }

    public func stop() { do throws(Errno) { try timer.stop() } catch { Log.write("toolkit", "timer: \(error.message)") } }
}
