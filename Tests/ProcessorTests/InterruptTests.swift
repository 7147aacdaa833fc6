// Interrupt controllers and what is decided about interrupts, without the hardware.

import Processor
import Testing

/// A local APIC's registers. In x2APIC mode what does not exist would be a general protection fault.
private final class FakeAPIC: APICAccess {
    var values: [APICRegister: UInt32] = [:]
    var order: [APICRegister] = []
    func read(_ register: APICRegister) -> UInt32 { values[register] ?? 0 }
    func write(_ register: APICRegister, _ value: UInt32) {
        values[register] = value
        order.append(register)
    }
}

@Suite struct LocalAPICTests {
    @Test func bringUpEnablesAllButTimerAndPIC() {
        let apic = FakeAPIC()
        APICSetup.bringUp(apic, errorVector: 254, spuriousVector: 255)
        #expect(apic.values[.spurious] == 0x1ff)
        #expect(apic.values[.taskPriority] == 0)
        #expect(apic.values[.timer] == 1 << 16)
        #expect(apic.values[.lint0] == 1 << 16)
        #expect(apic.values[.lint1] == 0x400)
        #expect(apic.values[.error] == 254)
        // While it is off it keeps local interrupts masked.
        #expect(apic.order.firstIndex(of: .spurious)! < apic.order.firstIndex(of: .error)!)
    }

    @Test func bringUpTouchesOnlyWhatX2APICHas() {
        let apic = FakeAPIC()
        APICSetup.bringUp(apic, errorVector: 254, spuriousVector: 255)
        #expect(apic.order.allSatisfy { $0.modelSpecific != nil })
        #expect(APICRegister.identifier.modelSpecific == 0x802)
        #expect(APICRegister.taskPriority.modelSpecific == 0x808)
        #expect(APICRegister.endOfInterrupt.modelSpecific == 0x80b)
        #expect(APICRegister.timer.modelSpecific == 0x832)
        #expect(APICRegister.initialCount.modelSpecific == 0x838)
        #expect(APICRegister.commandTarget.modelSpecific == nil)
    }

    @Test func modesAreSwitchedInOneStep() {
        #expect(APICSetup.base(0xfee0_0900, usesX2APIC: false) == 0xfee0_0900)
        #expect(APICSetup.base(0xfee0_0100, usesX2APIC: true) == 0xfee0_0d00)
        // The firmware has done it already.
        #expect(APICSetup.base(0xfee0_0d00, usesX2APIC: true) == 0xfee0_0d00)
    }
}

@Suite struct InterruptDecisionTests {
    @Test func floodsAreShutOff() {
        var stuck = FloodGuard()
        let when = (1...).first { _ in stuck.note(.notMine) }
        #expect(when == Int(FloodGuard.window))
        var shared = FloodGuard()
        // A line whose other device is busy: most are not this one's, but some are somebody's.
        for turn in 0..<Int(FloodGuard.window) * 3 {
            let isFlood = shared.note(turn % 100 == 0 ? .served : .notMine)
            #expect(!isFlood)
        }
        #expect(shared.unclaimedEver == UInt64(FloodGuard.window) * 3 * 99 / 100)
        var good = FloodGuard()
        for _ in 0..<Int(FloodGuard.window) * 2 {
            let isFlood = good.note(.served)
            #expect(!isFlood)
        }
    }

    @Test func interruptsAreSpread() {
        #expect(InterruptBalance.choose(allowed: .max, loads: [1, 0, 2]) == 1)
        #expect(InterruptBalance.choose(allowed: 0b101, loads: [1, 0, 2]) == 0)
        #expect(InterruptBalance.choose(allowed: 0, loads: [1, 0]) == nil)
        #expect(InterruptBalance.choose(allowed: 1 << 5, loads: [1, 0]) == nil)
        var loads = [0, 0, 0, 0]
        for _ in 0..<16 { loads[InterruptBalance.choose(allowed: .max, loads: loads)!] += 1 }
        #expect(loads == [4, 4, 4, 4])
    }

    @Test func overridesSayWhereLegacyLinesGo() {
        var topology = InterruptTopology()
        topology.overrides = [
            .init(source: 0, input: 2, isLevel: false, isActiveLow: false),
            .init(source: 9, input: 9, isLevel: true, isActiveLow: true),
        ]
        #expect(topology.input(ofLegacy: 0).input == 2)
        #expect(topology.input(ofLegacy: 9).isLevel)
        #expect(topology.input(ofLegacy: 1).input == 1)
        #expect(!topology.input(ofLegacy: 1).isLevel)
    }
}

@Suite struct SavedStateTests {
    private func description(_ change: (inout XSaveImage.Description) -> Void = { _ in }) -> XSaveImage.Description {
        var description = XSaveImage.Description(mask: 7, byteCount: 832)
        description.present = 7
        change(&description)
        return description
    }

    @Test func layoutIsThatOfLinux() {
        #expect(MemoryLayout<XSaveImage.Description>.size == XSaveImage.headerEnd - XSaveImage.descriptionOffset)
        #expect(MemoryLayout<XSaveImage.Description>.offset(of: \.byteCount) == 16)
        #expect(MemoryLayout<XSaveImage.Description>.offset(of: \.present) == 48)
    }

    @Test func whatWouldFaultIsRefused() {
        #expect(description().isRestorable(mask: 7))
        #expect(!description { $0.present = 15 }.isRestorable(mask: 7))
        #expect(!description { $0.compaction = 1 << 63 }.isRestorable(mask: 7))
        #expect(!description { $0.reserved = 1 }.isRestorable(mask: 7))
        #expect(description { $0.ignored.0 = 1 }.isRestorable(mask: 7))
    }

    @Test func descriptionsAreRecognised() {
        #expect(description().isWhole(mask: 7, byteCount: 832))
        #expect(!description().isWhole(mask: 3, byteCount: 832))
        #expect(!description().isWhole(mask: 7, byteCount: 2696))
        #expect(!description { $0.mark = 0 }.isWhole(mask: 7, byteCount: 832))
    }

    @Test func legacyStatesAreCompleted() {
        var bytes = [UInt8](repeating: 0xff, count: 832)
        let isRefused = bytes.withUnsafeMutableBytes { !XSaveImage.completeLegacy($0, controlMask: 0xffff) }
        #expect(isRefused)
        bytes.withUnsafeMutableBytes { $0.storeBytes(of: 0x1f80, toByteOffset: 24, as: UInt32.self) }
        let isTaken = bytes.withUnsafeMutableBytes { XSaveImage.completeLegacy($0, controlMask: 0xffff) }
        #expect(isTaken)
        #expect(bytes[..<512].contains(0xff) && bytes[512] == 3 && bytes[513...].allSatisfy { $0 == 0 })
    }
}
