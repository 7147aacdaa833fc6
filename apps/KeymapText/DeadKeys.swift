// Dead keys: an accent that waits for the letter that it belongs on.

/// Puts accents on letters.
public struct DeadKeys: Sendable {
    /// The keysym of the dead key that was pressed last.
    private var pending: UInt32 = 0

    public init() {}

    /// What a key press means after those before it.
    public enum Result: Equatable, Sendable {
        /// The key types what it always does.
        case unchanged
        /// The key was dead: nothing is typed yet.
        case waiting
        /// The key types this character instead of its own.
        case character(Unicode.Scalar)
    }

    /// Takes a key press with its symbol and the character that it would type.
    public mutating func press(symbol: UInt32, character: Unicode.Scalar?) -> Result {
        let accent = pending
        if DeadKeys.spacing(symbol) != nil {
            // The same accent twice types the accent.
            pending = accent == symbol ? 0 : symbol
            if accent == symbol, let mark = DeadKeys.spacing(symbol) { return .character(mark) }
            return .waiting
        }
        guard accent != 0 else { return .unchanged }
        // Shift and its like may be pressed between the accent and the letter.
        if (0xFFE1...0xFFEE).contains(symbol) || (0xFE01...0xFE13).contains(symbol) { return .unchanged }
        pending = 0
        guard let character else { return .unchanged }
        if character == " ", let mark = DeadKeys.spacing(accent) { return .character(mark) }
        if let composed = DeadKeys.compose(accent, character) { return .character(composed) }
        return .unchanged
    }

    /// Forgets an accent that waits.
    public mutating func reset() { pending = 0 }

    /// The accent by itself; nil for a keysym that is no dead key.
    private static func spacing(_ symbol: UInt32) -> Unicode.Scalar? {
        let marks = "`´^~¯˘˙¨°˝ˇ¸˛"
        guard symbol >= 0xFE50, symbol <= 0xFE5C else { return nil }
        return Array(marks.unicodeScalars)[Int(symbol - 0xFE50)]
    }

    /// The letter with the accent, as one character.
    private static func compose(_ accent: UInt32, _ letter: Unicode.Scalar) -> Unicode.Scalar? {
        var takesNext = false
        for (index, scalar) in pairs(accent).unicodeScalars.enumerated() {
            if takesNext { return scalar }
            takesNext = index % 2 == 0 && scalar == letter
        }
        return nil
    }

    /// Letters, each followed by itself with the accent (Unicode's canonical compositions).
    private static func pairs(_ accent: UInt32) -> String {
        switch accent {
        // grave
        case 0xFE50: "AÀEÈIÌNǸOÒUÙaàeèiìnǹoòuùÜǛüǜЕЀИЍеѐиѝ"
        // acute
        case 0xFE51:
            "AÁCĆEÉGǴIÍLĹNŃOÓRŔSŚUÚYÝZŹaácćeégǵiílĺnńoórŕsśuúyýzźÅǺÆǼØǾÜǗåǻæǽøǿüǘΑΆΕΈΗΉΙΊΟΌΥΎΩΏαάεέηήιίοόυύωώГЃКЌ"
                + "гѓкќ"
        // circumflex
        case 0xFE52: "AÂCĈEÊGĜHĤIÎJĴOÔSŜUÛWŴYŶaâcĉeêgĝhĥiîjĵoôsŝuûwŵyŷ"
        // tilde
        case 0xFE53: "AÃIĨNÑOÕUŨaãiĩnñoõuũ"
        // macron
        case 0xFE54: "AĀEĒIĪOŌUŪYȲaāeēiīoōuūyȳÄǞÆǢÕȬÖȪÜǕäǟæǣõȭöȫüǖǪǬǫǭȦǠȧǡȮȰȯȱИӢУӮиӣуӯ"
        // breve
        case 0xFE55: "AĂEĔGĞIĬOŎUŬaăeĕgğiĭoŏuŭАӐЕӖЖӁИЙУЎаӑеӗжӂийуў"
        // dot above
        case 0xFE56: "AȦCĊEĖGĠIİOȮZŻaȧcċeėgġoȯzż"
        // diaeresis
        case 0xFE57: "AÄEËIÏOÖUÜYŸaäeëiïoöuüyÿΙΪΥΫιϊυϋАӒЕЁЖӜЗӞИӤОӦУӰЧӴЫӸЭӬаӓеёжӝзӟиӥоӧуӱчӵыӹэӭ"
        // ring
        case 0xFE58: "AÅUŮaåuů"
        // double acute
        case 0xFE59: "OŐUŰoőuűУӲуӳ"
        // caron
        case 0xFE5A: "AǍCČDĎEĚGǦHȞIǏKǨLĽNŇOǑRŘSŠTŤUǓZŽaǎcčdďeěgǧhȟiǐjǰkǩlľnňoǒrřsštťuǔzžÜǙüǚƷǮ"
        // cedilla
        case 0xFE5B: "CÇEȨGĢKĶLĻNŅRŖSŞTŢcçeȩgģkķlļnņrŗsştţ"
        // ogonek
        case 0xFE5C: "AĄEĘIĮOǪUŲaąeęiįoǫuųŌǬōǭ"
        default: ""
        }
    }
}
