// How busy processor and memory are (proc(5)).

import System

/// Samples for the panel's sparklines.
public struct SystemLoad {
    /// In 1/100, the latest last.
    public private(set) var processor: [UInt8] = []
    public private(set) var memory: [UInt8] = []
    private var lastBusy: UInt64 = 0
    private var lastTotal: UInt64 = 0
    public static var sampleCount: Int { 12 }

    public init() {}

    /// Reads the counters; where the kernel has none the lists stay empty.
    public mutating func sample() {
        if let text = contents("/proc/stat"), let (busy, total) = SystemLoad.parseProcessor(text) {
            if lastTotal > 0, total > lastTotal { SystemLoad.append(&processor, (busy &- lastBusy) * 100 / (total - lastTotal)) }
            lastBusy = busy
            lastTotal = total
        }
        if let text = contents("/proc/meminfo"), let used = SystemLoad.parseMemory(text) { SystemLoad.append(&memory, used) }
    }

    private func contents(_ path: String) -> String? {
        (try? Directory.contents(path, limit: 65536)).map { String(decoding: $0, as: UTF8.self) }
    }

    private static func append(_ list: inout [UInt8], _ value: UInt64) {
        list.append(UInt8(clamping: min(value, 100)))
        if list.count > sampleCount { list.removeFirst() }
    }

    /// The first line of /proc/stat: user, nice, system, idle, iowait, …
    static func parseProcessor(_ text: String) -> (busy: UInt64, total: UInt64)? {
        guard let line = text.split(separator: "\n").first, line.hasPrefix("cpu ") else { return nil }
        let values = line.split(separator: " ").dropFirst().compactMap { UInt64($0) }
        guard values.count >= 4 else { return nil }
        let total = values.reduce(0, &+)
        let idle = values[3] &+ (values.count > 4 ? values[4] : 0)
        return (total &- idle, total)
    }

    /// Used memory in 1/100 of all.
    static func parseMemory(_ text: String) -> UInt64? {
        var total: UInt64?
        var available: UInt64?
        for line in text.split(separator: "\n") {
            let words = line.split(separator: " ")
            guard words.count >= 2, let value = UInt64(words[1]) else { continue }
            if words[0] == "MemTotal:" { total = value } else if words[0] == "MemAvailable:" { available = value }
        }
        guard let total, let available, total > 0, available <= total else { return nil }
        return (total - available) * 100 / total
    }
}
