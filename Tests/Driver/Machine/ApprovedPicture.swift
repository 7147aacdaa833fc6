// Pictures that a person has looked at and approved, and the check against them.

import Foundation

/// A picture below Tests/Scenarios/Approved.
public struct ApprovedPicture: Sendable {
    public let name: String
    public let file: URL
    /// Regions that change by themselves (the clock); black in the approved file.
    public let masked: [PictureRegion]
    /// Largest difference of a channel that counts as equal.
    public let tolerance: Int
    /// Pixels that may differ by more.
    public let allowedPixelCount: Int

    public init(_ name: String, in folder: URL, masked: [PictureRegion] = [], tolerance: Int = 2, allowedPixelCount: Int = 0) {
        (self.name, self.masked, self.tolerance) = (name, masked, tolerance)
        self.allowedPixelCount = allowedPixelCount
        file = folder.appending(path: name + ".png")
    }

    /// Waits until the screen shows the approved picture. On failure writes `NAME-difference.png` and `NAME-actual.png`.
    /// When approving, waits for a still screen and makes it the approved one.
    public func check(_ machine: Machine, approving: Bool, seconds: Double = 20) throws {
        if approving {
            let picture = try machine.waitUntilStill("still screen for \(name)", seconds: seconds, pictures: 6, masking: masked)
            try picture.masking(masked).writePNG(to: file)
            return
        }
        guard FileManager.default.fileExists(atPath: file.path) else {
            let picture = try machine.waitUntilStill("still screen for \(name)", seconds: seconds, masking: masked)
            let actual = machine.logs.appending(path: "\(name)-actual.png")
            try picture.masking(masked).writePNG(to: actual)
            throw TestFailure("nobody has approved \(name) yet: look at \(actual.path), then run with --approve")
        }
        let approved = try Picture(pngFile: file)
        var last: Picture?
        do {
            try machine.waitForPicture("approved picture \(name)", seconds: seconds) { now in
                let actual = now.masking(masked)
                last = actual
                return actual.difference(from: approved, tolerance: tolerance).count <= allowedPixelCount
            }
        } catch {
            guard let last else { throw error }
            let (count, region) = last.difference(from: approved, tolerance: tolerance)
            try last.writePNG(to: machine.logs.appending(path: "\(name)-actual.png"))
            let sheet = machine.logs.appending(path: "\(name)-difference.png")
            try Picture.comparison(approved: approved, actual: last, tolerance: tolerance).writePNG(to: sheet)
            let place = region.map { " within \($0.width)×\($0.height) at \($0.x),\($0.y)" } ?? ""
            throw TestFailure("picture \(name): \(count) pixels differ\(place); look at \(sheet.path)")
        }
    }
}
