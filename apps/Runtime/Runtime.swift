// What the Embedded Swift runtime expects from the platform and musl does not have.

import CLibc

/// Fills a buffer with random bytes: the runtime seeds its hashing from it.
/// musl has no `arc4random_buf`, so this forwards to `getrandom(2)`.
@c(arc4random_buf)
public func arc4random_buf(_ buffer: UnsafeMutableRawPointer, _ count: Int) {
    var done = 0
    while done < count {
        let n = getrandom(buffer + done, count - done, 0)
        if n <= 0 { abort() }
        done += n
    }
}
