// Bakes a keyboard layout for the image: KeymapBaker LAYOUT OUTPUT
// The file's format is described in Keymap/KeyTable.swift. libxkbcommon compiles the layout, so what the compositor
// finds in the table is what a client finds in the text.

import CXkbcommon
import Foundation
import Keymap

func fail(_ message: String) -> Never {
    FileHandle.standardError.write(Data("KeymapBaker: \(message)\n".utf8))
    exit(1)
}

guard CommandLine.arguments.count == 3 else { fail("usage: KeymapBaker LAYOUT OUTPUT") }
let layout = CommandLine.arguments[1]
guard let context = xkb_context_new(XKB_CONTEXT_NO_FLAGS) else { fail("no xkb context") }
let keymap: OpaquePointer? = "evdev".withCString { rules in
    "pc105".withCString { model in
        layout.withCString { layout in
            var names = xkb_rule_names(rules: rules, model: model, layout: layout, variant: nil, options: nil)
            return xkb_keymap_new_from_names(context, &names, XKB_KEYMAP_COMPILE_NO_FLAGS)
        }
    }
}
guard let keymap else { fail("cannot compile layout \(layout)") }
guard let text = xkb_keymap_get_as_string(keymap, XKB_KEYMAP_FORMAT_TEXT_V1) else { fail("cannot print layout \(layout)") }

/// Evdev codes are X keycodes less eight.
let keyCount = 256
let realModifiers: UInt32 = 0xff

func mask(_ combination: Int) -> UInt32 {
    let bits: [Modifiers] = [.shift, .capsLock, .level3, .numLock]
    return bits.indices.reduce(0) { combination & (1 << $1) != 0 ? $0 | bits[$1].rawValue : $0 }
}

func symbol(_ code: Int, _ combination: Int) -> UInt32 {
    guard let state = xkb_state_new(keymap) else { fail("no state") }
    defer { xkb_state_unref(state) }
    xkb_state_update_mask(state, 0, 0, mask(combination), 0, 0, 0)
    let symbol = xkb_state_key_get_one_sym(state, UInt32(code + 8))
    let scalar = xkb_keysym_to_utf32(symbol)
    // Control characters (Enter, Tab, Escape) keep their own keysyms.
    return scalar >= 0x100 ? 0x0100_0000 + scalar : scalar >= 0x20 && scalar != 0x7f ? scalar : symbol
}

func properties(_ code: Int) -> UInt32 {
    guard let state = xkb_state_new(keymap) else { fail("no state") }
    defer { xkb_state_unref(state) }
    xkb_state_update_key(state, UInt32(code + 8), XKB_KEY_DOWN)
    let held = xkb_state_serialize_mods(state, XKB_STATE_MODS_DEPRESSED) & realModifiers
    xkb_state_update_key(state, UInt32(code + 8), XKB_KEY_UP)
    let locked = xkb_state_serialize_mods(state, XKB_STATE_MODS_LOCKED) & realModifiers
    return held | locked << 8 | (xkb_keymap_key_repeats(keymap, UInt32(code + 8)) != 0 ? 0x10000 : 0)
}

let textBytes = Array(UnsafeRawBufferPointer(start: text, count: strlen(text) + 1))
var words: [UInt32] = [KeyTable.magic, KeyTable.version, UInt32(keyCount), UInt32(textBytes.count)]
for code in 0..<keyCount {
    for combination in 0..<KeyTable.combinations { words.append(symbol(code, combination)) }
}
for code in 0..<keyCount { words.append(properties(code)) }
var data = words.withUnsafeBytes { Data($0) }
data.append(contentsOf: textBytes)
guard FileManager.default.createFile(atPath: CommandLine.arguments[2], contents: data) else {
    fail("cannot write \(CommandLine.arguments[2])")
}
