// Everything that is drawn at build time.

/// The whole art file.
public func artPack() -> [UInt8] {
    BakedArt.encode(
        Martlet.art() + Cursors.art(scale: 1) + Cursors.art(scale: 2) + Icons.art(scale: 1) + Icons.art(scale: 2)
            + Icons.applications() + Shadows.art()
            + [Landscape(light: .dusk).art("dusk"), Landscape(light: .day).art("day")])
}
