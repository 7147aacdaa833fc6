// wp_presentation: tells clients when what they committed was shown.

import Scene
import WaylandServer

/// When a frame was shown.
public struct FrameTime: Sendable {
    /// Nanoseconds of the monotonic clock.
    public let nanoseconds: UInt64
    /// How long a frame is shown at least; 0 when that is not known.
    public let refreshNanoseconds: UInt32

    public init(nanoseconds: UInt64, refreshNanoseconds: UInt32) {
        self.nanoseconds = nanoseconds
        self.refreshNanoseconds = refreshNanoseconds
    }

    var milliseconds: UInt32 { UInt32(truncatingIfNeeded: nanoseconds / 1_000_000) }
}

extension Client {
    /// CLOCK_MONOTONIC.
    static var presentationClock: UInt32 { 1 }

    func presentation(_ id: ObjectID, _ request: WpPresentation.Request) throws(WireError) {
        switch request {
        case .destroy: remove(id)
        case .feedback(let surfaceID, let new):
            guard let surface = surface(surfaceID) else { return fail(id, 0, "no such surface") }
            guard surface.surface.pending.feedbacks.count < Limits.frameCallbacks else { throw .tooManyObjects }
            try add(new, 1, .presentationFeedback)
            surface.surface.pending.feedbacks.append(new.rawValue)
        }
    }

    /// Ends feedbacks whose content was never shown.
    func discardFeedbacks(_ feedbacks: [UInt32]) {
        for raw in feedbacks {
            guard let id = ObjectID(rawValue: raw) else { continue }
            WpPresentationFeedback.Resource(outbox, id, version: 1).discarded()
            remove(id)
        }
    }
}

extension ClientSurface {
    /// Answers the feedbacks of what a frame has shown, and those of what something newer has replaced before.
    func answerFeedbacks(_ frame: FrameTime) {
        client.discardFeedbacks(surface.takeReplacedFeedbacks())
        guard surface.content.isOnScreen || role == .cursor else { return }
        let seconds = frame.nanoseconds / 1_000_000_000
        for raw in surface.takeFeedbacks() {
            guard let id = ObjectID(rawValue: raw) else { continue }
            let feedback = WpPresentationFeedback.Resource(client.outbox, id, version: 1)
            for output in client.compositor.outputResources where output.client === client {
                feedback.syncOutput(output: output.id)
            }
            // The screens have no counter of refreshes.
            feedback.presented(
                tvSecHi: UInt32(truncatingIfNeeded: seconds >> 32), tvSecLo: UInt32(truncatingIfNeeded: seconds),
                tvNsec: UInt32(frame.nanoseconds % 1_000_000_000), refresh: frame.refreshNanoseconds, seqHi: 0, seqLo: 0,
                flags: [])
            client.remove(id)
        }
    }
}
