// File descriptors that travel with messages are owned values of the system module.

@_exported import System

/// A file descriptor that closes itself.
public typealias Descriptor = FileDescriptor
