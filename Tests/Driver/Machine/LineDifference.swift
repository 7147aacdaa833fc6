// What two texts do not have in common, line by line.

/// Differences of texts that mostly agree.
public enum LineDifference {
    /// How many lines were removed or added, and the first of them with the line before, marked by - and +.
    public static func report(_ old: String, _ new: String, limit: Int) -> (count: Int, report: String) {
        let (a, b) = (old.split(separator: "\n"), new.split(separator: "\n"))
        let difference = b.difference(from: a)
        var removed: Set<Int> = []
        var inserted: Set<Int> = []
        for change in difference {
            switch change {
            case .remove(let offset, _, _): removed.insert(offset)
            case .insert(let offset, _, _): inserted.insert(offset)
            }
        }
        var (lines, i, j, lastShared): ([String], Int, Int, Substring?) = ([], 0, 0, nil)
        while (i < a.count || j < b.count) && lines.count < limit {
            if i < a.count && removed.contains(i) {
                if let shared = lastShared { lines.append("  \(shared)"); lastShared = nil }
                lines.append("- \(a[i])")
                i += 1
            } else if j < b.count && inserted.contains(j) {
                if let shared = lastShared { lines.append("  \(shared)"); lastShared = nil }
                lines.append("+ \(b[j])")
                j += 1
            } else {
                lastShared = i < a.count ? a[i] : nil
                i += 1
                j += 1
            }
        }
        return (difference.count, lines.joined(separator: "\n"))
    }
}
