// What a person sees and does on the desktop.

import Foundation
import TestDriver

let desktopScenarios: [Scenario] = [
    Scenario("desktop/picture", "wallpaper and panel appear as approved") { test in
        let desktop = try Desktop.start(test)
        try test.expectPicture("desktop", on: desktop.machine, masked: desktop.changing)
    },
    Scenario("desktop/launcher", "Super opens the launcher, typing filters, Escape closes") { test in
        let desktop = try Desktop.start(test)
        let before = try desktop.still("the desktop")
        try desktop.machine.press(.super)
        try desktop.machine.waitUntilStill("the launcher", masking: desktop.changing) { desktop.changed($0, before) > 2_000 }
        try desktop.machine.type("term")
        try test.expectPicture("launcher", on: desktop.machine, masked: desktop.changing)
        try desktop.machine.press(.escape)
        try desktop.machine.waitUntilStill("the desktop again", masking: desktop.changing) { desktop.changed($0, before) == 0 }
    },
    Scenario("desktop/terminal", "a terminal starts, takes a command and shows its answer") { test in
        let desktop = try Desktop.start(test)
        let shell = try desktop.shell()
        try desktop.openTerminal()
        try desktop.typeAndWait("PS1='$ '; cd /; clear", marker: "a", shell: shell)
        try desktop.typeAndWait("echo The quick brown fox 12345; seq 3", marker: "b", shell: shell)
        try test.expectPicture("terminal", on: desktop.machine, masked: desktop.changing)
        try desktop.typeAndWait("ls -l / && uname -a > /tmp/uname", marker: "c", shell: shell)
        try shell.check("grep -q x86_64 /tmp/uname")
    },
    Scenario("desktop/type-ahead", "nothing is lost of what is typed from the moment the window appears") { test in
        let desktop = try Desktop.start(test)
        let shell = try desktop.shell()
        let before = try desktop.still("the desktop")
        try desktop.machine.press(.super)
        try desktop.still("the launcher")
        try desktop.machine.type("term")
        let launcher = try desktop.still("the launcher's answer")
        try desktop.machine.press(.enter)
        try desktop.machine.waitForPicture("the terminal's window", seconds: 20) {
            desktop.changed($0, before) > 20_000 && desktop.changed($0, launcher) > 20_000
        }
        // The shell asks where the cursor is at each prompt, and is answered in the middle of all this.
        let lines = (1...20).map { "line \($0)" }
        for line in lines { try desktop.machine.type("echo \(line) >> /tmp/lines\n") }
        try Deadline.poll(seconds: 30, "the last line") {
            try shell.run("grep -q 'line 20' /tmp/lines").status == 0 ? () : nil
        }
        try shell.expect("cat /tmp/lines", prints: lines.joined(separator: "\n"))
        // At the top of the screen the answer looks like a function key.
        try desktop.machine.type("rm /tmp/lines\n")
        for line in lines { try desktop.machine.type("clear\necho \(line) >> /tmp/lines\n") }
        try Deadline.poll(seconds: 30, "the last line below a cleared screen") {
            try shell.run("grep -q 'line 20' /tmp/lines").status == 0 ? () : nil
        }
        try shell.expect("cat /tmp/lines", prints: lines.joined(separator: "\n"))
    },
    Scenario("desktop/beside", "a second terminal opens beside the first one") { test in
        let desktop = try Desktop.start(test)
        let shell = try desktop.shell()
        try desktop.openTerminal()
        try desktop.typeAndWait("tty > /tmp/tty1", marker: "m", shell: shell)
        try desktop.openTerminal()
        try desktop.typeAndWait("tty > /tmp/tty2", marker: "n", shell: shell)
        try test.expectPicture("beside", on: desktop.machine, masked: desktop.changing)
        for (x, name) in [(desktop.size.width / 4, "tty1"), (desktop.size.width * 3 / 4, "tty2")] {
            try desktop.machine.click(x: x, y: desktop.size.height / 2, screen: desktop.size)
            try desktop.typeAndWait("tty > /tmp/tty", marker: "o", shell: shell)
            try shell.expect("cmp /tmp/tty /tmp/\(name) && echo same", prints: "same")
        }
    },
    Scenario("desktop/ctrl-c", "Ctrl-C in the terminal ends sleep and the prompt is back") { test in
        let desktop = try Desktop.start(test)
        let shell = try desktop.shell()
        try desktop.openTerminal()
        try desktop.machine.type("sleep 100; echo $? > /tmp/status\n")
        try Deadline.poll(seconds: 20, "sleep to start") {
            try shell.run("ps | grep -v grep | grep -q 'sleep 100'").status == 0 ? () : nil
        }
        try desktop.machine.press(.control, "c")
        try Deadline.poll(seconds: 20, "sleep to end") {
            try shell.run("ps | grep -v grep | grep -q 'sleep 100'").status != 0 ? () : nil
        }
        try desktop.typeAndWait("echo back > /tmp/back", marker: "d", shell: shell)
        try shell.expect("cat /tmp/back", prints: "back")
    },
    Scenario("desktop/vi", "vi edits a file in the terminal") { test in
        let desktop = try Desktop.start(test)
        let shell = try desktop.shell()
        try desktop.openTerminal()
        try desktop.machine.type("vi /tmp/letter\n")
        try desktop.still("vi")
        try desktop.machine.type("ihello from vi\nsecond line\u{1b}")
        try desktop.still("the text in vi")
        try desktop.machine.type("ggxP:wq\n")
        try desktop.typeAndWait("true", marker: "e", shell: shell)
        try shell.expect("cat /tmp/letter", prints: "hello from vi\nsecond line")
    },
    Scenario("desktop/two-terminals", "two terminals side by side, each with its shell") { test in
        let desktop = try Desktop.start(test)
        let shell = try desktop.shell()
        try desktop.openTerminal()
        try desktop.machine.press(.super, "left")
        try desktop.still("the first terminal at the left")
        try desktop.typeAndWait("tty > /tmp/tty1", marker: "f", shell: shell)
        try desktop.openTerminal()
        try desktop.machine.press(.super, "right")
        try desktop.still("the second terminal at the right")
        try desktop.typeAndWait("tty > /tmp/tty2", marker: "g", shell: shell)
        let (one, two) = (try shell.check("cat /tmp/tty1"), try shell.check("cat /tmp/tty2"))
        try require(one != two && one.hasPrefix("/dev/pts/") && two.hasPrefix("/dev/pts/"), "terminals are \(one) and \(two)")
        try desktop.machine.click(x: desktop.size.width / 4, y: desktop.size.height / 2, screen: desktop.size)
        try desktop.typeAndWait("tty > /tmp/tty3", marker: "h", shell: shell)
        try shell.expect("cat /tmp/tty3", prints: one)
    },
    Scenario("desktop/clipboard", "a word is selected by a double click, copied, and pasted in another terminal") { test in
        let desktop = try Desktop.start(test)
        let shell = try desktop.shell()
        try desktop.openTerminal()
        try desktop.machine.press(.super, "up")
        try desktop.still("the whole screen")
        try desktop.typeAndWait("clear; echo martlet", marker: "p", shell: shell)
        try desktop.still("the word")
        // The first row of a maximised terminal lies right below panel, title bar and padding.
        try desktop.machine.movePointer(x: 24, y: 30 + 34 + 16, screen: desktop.size)
        for _ in 0..<2 { try desktop.machine.click() }
        try desktop.machine.press([.control, .shift, "c"])
        try desktop.openTerminal()
        try desktop.machine.type("echo ")
        try desktop.machine.press([.control, .shift, "v"])
        try desktop.typeAndWait(" > /tmp/pasted", marker: "q", shell: shell)
        try shell.expect("cat /tmp/pasted", prints: "martlet")
    },
    Scenario("desktop/pointer", "a double click on the title maximises; the buttons minimise and close") { test in
        let desktop = try Desktop.start(test)
        let shell = try desktop.shell()
        let empty = try desktop.still("the desktop")
        try desktop.openTerminal()
        let first = try desktop.still("the terminal")
        try desktop.machine.movePointer(x: 344, y: 214, screen: desktop.size)
        for _ in 0..<2 { try desktop.machine.click() }
        try desktop.machine.waitUntilStill("the maximised terminal", masking: desktop.changing) {
            desktop.changed($0, first) > 300_000
        }
        try desktop.machine.movePointer(x: 640, y: 46, screen: desktop.size)
        for _ in 0..<2 { try desktop.machine.click() }
        try desktop.machine.waitUntilStill("the window at its old place", masking: desktop.changing) {
            desktop.changed($0, first) < 500
        }
        try desktop.machine.drag(from: (344, 214), to: (444, 314), screen: desktop.size)
        try desktop.machine.click(x: 559 + 100, y: 214 + 100, screen: desktop.size)
        try desktop.machine.waitUntilStill("nothing but the panel", masking: desktop.changing) {
            desktop.changed($0, empty) < 10_000
        }
        try desktop.machine.click(x: 100, y: 14, screen: desktop.size)
        try desktop.machine.waitUntilStill("the window again", masking: desktop.changing) { desktop.changed($0, empty) > 100_000 }
        try desktop.machine.click(x: 615 + 100, y: 214 + 100, screen: desktop.size)
        try desktop.machine.waitUntilStill("the empty desktop", masking: desktop.changing) { desktop.changed($0, empty) == 0 }
        try Deadline.poll(seconds: 10, "the shell's end") { try shell.run("pidof terminal").status != 0 ? () : nil }
    },
    Scenario("desktop/resize", "resizing a terminal re-flows its shell") { test in
        let desktop = try Desktop.start(test)
        let shell = try desktop.shell()
        try desktop.openTerminal()
        func columns(_ marker: String) throws -> (rows: Int, columns: Int) {
            try desktop.typeAndWait("stty size > /tmp/size", marker: marker, shell: shell)
            let numbers = try shell.check("cat /tmp/size").split(separator: " ").compactMap { Int($0) }
            try require(numbers.count == 2, "stty printed \(numbers)")
            return (numbers[0], numbers[1])
        }
        let first = try columns("i")
        try desktop.machine.press(.super, "up")
        try desktop.still("the whole screen")
        let whole = try columns("j")
        try desktop.machine.press(.super, "left")
        try desktop.still("half a screen")
        let half = try columns("k")
        let message = "first \(first), whole \(whole), half \(half)"
        try require(whole.columns > first.columns && whole.rows > first.rows, message)
        try require(half.columns < whole.columns && half.columns > whole.columns / 3, message)
    },
    Scenario("desktop/shut-down", "the launcher switches the machine off") { test in
        let desktop = try Desktop.start(test)
        try desktop.still("the desktop")
        try desktop.machine.press(.super)
        try desktop.still("the launcher")
        try desktop.machine.type("shut")
        try desktop.still("the launcher's answer")
        try desktop.machine.press(.enter)
        let status = try desktop.machine.waitForExit(seconds: 20)
        try require(status == 0, "QEMU ended with status \(status)")
    },
    Scenario("desktop/kill-compositor", "after the compositor is killed the desktop comes back") { test in
        let desktop = try Desktop.start(test)
        let before = try desktop.still("the desktop")
        let shell = try desktop.shell()
        try shell.check("kill -9 $(pidof compositor)")
        try desktop.machine.serial.expect(Desktop.readyLine, seconds: 30)
        try desktop.machine.waitUntilStill("the desktop again", seconds: 30, masking: desktop.changing) {
            desktop.changed($0, before) < 100
        }
        try desktop.openTerminal()
    },
    Scenario("desktop/garbage-client", "a client that sends garbage is told so and disconnected; others go on") { test in
        let desktop = try Desktop.start(test)
        let shell = try desktop.shell()
        try desktop.openTerminal()
        for kind in ["zeros", "random", "length", "object", "half", "descriptors"] {
            let (output, status) = try shell.run("/usr/lib/martlet/tests/conformance garbage \(kind)", seconds: 30)
            try require(status == 0 && output.contains("disconnected"), "\(kind): status \(status): \(output)")
        }
        try desktop.typeAndWait("echo fine > /tmp/fine", marker: "l", shell: shell)
        try shell.expect("cat /tmp/fine", prints: "fine")
    },
    Scenario("desktop/idle", "an idle desktop flushes nothing in ten seconds") { test in
        let desktop = try Desktop.start(test, tracing: true)
        let count = try desktop.flushesWhileIdle(seconds: 10)
        try require(count == 0, "\(count) flushes while nothing changed")
    },
    Scenario("desktop/key-damage", "one typed key flushes at most 16 KiB") { test in
        let desktop = try Desktop.start(test, tracing: true)
        try desktop.openTerminal()
        let count = try desktop.bytesFlushedByKey()
        try require(count > 0 && count <= 16384, "one key flushed \(count) bytes")
    },
    Scenario("desktop/boot-cost", "from reset to the desktop in 0.6 s of guest time, in 12 MB") { test in
        let milliseconds = try DesktopFigures.milliseconds(test.workspace)
        try require(milliseconds < 600, "\(milliseconds) ms until the desktop")
        let size = try DesktopFigures.imageKiB(test.workspace)
        try require(size < 12_000_000 / 1024, "kernel and root image are \(size) KiB")
    },
    Scenario("desktop/memory", "the desktop uses less than 48 MB") { test in
        let desktop = try Desktop.start(test)
        let used = try desktop.memoryInUseKiB()
        try require(used < 48_000_000 / 1024, "\(used) KiB in use")
    },
    Scenario("desktop/leaks", "200 terminals opened and closed leave memory and descriptors where they were") { test in
        let desktop = try Desktop.start(test)
        let shell = try desktop.shell()
        // The first ones fill caches; they are no leak.
        let open =
            "for i in $(seq COUNT); do WAYLAND_DISPLAY=wayland-0 XDG_RUNTIME_DIR=/run/user/0 terminal -e true || echo failed; done"
        func play(_ count: Int) throws {
            let output = try shell.check(open.replacing("COUNT", with: "\(count)"), seconds: 240)
            try require(!output.contains("failed"), "a terminal failed:\n\(output.suffix(400))")
        }
        func descriptors() throws -> Int { Int(try shell.check("ls /proc/$(pidof compositor)/fd | wc -l")) ?? -1 }
        try play(20)
        try desktop.still("the desktop")
        let (memory, files) = (try desktop.memoryInUseKiB(), try descriptors())
        try play(200)
        try desktop.still("the desktop")
        let (memoryAfter, filesAfter) = (try desktop.memoryInUseKiB(), try descriptors())
        try require(filesAfter == files, "the compositor has \(filesAfter) descriptors instead of \(files)")
        try require(memoryAfter - memory < 1024, "\(memoryAfter - memory) KiB more in use after 200 terminals")
    },
]
