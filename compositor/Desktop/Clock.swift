// The time of day as the panel shows it.

import CLibc

public enum WallClock {
    private static let days: [StaticString] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
    private static let months: [StaticString] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    /// For example "Sun 22 Nov" and "14:07", in local time.
    public static func now() -> (date: String, time: String) {
        var seconds = time(nil)
        var parts = tm()
        guard localtime_r(&seconds, &parts) != nil else { return ("", "--:--") }
        let day = days[min(max(Int(parts.tm_wday), 0), 6)]
        let month = months[min(max(Int(parts.tm_mon), 0), 11)]
        return ("\(day) \(parts.tm_mday) \(month)", "\(twoDigits(parts.tm_hour)):\(twoDigits(parts.tm_min))")
    }

    private static func twoDigits(_ value: Int32) -> String { value < 10 ? "0\(value)" : "\(value)" }
}
