// SwiftPM requires a C target to have at least one source file; everything is in the header.
