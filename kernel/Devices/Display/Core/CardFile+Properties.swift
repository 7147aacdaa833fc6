// Properties: the connector's EDID and power state, the planes' type.

import ABI
import DisplayModel
import Scheduling
import Support

/// The properties that exist.
private enum Property: UInt32 {
    case edid = 1
    case powerState = 2
    case planeType = 8
}

extension CardFile {
    /// The connector's properties and their values.
    func connectorProperties() -> [(UInt32, UInt64)] {
        let (hasEDID, isOff) = card.state.withLock { state in (!card.driver.edid.isEmpty, state.isPoweredOff) }
        return [
            (Property.edid.rawValue, hasEDID ? UInt64(ModeObject.edidBlob) : 0),
            (Property.powerState.rawValue, isOff ? 3 : 0),
        ]
    }

    func copyOutProperties(
        _ properties: [(UInt32, UInt64)], identifiers: UInt64, values: UInt64, room: inout UInt32
    ) throws(Errno) {
        for index in 0..<min(Int(room), properties.count) {
            try copyOut(properties[index].0, to: UserAddress(identifiers) + index * 4)
            try copyOut(properties[index].1, to: UserAddress(values) + index * 8)
        }
        room = UInt32(properties.count)
    }

    func objectProperties(_ request: IoctlRequest, _ argument: UInt64) throws(Errno) -> Int {
        try exchange(request, argument, DRMModeObjectProperties()) { (object) throws(Errno) in
            let type: UInt32
            var properties: [(UInt32, UInt64)] = []
            switch object.objectID {
            case ModeObject.connector:
                type = DRMModeObjectProperties.connector
                properties = connectorProperties()
            case ModeObject.crtc: type = DRMModeObjectProperties.crtc
            case ModeObject.primaryPlane:
                type = DRMModeObjectProperties.plane
                properties = [(Property.planeType.rawValue, 1)]
            case ModeObject.cursorPlane where card.driver.cursorSide != nil:
                type = DRMModeObjectProperties.plane
                properties = [(Property.planeType.rawValue, 2)]
            // Encoders exist, but objects of that kind have no properties.
            case ModeObject.encoder: throw .invalidArgument
            default: throw .noEntry
            }
            guard object.objectType == DRMModeObjectProperties.any || object.objectType == type else { throw .noEntry }
            try copyOutProperties(
                properties, identifiers: object.propertiesPointer, values: object.propertyValuesPointer,
                room: &object.propertyCount)
        }
    }

    func property(_ request: IoctlRequest, _ argument: UInt64) throws(Errno) -> Int {
        try exchange(request, argument, DRMModeProperty()) { (property) throws(Errno) in
            guard let known = Property(rawValue: property.propertyID) else { throw .noEntry }
            var enums: [(UInt64, StaticString)] = []
            switch known {
            case .edid:
                property.name = nameField("EDID")
                property.flags = DRMModeProperty.blob | DRMModeProperty.immutable
            case .powerState:
                property.name = nameField("DPMS")
                property.flags = DRMModeProperty.enumeration
                enums = [(0, "On"), (1, "Standby"), (2, "Suspend"), (3, "Off")]
            case .planeType:
                property.name = nameField("type")
                property.flags = DRMModeProperty.enumeration | DRMModeProperty.immutable
                enums = [(0, "Overlay"), (1, "Primary"), (2, "Cursor")]
            }
            if Int(property.valueCount) >= enums.count {
                for index in enums.indices {
                    try copyOut(enums[index].0, to: UserAddress(property.valuesPointer) + index * 8)
                }
            }
            if Int(property.enumCount) >= enums.count {
                for index in enums.indices {
                    var entry = DRMModePropertyEnum()
                    entry.value = enums[index].0
                    entry.name = nameField(enums[index].1)
                    try copyOut(entry, to: UserAddress(property.enumsPointer) + index * MemoryLayout<DRMModePropertyEnum>.stride)
                }
            }
            property.valueCount = UInt32(enums.count)
            property.enumCount = UInt32(enums.count)
        }
    }

    func propertyBlob(_ request: IoctlRequest, _ argument: UInt64) throws(Errno) -> Int {
        try exchange(request, argument, DRMModeBlob()) { (blob) throws(Errno) in
            let edid = card.state.withLock { _ in card.driver.edid }
            guard blob.blobID == ModeObject.edidBlob, !edid.isEmpty else { throw .noEntry }
            // Whole or not at all: the program asks for the length first.
            if Int(blob.length) == edid.count { try copyOutBytes(edid, to: UserAddress(blob.dataPointer)) }
            blob.length = UInt32(edid.count)
        }
    }

    func setConnectorProperty(_ request: IoctlRequest, _ argument: UInt64) throws(Errno) -> Int {
        try exchange(request, argument, DRMModeConnectorSetProperty()) { (command) throws(Errno) in
            guard command.connectorID == ModeObject.connector else { throw .noEntry }
            try set(command.propertyID, command.value)
        }
    }

    func setObjectProperty(_ request: IoctlRequest, _ argument: UInt64) throws(Errno) -> Int {
        try exchange(request, argument, DRMModeObjectSetProperty()) { (command) throws(Errno) in
            guard command.objectID == ModeObject.connector else { throw .noEntry }
            try set(command.propertyID, command.value)
        }
    }

    /// Only the power state can be set: off blanks the screen, on shows the picture again.
    private func set(_ property: UInt32, _ value: UInt64) throws(Errno) {
        try card.state.withLock { (state) throws(Errno) in
            try requireMaster(state)
            guard property == Property.powerState.rawValue, value <= 3 else { throw .invalidArgument }
            let isOff = value != 0
            if isOff == state.isPoweredOff { return }
            state.isPoweredOff = isOff
            guard let picture = state.picture else { return }
            if isOff { card.driver.blank() } else { try card.driver.show(picture.framebuffer, source: picture.source) }
        }
    }
}
