// Baked files that the desktop is drawn with. They are mapped, not read: only what is used costs memory.

import ArtPack
import Chrome
import CompositorCore
import FontAtlas
import Gfx
import Keymap
import System
import Tokens

/// Keeps the files mapped as long as it lives.
package final class Assets {
    private final class File {
        let mapping: MemoryMapping
        init(_ mapping: consuming MemoryMapping) { self.mapping = mapping }
    }

    private let directory: String
    private var files: [File] = []

    package init(directory: String) { self.directory = directory }

    /// The bytes of a file, valid as long as this object; nil if it cannot be mapped.
    func map(_ name: String) -> UnsafeRawBufferPointer? {
        do throws(Errno) {
            let file = try FileDescriptor.open(directory + "/" + name, .readOnly)
            let mapped = File(try MemoryMapping(private: file, byteCount: try file.byteCount(), .read))
            files.append(mapped)
            return UnsafeRawBufferPointer(mapped.mapping.bytes)
        } catch {
            Log.write("compositor", "\(directory)/\(name): \(error.message)")
            return nil
        }
    }

    private func font(_ weight: String, _ size: Int32) -> FontFace? {
        let name = "fonts/inter-\(weight)-\(size).atlas"
        guard let bytes = map(name) else { return nil }
        do throws(FontAtlasError) { return try FontFace(bytes) } catch {
            Log.write("compositor", "\(name) is malformed")
            return nil
        }
    }

    func interfaceFonts(_ caption: Int32, _ body: Int32, _ title: Int32) -> InterfaceFonts {
        var fonts = InterfaceFonts()
        fonts.caption = font("regular", caption)
        fonts.body = font("regular", body)
        fonts.bodyMedium = font("medium", body)
        fonts.bodySemibold = font("semibold", body)
        fonts.title = font("medium", title)
        return fonts
    }

    func art() -> ArtLibrary? {
        guard let bytes = map("art.pack") else { return nil }
        do throws(ArtPackError) { return try ArtLibrary(bytes) } catch {
            Log.write("compositor", "art.pack is malformed")
            return nil
        }
    }

    /// The look of windows.
    package func style(isLight: Bool) -> ChromeStyle {
        ChromeStyle(
            palette: isLight ? .light : .dark, fonts: interfaceFonts(TypeSize.caption, TypeSize.body, TypeSize.title), art: art())
    }

    /// A compositor with the keymap of the options.
    package func compositor(_ options: Options, style: ChromeStyle, size: Size, workArea: Rect) throws(Errno) -> Compositor {
        let keyboard = try keyboard(options.keymap)
        let table = keyboard.table
        let textSize = keyboard.textSize
        return Compositor(
            CompositorConfiguration(
                size: size, workArea: workArea, keyTable: table,
                keymapFile: keyboard.intoFile(), keymapTextSize: textSize, chromeStyle: style))
    }

    /// A keymap's table, and a sealed memory file with its text for clients.
    struct Keyboard: ~Copyable {
        let table: KeyTable
        let file: FileDescriptor
        let textSize: Int

        consuming func intoFile() -> FileDescriptor { file }
    }

    func keyboard(_ name: String) throws(Errno) -> Keyboard {
        guard let bytes = map("keymaps/\(name).keymap") else { throw .noEntry }
        guard let table = KeyTable(file: bytes) else { throw .invalidArgument }
        let text = KeyTable.text(inFile: bytes)
        let file = try FileDescriptor.memory("keymap", byteCount: text.count)
        try file.writeAll(text)
        try file.add([.shrink, .grow, .write, .seal])
        return Keyboard(table: table, file: file, textSize: text.count)
    }
}
