// What the program prints: one line a check, `name = outcome`, the same on every kernel that behaves the same.
// Nothing that varies between runs (process numbers, addresses, times) may appear.

import CTestSystem

/// Writes a line to standard output at once, so that a fork never duplicates a buffer.
func emit(_ line: String) {
    var text = line
    text += "\n"
    text.withUTF8 { bytes in
        var done = 0
        while done < bytes.count {
            let written = sys(SYS_write, 1, Int(bitPattern: bytes.baseAddress!) + done, bytes.count - done)
            if written <= 0 { break }
            done += written
        }
    }
}

/// Prints a system call's result: a number, or the name of the error.
func check(_ name: String, _ result: Int) { emit("\(name) = \(outcome(result))") }

/// Prints whether something holds.
func check(_ name: String, _ holds: Bool) { emit("\(name) = \(holds ? "yes" : "no")") }

/// Prints a text that the kernel produced; control characters are made visible.
func check(_ name: String, text: String) { emit("\(name) = \"\(visible(text.utf8))\"") }

/// Prints bytes that the kernel produced; control characters are made visible.
func check(_ name: String, bytes: [UInt8]) { emit("\(name) = \"\(visible(bytes))\"") }

/// Prints only whether a call succeeded, for results whose value is free.
func checkSuccess(_ name: String, _ result: Int) { emit("\(name) = \(result >= 0 ? "ok" : outcome(result))") }

private func visible(_ bytes: some Sequence<UInt8>) -> String {
    var text = ""
    for byte in bytes {
        switch byte {
        case 0x20...0x7e: text.unicodeScalars.append(Unicode.Scalar(byte))
        case 10: text += "\\n"
        case 13: text += "\\r"
        default: text += "<\(hexadecimal(UInt(byte)))>"
        }
    }
    return text
}

/// A number in base 16, without a prefix.
func hexadecimal(_ value: UInt) -> String { String(value, radix: 16) }

/// A number, or the name of the error that a negative one stands for.
func outcome(_ result: Int) -> String {
    guard result < 0 && result > -4096 else { return "\(result)" }
    for (number, name) in errorNames where Int(number) == -result { return name }
    return "error \(-result)"
}

private let errorNames: [(Int32, String)] = [
    (EPERM, "EPERM"), (ENOENT, "ENOENT"), (ESRCH, "ESRCH"), (EINTR, "EINTR"), (EIO, "EIO"), (ENXIO, "ENXIO"),
    (E2BIG, "E2BIG"), (ENOEXEC, "ENOEXEC"), (EBADF, "EBADF"), (ECHILD, "ECHILD"), (EAGAIN, "EAGAIN"), (ENOMEM, "ENOMEM"),
    (EACCES, "EACCES"), (EFAULT, "EFAULT"), (ENOTBLK, "ENOTBLK"), (EBUSY, "EBUSY"), (EEXIST, "EEXIST"), (EXDEV, "EXDEV"),
    (ENODEV, "ENODEV"), (ENOTDIR, "ENOTDIR"), (EISDIR, "EISDIR"), (EINVAL, "EINVAL"), (ENFILE, "ENFILE"),
    (EMFILE, "EMFILE"), (ENOTTY, "ENOTTY"), (ETXTBSY, "ETXTBSY"), (EFBIG, "EFBIG"), (ENOSPC, "ENOSPC"),
    (ESPIPE, "ESPIPE"), (EROFS, "EROFS"), (EMLINK, "EMLINK"), (EPIPE, "EPIPE"), (EDOM, "EDOM"), (ERANGE, "ERANGE"),
    (EDEADLK, "EDEADLK"), (ENAMETOOLONG, "ENAMETOOLONG"), (ENOLCK, "ENOLCK"), (ENOSYS, "ENOSYS"),
    (ENOTEMPTY, "ENOTEMPTY"), (ELOOP, "ELOOP"), (ENODATA, "ENODATA"), (EOVERFLOW, "EOVERFLOW"), (ENOTSOCK, "ENOTSOCK"),
    (EDESTADDRREQ, "EDESTADDRREQ"), (EMSGSIZE, "EMSGSIZE"), (EPROTOTYPE, "EPROTOTYPE"), (ENOPROTOOPT, "ENOPROTOOPT"),
    (EPROTONOSUPPORT, "EPROTONOSUPPORT"), (ESOCKTNOSUPPORT, "ESOCKTNOSUPPORT"), (EOPNOTSUPP, "EOPNOTSUPP"),
    (EAFNOSUPPORT, "EAFNOSUPPORT"), (EADDRINUSE, "EADDRINUSE"), (ECONNABORTED, "ECONNABORTED"),
    (ECONNRESET, "ECONNRESET"), (ENOBUFS, "ENOBUFS"), (EISCONN, "EISCONN"), (ENOTCONN, "ENOTCONN"),
    (ETOOMANYREFS, "ETOOMANYREFS"), (ETIMEDOUT, "ETIMEDOUT"), (ECONNREFUSED, "ECONNREFUSED"), (EALREADY, "EALREADY"),
    (EINPROGRESS, "EINPROGRESS"), (ECANCELED, "ECANCELED"), (EBADFD, "EBADFD"),
]
