// The client's side of the Wayland protocols: events are decoded, requests are encoded.
// Everything else in this module is generated from the protocol XML by the scanner (compositor/Scanner).

@_exported import WaylandWire
