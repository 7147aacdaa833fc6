// Requests about the device and the client: version, capabilities, master.

import ABI
import DisplayModel
import Scheduling
import Support

extension CardFile {
    func version(_ request: IoctlRequest, _ argument: UInt64) throws(Errno) -> Int {
        try exchange(request, argument, DRMVersion()) { (version) throws(Errno) in
            version.major = 1
            version.minor = 0
            version.patchLevel = 0
            try copyOutText("martlet", to: version.name, room: &version.nameLength)
            try copyOutText("20250101", to: version.date, room: &version.dateLength)
            try copyOutText(card.driver.summary, to: version.description, room: &version.descriptionLength)
        }
    }

    func unique(_ request: IoctlRequest, _ argument: UInt64) throws(Errno) -> Int {
        // A card without a bus identifier: the name is empty.
        try exchange(request, argument, DRMUnique()) { (unique) throws(Errno) in unique.length = 0 }
    }

    /// Every client counts as authenticated, so the number proves nothing and any is accepted.
    func magic(_ request: IoctlRequest, _ argument: UInt64) throws(Errno) -> Int {
        try exchange(request, argument, DRMAuthentication()) { (value) throws(Errno) in
            value.magic = UInt32(truncatingIfNeeded: serial)
        }
    }

    func authenticate(_ request: IoctlRequest, _ argument: UInt64) throws(Errno) -> Int {
        try card.state.withLock { (state) throws(Errno) in try requireMaster(state) }
        return try exchange(request, argument, DRMAuthentication()) { (value) throws(Errno) in
            if value.magic == 0 { throw .invalidArgument }
        }
    }

    func client(_ request: IoctlRequest, _ argument: UInt64) throws(Errno) -> Int {
        try exchange(request, argument, DRMClient()) { (client) throws(Errno) in
            // Only the question "am I authenticated?" (index 0) is answered, as in Linux.
            if client.index != 0 { throw .invalidArgument }
            client = DRMClient()
            client.authenticated = 1
        }
    }

    func setVersion(_ request: IoctlRequest, _ argument: UInt64) throws(Errno) -> Int {
        try card.state.withLock { (state) throws(Errno) in try requireMaster(state) }
        return try exchange(request, argument, DRMSetVersion()) { (version) throws(Errno) in
            let isKnown =
                version.interfaceMajor == -1
                || version.interfaceMajor == 1 && version.interfaceMinor >= 0 && version.interfaceMinor <= 4
            let isDriverKnown = version.driverMajor == -1 || version.driverMajor == 1 && version.driverMinor == 0
            version.interfaceMajor = 1
            version.interfaceMinor = 4
            version.driverMajor = 1
            version.driverMinor = 0
            if !isKnown || !isDriverKnown { throw .invalidArgument }
        }
    }

    func capability(_ request: IoctlRequest, _ argument: UInt64) throws(Errno) -> Int {
        try exchange(request, argument, DRMCapability()) { (capability) throws(Errno) in
            switch capability.capability {
            case DRMCapability.dumbBuffer, DRMCapability.timestampMonotonic, DRMCapability.crtcInVBlankEvent,
                DRMCapability.vblankHighCRTC:
                capability.value = 1
            case DRMCapability.dumbPreferredDepth: capability.value = 24
            // Buffers are ordinary cached memory: programs may draw and read in them directly.
            case DRMCapability.dumbPreferShadow, DRMCapability.prime, DRMCapability.asyncPageFlip, DRMCapability.addFB2Modifiers,
                DRMCapability.pageFlipTarget, DRMCapability.syncObject, DRMCapability.syncObjectTimeline:
                capability.value = 0
            case DRMCapability.cursorWidth, DRMCapability.cursorHeight: capability.value = UInt64(card.driver.cursorSide ?? 64)
            default: throw .invalidArgument
            }
        }
    }

    func clientCapability(_ request: IoctlRequest, _ argument: UInt64) throws(Errno) -> Int {
        try exchange(request, argument, DRMCapability()) { (capability) throws(Errno) in
            switch capability.capability {
            case DRMCapability.clientUniversalPlanes:
                if capability.value > 1 { throw .invalidArgument }
                let isOn = capability.value == 1
                card.state.withLock { _ in seesAllPlanes = isOn }
            case DRMCapability.clientStereo3D, DRMCapability.clientAspectRatio:
                if capability.value > 1 { throw .invalidArgument }
            case DRMCapability.clientAtomic, DRMCapability.clientWritebackConnectors: throw .notSupported
            default: throw .invalidArgument
            }
        }
    }

    func setMaster() throws(Errno) -> Int {
        try card.state.withLock { (state) throws(Errno) in
            if state.master == serial { return 0 }
            if state.master != 0 { throw .busy }
            state.master = serial
            return 0
        }
    }

    func dropMaster() throws(Errno) -> Int {
        try card.state.withLock { (state) throws(Errno) in
            if state.master != serial { throw .invalidArgument }
            state.master = 0
            return 0
        }
    }
}
