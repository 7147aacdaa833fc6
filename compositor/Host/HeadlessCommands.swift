// Commands on standard input that stand for a person, for tests of the headless output:
//
//   key CODE 1|0        press or release a key (evdev code)
//   type TEXT           press and release the keys of small letters, digits and spaces
//   move X Y            put the pointer on a pixel
//   button CODE 1|0     press or release a button of the pointer
//   scroll N            turn the wheel by N detents
//   dump PATH           write the picture
//   stats               print frames and bytes so far, and reset the bytes
//   quit

import CompositorCore
import Screens
import Gfx
import Scene
import System

final class HeadlessCommands {
    // SAFETY: the session owns the commands.
    private unowned(unsafe) let session: Session
    let descriptor: FileDescriptor
    private var pending: [UInt8] = []
    private var presentedBefore = 0

    init(_ session: Session) throws(Errno) {
        self.session = session
        descriptor = try FileDescriptor(owning: 0).duplicateAndKeep()
        try descriptor.setNonBlocking()
    }

    /// Obeys complete lines; false at the end of the input.
    func read() -> Bool {
        var chunk = [UInt8](repeating: 0, count: 4096)
        do throws(Errno) {
            let count = try descriptor.read(into: &chunk)
            if count == 0 { return false }
            pending += chunk[..<count]
        } catch {
            return error == .wouldBlock
        }
        while let end = pending.firstIndex(of: 0x0a) {
            let line = String(decoding: pending[..<end], as: UTF8.self)
            pending.removeFirst(end + 1)
            if !obey(line.split(separator: " ").map { String($0) }) { Log.write("compositor", "command not understood: \(line)") }
        }
        return pending.count < 65536
    }

    private var now: UInt32 { UInt32(truncatingIfNeeded: Clock.monotonicNanoseconds / 1_000_000) }

    private func obey(_ words: [String]) -> Bool {
        guard let command = words.first else { return true }
        let numbers = words.dropFirst().compactMap { Int32($0) }
        switch command {
        case "key" where numbers.count == 2:
            session.key(UInt32(clamping: numbers[0]), isPressed: numbers[1] != 0, timeMilliseconds: now)
        case "type": for word in words.dropFirst() { type(word) }
        case "move" where numbers.count == 2:
            session.compositor.seat.movePointer(to: FinePoint(Point(x: numbers[0], y: numbers[1])), timeMilliseconds: now)
            session.pointerFrame()
        case "button" where numbers.count == 2:
            session.button(UInt32(clamping: numbers[0]), isPressed: numbers[1] != 0, timeMilliseconds: now)
            session.pointerFrame()
        case "scroll" where numbers.count == 1:
            session.scrolled(x120: 0, y120: numbers[0] &* 120, timeMilliseconds: now)
            session.pointerFrame()
        case "dump" where words.count == 2:
            session.makeFrame(Clock.monotonicNanoseconds)
            try? session.headless?.writePicture(to: words[1])
            Log.write("compositor", "wrote \(words[1])")
        case "stats":
            guard let headless = session.headless else { return true }
            let rects = headless.lastDamage.rects.map { "\($0.width)x\($0.height)+\($0.left)+\($0.top)" }.joined(separator: " ")
            Log.write(
                "compositor", "frames \(headless.frameCount) bytes \(headless.presentedBytes - presentedBefore) last \(rects)")
            presentedBefore = headless.presentedBytes
        case "quit": session.stop()
        default: return false
        }
        return true
    }

    private static let codes: [Character: UInt32] = {
        var codes: [Character: UInt32] = ["-": 12, ".": 52, "/": 53]
        for (row, first) in [("1234567890", 2), ("qwertyuiop", 16), ("asdfghjkl", 30), ("zxcvbnm", 44)] as [(String, UInt32)] {
            for (index, character) in row.enumerated() { codes[character] = first + UInt32(index) }
        }
        return codes
    }()

    private func type(_ word: String) {
        for character in word {
            guard let code = HeadlessCommands.codes[character] else { continue }
            session.key(code, isPressed: true, timeMilliseconds: now)
            session.key(code, isPressed: false, timeMilliseconds: now)
        }
    }
}

extension FileDescriptor {
    /// A second descriptor, leaving the first one open for good: standard input is everybody's.
    fileprivate consuming func duplicateAndKeep() throws(Errno) -> FileDescriptor {
        let copy = try duplicate()
        _ = release()
        return copy
    }
}
