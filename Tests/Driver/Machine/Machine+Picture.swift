// Pictures of the guest's screen, and waiting for what they show.

import Foundation

extension Machine {
    /// Takes a picture of the screen as it is now.
    public func picture() throws -> Picture {
        let file = logs.appending(path: "screen.ppm")
        try qmp.execute("screendump", ["filename": .string(file.path)])
        defer { try? FileManager.default.removeItem(at: file) }
        return try Picture(ppm: Array(try Data(contentsOf: file)))
    }

    /// Takes pictures until one satisfies the condition; on failure the last one is kept as `NAME-last.png`.
    @discardableResult
    public func waitForPicture(
        _ what: String, seconds: Double = 20, where condition: (Picture) throws -> Bool
    ) throws -> Picture {
        var last: Picture?
        do {
            return try Deadline.poll(seconds: seconds, every: 0.15, what) {
                try checkRunning()
                let now = try picture()
                last = now
                return try condition(now) ? now : nil
            }
        } catch {
            if let last { try? last.writePNG(to: logs.appending(path: "last.png")) }
            throw TestFailure("\(error) (the last picture is \(logs.path)/last.png); serial port:\n\(serial.tail(8))")
        }
    }

    /// Waits until pictures stop changing outside the masked regions and satisfy the condition.
    /// - Parameter pictures: how many equal ones in a row count as still.
    @discardableResult
    public func waitUntilStill(
        _ what: String, seconds: Double = 20, pictures: Int = 4, masking: [PictureRegion] = [],
        where condition: (Picture) throws -> Bool = { _ in true }
    ) throws -> Picture {
        var (previous, run): (Picture?, Int) = (nil, 0)
        return try waitForPicture(what, seconds: seconds) { now in
            let masked = now.masking(masking)
            run = masked == previous ? run + 1 : 1
            previous = masked
            return try run >= pictures && condition(now)
        }
    }

    private func checkRunning() throws {
        try require(isRunning, "the machine has stopped; serial port:\n\(serial.tail())")
    }
}
