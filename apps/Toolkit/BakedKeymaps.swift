import Keymap
import System

/// Keymaps of the image. A server that sends the text of one of them spares its clients the parsing.
enum BakedKeymaps {
    /// The table of the file whose text is the given one.
    static func table(of text: UnsafeRawBufferPointer, _ resources: Resources) -> KeyTable? {
        let directory = resources.directory + "/keymaps"
        do throws(Errno) {
            for entry in try Directory.entries(directory) where entry.kind == .file || entry.kind == .unknown {
                let file = try FileDescriptor.open(directory + "/" + entry.name, .readOnly)
                let mapping = try MemoryMapping(private: file, byteCount: try file.byteCount(), .read)
                let bytes = UnsafeRawBufferPointer(mapping.bytes)
                guard let table = KeyTable(file: bytes) else { continue }
                if same(KeyTable.text(inFile: bytes), text) { return table }
            }
        } catch {
            // No such directory: another system's server.
        }
        return nil
    }

    /// Whether two texts are equal but for the terminating NUL.
    private static func same(_ first: UnsafeRawBufferPointer, _ second: UnsafeRawBufferPointer) -> Bool {
        let first = first.last == 0 ? UnsafeRawBufferPointer(rebasing: first.dropLast()) : first
        let second = second.last == 0 ? UnsafeRawBufferPointer(rebasing: second.dropLast()) : second
        return first.count == second.count && first.elementsEqual(second)
    }
}
