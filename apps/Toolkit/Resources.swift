// What the image has for applications: faces, pictures, keymaps. Everything is mapped, nothing is decoded.

import ArtPack
import FontAtlas
import Gfx
import System

/// Files of `/usr/share/martlet`, mapped when they are first needed. What they give out is valid as long as this object.
public final class Resources {
    /// Where the files are: `MARTLET_DATA` for development, or the image's place.
    public let directory: String
    private var faces: [String: Face] = [:]
    private var artFile: Art?
    private var hasLookedForArt = false

    /// A face with the mapping that it is a view of.
    private final class Face {
        let mapping: MemoryMapping
        let face: FontFace

        init?(_ mapping: consuming MemoryMapping) {
            do throws(FontAtlasError) {
                face = try FontFace(UnsafeRawBufferPointer(mapping.bytes))
            } catch { return nil }
            self.mapping = mapping
        }
    }

    private final class Art {
        let mapping: MemoryMapping
        let library: ArtLibrary

        init?(_ mapping: consuming MemoryMapping) {
            do throws(ArtPackError) {
                library = try ArtLibrary(UnsafeRawBufferPointer(mapping.bytes))
            } catch { return nil }
            self.mapping = mapping
        }
    }

    public init() { directory = Environment["MARTLET_DATA"] ?? "/usr/share/martlet" }

    /// A face by the name of its atlas, for example `mono-regular-14`; nil if there is none.
    public func face(_ name: String) -> FontFace? {
        if let known = faces[name] { return known.face }
        guard let mapping = map("fonts/" + name + ".atlas") else { return nil }
        guard let face = Face(mapping) else {
            Log.write("toolkit", "\(name): not a font atlas")
            return nil
        }
        faces[name] = face
        return face.face
    }

    /// Icons and cursors; nil if the file is missing.
    public var art: ArtLibrary? {
        if !hasLookedForArt {
            hasLookedForArt = true
            if let mapping = map("art.pack") { artFile = Art(mapping) }
        }
        return artFile?.library
    }

    private func map(_ name: String) -> MemoryMapping? {
        do throws(Errno) {
            let file = try FileDescriptor.open(directory + "/" + name, .readOnly)
            return try MemoryMapping(private: file, byteCount: try file.byteCount(), .read)
        } catch { return nil }
    }
}
