// File descriptors that travel with messages are owned values of the system module.

@_exported import System

/// A file descriptor that closes itself.
public typealias Descriptor = FileDescriptor

/// A descriptor that came with a message. It closes itself unless somebody takes it over.
///
/// A class, so that the enums of decoded messages stay copyable.
public final class ReceivedDescriptor {
    private var descriptor: Descriptor?

    init(_ descriptor: consuming Descriptor) { self.descriptor = consume descriptor }

    /// Hands the descriptor over; nil the second time.
    public func take() -> Descriptor? { descriptor.take() }
}
