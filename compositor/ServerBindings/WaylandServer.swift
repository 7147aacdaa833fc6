// The server's side of the Wayland protocols: requests are decoded, events are encoded.
// Everything else in this module is generated from the protocol XML by the scanner (compositor/Scanner).

@_exported import WaylandWire
