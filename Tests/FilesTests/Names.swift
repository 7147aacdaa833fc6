// Importing the kernel's `Support` would make `String` the kernel's own text type; tests speak the standard library's.
typealias String = Swift.String
typealias StringLiteralType = Swift.String
