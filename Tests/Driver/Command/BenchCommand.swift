// `martlet-test bench`: figures that repeat exactly, because virtual time counts instructions.

import Foundation
import Scenarios
import TestDriver

enum BenchCommand {
    /// One row of the table.
    private struct Row {
        let name: String
        let linux: Int?
        let goal: Int?
    }

    /// Measures and prints the table; a figure that could not be measured is a failure.
    static func run(_ arguments: inout Arguments) throws -> Int32 {
        if let word = arguments.next() { throw TestFailure("bench takes no option such as \(word)") }
        let workspace = try Workspace()
        let rows = try table(workspace)
        var (figures, problems): ([String: Int], [String]) = ([:], [])
        for (what, measure) in [
            ("system calls", systemCalls), ("latency", LatencyFigures.measure), ("desktop", DesktopFigures.measure),
        ] {
            do { figures.merge(try measure(workspace)) { $1 } } catch { problems.append("\(what): \(error)") }
        }
        print(line("instructions an operation, unless the name says otherwise", "Martlet", "Linux", "goal"))
        for row in rows {
            let own = figures[row.name].map(grouped) ?? "-"
            let mark = if let figure = figures[row.name], let goal = row.goal, figure > goal { " over" } else { "" }
            print(line(row.name, own, row.linux.map(grouped) ?? "-", (row.goal.map(grouped) ?? "-") + mark))
        }
        for problem in problems { print("could not measure \(problem)") }
        return problems.isEmpty ? 0 : 1
    }

    private static func table(_ workspace: Workspace) throws -> [Row] {
        let text = try String(contentsOf: workspace.root.appending(path: "Tests/Bench/linux-figures.txt"), encoding: .utf8)
        return text.split(separator: "\n").filter { !$0.hasPrefix("#") }.compactMap { line in
            let parts = line.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
            return parts.count == 3 ? Row(name: parts[0], linux: Int(parts[1]), goal: Int(parts[2])) : nil
        }
    }

    private static func systemCalls(_ workspace: Workspace) throws -> [String: Int] {
        var configuration = MachineConfiguration()
        configuration.firmware = .kernel(workspace.kernel, commandLine: "console=ttyS0 root=/dev/vda init=/bin/sh quiet")
        configuration.media = [.virtioDisk(workspace.testRootImage, .dropped)]
        (configuration.countsInstructions, configuration.processor, configuration.memoryMiB) = (true, "max,-erms", 1024)
        let machine = try Machine(configuration, logs: workspace.testLogs.appending(path: "bench-calls"))
        defer { machine.stop() }
        let shell = try GuestShell(on: machine, seconds: 60)
        try shell.check("mount | grep -q ' /tmp ' || mount -t tmpfs tmpfs /tmp")
        let output = try shell.check("/usr/lib/martlet/tests/bench", seconds: 400)
        var figures: [String: Int] = [:]
        for line in output.split(separator: "\n") where line.hasPrefix("bench ") {
            guard let colon = line.lastIndex(of: ":"), let value = Int(line[line.index(colon, offsetBy: 2)...]) else { continue }
            figures[String(line.dropFirst(6).prefix(upTo: colon))] = value
        }
        return figures
    }

    private static func grouped(_ value: Int) -> String {
        var digits = String(value)
        var index = digits.count - 3
        while index > 0 {
            digits.insert(",", at: digits.index(digits.startIndex, offsetBy: index))
            index -= 3
        }
        return digits
    }

    private static func line(_ name: String, _ columns: String...) -> String {
        let padded = name.padding(toLength: max(name.count, 60), withPad: " ", startingAt: 0)
        return padded + columns.map { String(repeating: " ", count: max(1, 13 - $0.count)) + $0 }.joined()
    }
}
