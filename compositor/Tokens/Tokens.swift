// The look of the desktop, as values. Every colour and measure of the interface is here and nowhere else.

import Gfx

/// The colours of one appearance.
public struct Palette: Sendable {
    public let surface: Color
    public let raised: Color
    public let sunken: Color
    public let hairline: Color
    public let text: Color
    public let secondary: Color
    /// What is there but not in use: inactive and minimised windows. Still text to be read, unlike what is disabled.
    public let dimmed: Color
    public let disabled: Color
    public let accent: Color
    public let onAccent: Color
    public let info: Color
    public let good: Color
    public let warning: Color
    public let danger: Color
    /// What a control under the pointer is tinted with, and one that is pressed.
    public let hover: Color
    public let pressed: Color

    public static var dark: Palette {
        Palette(
            surface: Color(rgb: 0x1E1F29), raised: Color(rgb: 0x282A37), sunken: Color(rgb: 0x171820),
            hairline: Color(rgb: 0xFFFFFF, alpha: 20), text: Color(rgb: 0xECEDF3), secondary: Color(rgb: 0xA5A8B8),
            dimmed: Color(rgb: 0x888B9B), disabled: Color(rgb: 0x6B6E7F), accent: Color(rgb: 0xFF7A4D),
            onAccent: Color(rgb: 0x1E1F29),
            info: Color(rgb: 0x5CB8FF),
            good: Color(rgb: 0x5BD6A0), warning: Color(rgb: 0xF5C451), danger: Color(rgb: 0xFF5C6C),
            hover: Color(rgb: 0xFFFFFF, alpha: 26), pressed: Color(rgb: 0xFFFFFF, alpha: 46))
    }

    public static var light: Palette {
        Palette(
            surface: Color(rgb: 0xFAFAFC), raised: Color(rgb: 0xFFFFFF), sunken: Color(rgb: 0xF0F0F4),
            hairline: Color(rgb: 0x000000, alpha: 26), text: Color(rgb: 0x1D1E26), secondary: Color(rgb: 0x5B5E6E),
            dimmed: Color(rgb: 0x6A6D7B), disabled: Color(rgb: 0xA0A2AE), accent: Color(rgb: 0xE4572E),
            onAccent: Color(rgb: 0xFFFFFF),
            info: Color(rgb: 0x1F7AD1),
            good: Color(rgb: 0x14875A), warning: Color(rgb: 0xA66B00), danger: Color(rgb: 0xC8303F),
            hover: Color(rgb: 0x000000, alpha: 18), pressed: Color(rgb: 0x000000, alpha: 36))
    }
}

/// Measures in pixels at scale 1.
public enum Metrics {
    /// Everything aligns to this, small gaps to half of it.
    public static var grid: Int32 { 8 }
    public static var smallGap: Int32 { 4 }
    public static var cornerRadius: Int32 { 10 }
    public static var smallCornerRadius: Int32 { 6 }
    public static var titleBarHeight: Int32 { 34 }
    public static var panelHeight: Int32 { 30 }
    public static var hairline: Int32 { 1 }
}

/// The sizes of the interface's type, in pixels.
public enum TypeSize {
    public static var caption: Int32 { 11 }
    public static var body: Int32 { 13 }
    public static var title: Int32 { 17 }
    public static var code: Int32 { 14 }
}
