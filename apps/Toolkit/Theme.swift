// The tokens of the design: colours, sizes and faces. Everything that is drawn takes them from here.

import FontAtlas
import Gfx
import System

/// Colours of an appearance.
public struct Theme: Sendable {
    public var surface: Color
    public var raised: Color
    public var sunken: Color
    public var hairline: Color
    public var text: Color
    public var secondaryText: Color
    public var disabledText: Color
    public var accent: Color
    public var onAccent: Color
    public var info: Color
    public var good: Color
    public var warning: Color
    public var danger: Color

    public static var dark: Theme {
        Theme(
            surface: Color(rgb: 0x1E1F29), raised: Color(rgb: 0x282A37), sunken: Color(rgb: 0x171820),
            hairline: Color(rgb: 0xFFFFFF, alpha: 20), text: Color(rgb: 0xECEDF3), secondaryText: Color(rgb: 0xA5A8B8),
            disabledText: Color(rgb: 0x6B6E7F), accent: Color(rgb: 0xFF7A4D), onAccent: Color(rgb: 0x1E1F29),
            info: Color(rgb: 0x5CB8FF), good: Color(rgb: 0x5BD6A0), warning: Color(rgb: 0xF5C451), danger: Color(rgb: 0xFF5C6C))
    }

    public static var light: Theme {
        Theme(
            surface: Color(rgb: 0xFAFAFC), raised: Color(rgb: 0xFFFFFF), sunken: Color(rgb: 0xF0F0F4),
            hairline: Color(rgb: 0x000000, alpha: 26), text: Color(rgb: 0x1D1E26), secondaryText: Color(rgb: 0x5B5E6E),
            disabledText: Color(rgb: 0xA0A2AE), accent: Color(rgb: 0xE4572E), onAccent: Color(rgb: 0xFFFFFF),
            info: Color(rgb: 0x1F7AD1), good: Color(rgb: 0x14875A), warning: Color(rgb: 0xA66B00), danger: Color(rgb: 0xC8303F))
    }

    /// The grid that distances are multiples of; small gaps are half of it.
    public static var grid: Int32 { 8 }
}

/// Faces of the image, mapped when they are first needed.
public final class Fonts {
    private let directory: String
    private var faces: [String: Face] = [:]

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

    /// Looks in `MARTLET_DATA`, for development, or where the image has its data.
    public init() { directory = (Environment["MARTLET_DATA"] ?? "/usr/share/martlet") + "/fonts" }

    /// A face by the name of its atlas, for example `mono-regular-14`; nil if there is none. It is valid as long as this object.
    public func face(_ name: String) -> FontFace? {
        if let known = faces[name] { return known.face }
        do throws(Errno) {
            let file = try FileDescriptor.open(directory + "/" + name + ".atlas", .readOnly)
            let mapping = try MemoryMapping(private: file, byteCount: try file.byteCount(), .read)
            guard let face = Face(mapping) else {
                Log.write("toolkit", "\(name): not a font atlas")
                return nil
            }
            faces[name] = face
            return face.face
        } catch { return nil }
    }
}
