// Requests that change what is shown: mode, flip, damage, cursor; and waiting for the vertical blank.

import ABI
import DisplayModel
import Scheduling
import Support

extension CardFile {
    // MARK: Mode

    func setCRTC(_ request: IoctlRequest, _ argument: UInt64) throws(Errno) -> Int {
        try exchange(request, argument, DRMModeCRTC()) { (crtc) throws(Errno) in
            var connector: UInt32?
            if crtc.connectorCount == 1 { connector = try copyIn(UInt32.self, from: UserAddress(crtc.connectorsPointer)) }
            try card.state.withLock { (state) throws(Errno) in
                try requireMaster(state)
                guard crtc.crtcID == ModeObject.crtc else { throw .noEntry }
                if crtc.modeValid == 0 {
                    guard crtc.connectorCount == 0 else { throw .invalidArgument }
                    state.picture = nil
                    card.driver.blank()
                    return
                }
                guard crtc.connectorCount == 1 else { throw .invalidArgument }
                guard connector == ModeObject.connector else { throw .noEntry }
                let framebuffer: Framebuffer
                if crtc.framebufferID == .max {
                    guard let current = state.picture?.framebuffer else { throw .invalidArgument }
                    framebuffer = current
                } else {
                    framebuffer = try card.framebuffer(crtc.framebufferID, state)
                }
                guard crtc.mode.isConsistent, card.driver.supports(crtc.mode) else { throw .invalidArgument }
                try checkFit(framebuffer, crtc.mode, x: crtc.x, y: crtc.y)
                let picture = DisplayCard.Picture(framebuffer: framebuffer, mode: crtc.mode, x: Int32(crtc.x), y: Int32(crtc.y))
                try card.driver.show(framebuffer, source: picture.source)
                state.picture = picture
                state.isPoweredOff = false
            }
        }
    }

    private func checkFit(_ framebuffer: Framebuffer, _ mode: DRMModeInfo, x: UInt32, y: UInt32) throws(Errno) {
        guard UInt64(x) + UInt64(mode.hdisplay) <= UInt64(framebuffer.geometry.width),
            UInt64(y) + UInt64(mode.vdisplay) <= UInt64(framebuffer.geometry.height)
        else { throw .noSpace }
    }

    // MARK: Frames

    func pageFlip(_ request: IoctlRequest, _ argument: UInt64) throws(Errno) -> Int {
        try exchange(request, argument, DRMModePageFlip()) { (flip) throws(Errno) in
            // No asynchronous flips and no target ticks: the capabilities say so.
            guard flip.flags & ~DRMModePageFlip.event == 0, flip.reserved == 0 else { throw .invalidArgument }
            let wantsEvent = flip.flags & DRMModePageFlip.event != 0
            try card.state.withLock { (state) throws(Errno) in
                try requireMaster(state)
                guard flip.crtcID == ModeObject.crtc else { throw .noEntry }
                guard var picture = state.picture else { throw .busy }
                let framebuffer = try card.framebuffer(flip.framebufferID, state)
                try checkFit(framebuffer, picture.mode, x: UInt32(picture.x), y: UInt32(picture.y))
                guard framebuffer.format == picture.framebuffer.format else { throw .invalidArgument }
                if card.vblank.hasPendingFlip { throw .busy }
                if wantsEvent { try events.reserve() }
                do throws(Errno) {
                    var frame = card.driver.submittedFrame
                    // A client that reports its damage and flips to what is already shown only wants to know about the tick.
                    if !(framebuffer === picture.framebuffer && framebuffer.reportsDamage), !state.isPoweredOff {
                        frame = try card.driver.flip(
                            to: framebuffer, source: picture.source, isUploaded: framebuffer.reportsDamage)
                    }
                    picture.framebuffer = framebuffer
                    state.picture = picture
                    if wantsEvent {
                        var event = DRMEventVBlank()
                        event.type = DRMEventVBlank.flipComplete
                        event.userData = flip.userData
                        event.crtcID = ModeObject.crtc
                        try card.vblank.queue(event, for: events, sequence: card.vblank.currentSequence + 1, frame: frame)
                    }
                } catch {
                    if wantsEvent { events.cancelReservation() }
                    throw error
                }
            }
        }
    }

    /// Transfers exactly the rectangles that the client names, joined only where that moves no more pixels.
    func dirty(_ request: IoctlRequest, _ argument: UInt64) throws(Errno) -> Int {
        try exchange(request, argument, DRMModeDirty()) { (command) throws(Errno) in
            let count = try validatedClipCount(command)
            let clips = try copyInBytes(from: UserAddress(command.clipsPointer), count: count * MemoryLayout<DRMClipRect>.size)
            try card.state.withLock { (state) throws(Errno) in
                try requireMaster(state)
                let framebuffer = try card.framebuffer(command.framebufferID, state)
                var damage = DamageBatch(bounds: framebuffer.geometry.bounds)
                if count == 0 { damage.add(damage.bounds) }
                for index in 0..<count {
                    // SAFETY: `clips` holds `count` structures of 8 bytes; the load does not need alignment.
                    let clip = clips.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: index * 8, as: DRMClipRect.self) }
                    damage.add(ScreenRect(clip))
                }
                framebuffer.reportsDamage = true
                if damage.isEmpty { return }
                var source: ScreenRect?
                if let picture = state.picture, picture.framebuffer === framebuffer, !state.isPoweredOff {
                    source = picture.source
                }
                try card.driver.update(framebuffer, damage: damage, source: source)
            }
        }
    }

    // MARK: Cursor

    func cursor(_ request: IoctlRequest, _ argument: UInt64) throws(Errno) -> Int {
        try exchange(request, argument, DRMModeCursor()) { (command) throws(Errno) in
            try setCursor(command, hotX: 0, hotY: 0)
        }
    }

    func cursor2(_ request: IoctlRequest, _ argument: UInt64) throws(Errno) -> Int {
        try exchange(request, argument, DRMModeCursor2()) { (command) throws(Errno) in
            try setCursor(command.cursor, hotX: command.hotX, hotY: command.hotY)
        }
    }

    private func setCursor(_ command: DRMModeCursor, hotX: Int32, hotY: Int32) throws(Errno) {
        let known = DRMModeCursor.image | DRMModeCursor.move
        guard command.flags != 0, command.flags & ~known == 0 else { throw .invalidArgument }
        try card.state.withLock { (state) throws(Errno) in
            try requireMaster(state)
            guard command.crtcID == ModeObject.crtc else { throw .noEntry }
            guard let side = card.driver.cursorSide else { throw .noDeviceOrAddress }
            if command.flags & DRMModeCursor.image != 0 {
                if command.handle == 0 {
                    card.hideCursor(&state)
                } else {
                    let buffer = try buffer(command.handle)
                    guard command.width == side, command.height == side, buffer.pitch == side * 4,
                        buffer.byteCount >= UInt64(side) * UInt64(side) * 4,
                        hotX >= 0, hotY >= 0, hotX < Int32(side), hotY < Int32(side)
                    else { throw .invalidArgument }
                    let moves = command.flags & DRMModeCursor.move != 0
                    try card.driver.setCursor(buffer, hotX: hotX, hotY: hotY, position: moves ? (command.x, command.y) : nil)
                    buffer.addUse()
                    state.cursor?.endUse(card.driver)
                    state.cursor = buffer
                    return
                }
            }
            if command.flags & DRMModeCursor.move != 0 { try card.driver.moveCursor(x: command.x, y: command.y) }
        }
    }

    // MARK: Vertical blank

    func waitVBlank(_ request: IoctlRequest, _ argument: UInt64) throws(Errno) -> Int {
        try exchange(request, argument, DRMWaitVBlank()) { (wait) throws(Errno) in
            let known =
                DRMWaitVBlank.relative | DRMWaitVBlank.event | DRMWaitVBlank.nextOnMiss | DRMWaitVBlank.highCRTCMask
                | DRMWaitVBlank.secondary | DRMWaitVBlank.flip
            guard wait.type & ~known == 0 else { throw .invalidArgument }
            // There is one CRTC, so both ways of naming another are wrong.
            guard wait.type & (DRMWaitVBlank.highCRTCMask | DRMWaitVBlank.secondary) == 0 else { throw .invalidArgument }
            let vblank = card.vblank
            let current = vblank.currentSequence
            var target =
                wait.type & DRMWaitVBlank.relative != 0
                ? current + UInt64(wait.sequence) : vblank.clock.expand(wait.sequence, near: current)
            if wait.type & DRMWaitVBlank.nextOnMiss != 0, Int64(bitPattern: target &- current) <= 0 { target = current + 1 }
            if wait.type & DRMWaitVBlank.event != 0 {
                var event = DRMEventVBlank()
                event.type = DRMEventVBlank.vblank
                event.userData = wait.signalOrSeconds
                event.crtcID = ModeObject.crtc
                try events.reserve()
                do throws(Errno) {
                    try vblank.queue(event, for: events, sequence: max(Int64(bitPattern: target), 0).magnitude, frame: 0)
                } catch {
                    events.cancelReservation()
                    throw error
                }
                wait.sequence = UInt32(truncatingIfNeeded: target)
                return
            }
            if Int64(bitPattern: target &- current) > 0 {
                // Linux gives up after three seconds as well.
                let deadline = machineMonotonicNanoseconds() + 3_000_000_000
                vblank.armForWait(target)
                do throws(Errno) {
                    try vblank.waiters.wait(deadline: deadline) { vblank.currentSequence >= target }
                } catch {
                    throw error == .timedOut ? .busy : error
                }
            }
            let now = vblank.currentSequence
            let time = vblank.clock.time(of: now)
            wait.sequence = UInt32(truncatingIfNeeded: now)
            wait.signalOrSeconds = time / 1_000_000_000
            wait.microseconds = time % 1_000_000_000 / 1000
        }
    }
}
