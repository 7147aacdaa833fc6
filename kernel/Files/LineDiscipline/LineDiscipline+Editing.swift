import ABI

// Canonical mode: the characters that end and edit the line being typed, which lies between `lineEnd` and `head`.
extension LineDiscipline {
    /// - Returns: whether the character was consumed by editing.
    mutating func receiveCanonical(_ c: UInt8, _ output: inout some TerminalOutput & ~Copyable) -> Bool {
        let isExtended = has(local: LocalMode.extended)
        if c == termios[.erase] || c == termios[.kill] || (c == termios[.wordErase] && isExtended) {
            erase(c)
            commitEchoes(&output)
            return true
        }
        if c == termios[.literalNext], isExtended {
            literalNext = true
            if has(local: LocalMode.echo) {
                finishErasing()
                if has(local: LocalMode.echoControl) {
                    // A caret under the cursor until the next character overwrites it.
                    echo.append(.byte, 0x5E)
                    echo.append(.byte, 0x08)
                    commitEchoes(&output)
                }
            }
            return true
        }
        if c == termios[.reprint], has(local: LocalMode.echo), isExtended {
            finishErasing()
            echoCharacter(c)
            echo.append(.byte, 0x0A)
            var position = lineEnd
            while position < head {
                echoCharacter(byte(position))
                position += 1
            }
            commitEchoes(&output)
            return true
        }
        if c == 0x0A {
            if has(local: LocalMode.echo | LocalMode.echoNewline) {
                echo.append(.byte, c)
                commitEchoes(&output)
            }
            endLine(with: c)
            return true
        }
        if c == termios[.endOfFile] {
            // The mark on a NUL means that the line ends here without a byte.
            endLine(with: 0)
            return true
        }
        if c == termios[.endOfLine] || (c == termios[.endOfLine2] && isExtended) {
            if has(local: LocalMode.echo) {
                echoTyped(c)
                commitEchoes(&output)
            }
            if c == 0xFF, has(input: InputMode.markParityErrors) { enqueue(c) }
            endLine(with: c)
            return true
        }
        return false
    }

    private mutating func endLine(with c: UInt8) {
        setMark(head)
        enqueue(c)
        lineEnd = head
        effects.insert(.readable)
    }

    /// ERASE, WERASE or KILL.
    private mutating func erase(_ c: UInt8) {
        if head == lineEnd { return }
        let isErase = c == termios[.erase]
        let isWord = !isErase && c == termios[.wordErase] && has(local: LocalMode.extended)
        let isEchoed = has(local: LocalMode.echo)
        if !isErase, !isWord {
            if !isEchoed {
                head = lineEnd
                return
            }
            if !has(local: LocalMode.echoKill) || !has(local: LocalMode.echoKillErase) || !has(local: LocalMode.echoErase) {
                head = lineEnd
                finishErasing()
                echoCharacter(termios[.kill])
                if has(local: LocalMode.echoKill) { echo.append(.byte, 0x0A) }
                return
            }
        }
        var sawWord = false
        while head > lineEnd {
            // One character may be several bytes of UTF-8.
            var start = head
            var first: UInt8
            repeat {
                start -= 1
                first = byte(start)
            } while isContinuation(first) && start > lineEnd
            if isContinuation(first) { break }
            if isWord {
                if isWordCharacter(first) { sawWord = true } else if sawWord { break }
            }
            let end = head
            head = start
            if isEchoed { echoErasure(of: first, start: start, end: end, isErase: isErase) }
            if isErase { break }
        }
        if head == lineEnd, isEchoed { finishErasing() }
    }

    private mutating func echoErasure(of c: UInt8, start: Int, end: Int, isErase: Bool) {
        if has(local: LocalMode.echoPrint) {
            if !isErasing {
                echo.append(.byte, 0x5C)
                isErasing = true
            }
            echoCharacter(c)
            var position = start + 1
            while position < end {
                echo.append(.byte, byte(position))
                echo.append(.moveBack)
                position += 1
            }
        } else if isErase, !has(local: LocalMode.echoErase) {
            echoCharacter(termios[.erase])
        } else if c == 0x09 {
            echoTabErasure()
        } else {
            let isControl = isControlCharacter(c)
            let caret = has(local: LocalMode.echoControl)
            if isControl, caret { echoRubout() }
            if !isControl || caret { echoRubout() }
        }
    }

    private mutating func echoRubout() {
        echo.append(.byte, 0x08)
        echo.append(.byte, 0x20)
        echo.append(.byte, 0x08)
    }

    /// Goes back over a tab: by how far depends on the columns since the previous tab, or since the line began.
    private mutating func echoTabErasure() {
        var columns = 0
        var followsTab = false
        var position = head
        while position > lineEnd {
            position -= 1
            let c = byte(position)
            if c == 0x09 {
                followsTab = true
                break
            } else if isControlCharacter(c) {
                if has(local: LocalMode.echoControl) { columns += 2 }
            } else if !isContinuation(c) {
                columns += 1
            }
        }
        echo.append(.eraseTab, UInt8(columns & 7) | (followsTab ? 0x80 : 0))
    }

    /// Whether a byte continues a UTF-8 character (IUTF8).
    @inline(__always)
    func isContinuation(_ c: UInt8) -> Bool { c & 0xC0 == 0x80 && has(input: InputMode.utf8) }
}
