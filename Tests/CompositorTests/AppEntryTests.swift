import Testing

@testable import Desktop

struct AppEntryTests {
    @Test func readsADesktopFile() throws {
        let text = """
            # comment
            [Desktop Entry]
            Type=Application
            Name = Terminal
            Comment=A shell
            Keywords=console;prompt;
            Exec="/usr/bin/my term" --flag %U "two words"

            [Desktop Action new]
            Name=Other
            """
        let entry = try #require(AppEntry(desktopFile: text, appID: "terminal"))
        #expect(entry.name == "Terminal" && entry.comment == "A shell")
        #expect(entry.command == ["/usr/bin/my term", "--flag", "two words"])
    }

    @Test(arguments: [
        "", "[Desktop Entry]\nName=x", "[Desktop Entry]\nName=x\nExec=y\nNoDisplay=true", "Name=x\nExec=y",
        "[Desktop Entry]\nType=Link\nName=x\nExec=y",
    ])
    func leavesOutWhatCannotBeStarted(_ text: String) { #expect(AppEntry(desktopFile: text, appID: "x") == nil) }

    @Test func searchPrefersTheStartOfTheName() throws {
        func entry(_ name: String, _ keywords: String = "") throws -> AppEntry {
            try #require(AppEntry(desktopFile: "[Desktop Entry]\nName=\(name)\nKeywords=\(keywords)\nExec=x", appID: name))
        }
        let apps = [try entry("Files"), try entry("Text Editor"), try entry("Terminal", "text"), try entry("Monitor")]
        #expect(AppEntry.search(apps, "te").map(\.name) == ["Text Editor", "Terminal"])
        #expect(AppEntry.search(apps, "EDIT").map(\.name) == ["Text Editor"])
        #expect(AppEntry.search(apps, "text").map(\.name) == ["Text Editor", "Terminal"])
        #expect(AppEntry.search(apps, "").count == 4)
        #expect(AppEntry.search(apps, "zzz").isEmpty)
    }

    @Test func readsLoad() {
        #expect(SystemLoad.parseProcessor("cpu  10 0 10 80 0 0 0\ncpu0 1 2 3 4\n")! == (busy: 20, total: 100))
        #expect(SystemLoad.parseMemory("MemTotal: 1000 kB\nMemFree: 1 kB\nMemAvailable: 250 kB\n") == 75)
        #expect(SystemLoad.parseMemory("nonsense") == nil)
        #expect(SystemLoad.parseProcessor("") == nil)
    }

    @Test func endsOfTheSessionComeLast() throws {
        let app = try #require(AppEntry(desktopFile: "[Desktop Entry]\nName=Terminal\nExec=terminal", appID: "terminal"))
        let all = [app] + AppEntry.actions
        #expect(AppEntry.search(all, "").first == app)
        #expect(AppEntry.search(all, "t").first == app)
        #expect(AppEntry.search(all, "shut").map(\.command) == [["poweroff"]])
        #expect(AppEntry.search(all, "reboot").map(\.command) == [["reboot"]])
    }
}
