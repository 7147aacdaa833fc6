// ACPI's tables as far as the kernel reads them, made by hand; and the battery-backed clock's registers.

import ACPI
import KernelSeams
import RealTimeClock
import Testing

@Suite struct TableTests {
    private func hpet(_ memory: Memory, space: UInt8 = 0, address: UInt64 = 0xfed0_0000) {
        memory.table("HPET", at: 0x2000, byteCount: 56) { offset in
            memory.store(space, at: offset + 40)
            memory.store(address, at: offset + 44)
        }
    }

    @Test func noTablesAreNoTimers() {
        let tables = Memory().tables()
        #expect(tables.hpet == nil)
        #expect(tables.powerTimerPort == nil)
        #expect(tables.interrupts.ioAPICs.isEmpty)
    }

    @Test func theHPETIsFound() {
        let memory = Memory()
        hpet(memory)
        memory.root([0x2000])
        #expect(memory.tables().hpet == 0xfed0_0000)
    }

    @Test func animpossibleHPETIsIgnored() {
        for (space, address) in [(1, 0xfed0_0000), (0, 0), (0, 0xfed0_0008)] as [(UInt8, UInt64)] {
            let memory = Memory()
            hpet(memory, space: space, address: address)
            memory.root([0x2000])
            #expect(memory.tables().hpet == nil)
        }
        let damaged = Memory()
        hpet(damaged)
        damaged.root([0x2000])
        damaged.damage(0x2000 + 50)
        #expect(damaged.tables().hpet == nil)
    }

    @Test func severalIOAPICsAndX2APICProcessorsAreListed() {
        let memory = Memory()
        memory.table("APIC", at: 0x3000, byteCount: 44 + 12 + 12 + 8 + 16 + 10) { offset in
            memory.store(UInt32(0xfee0_0000), at: offset + 36)
            var entry = offset + 44
            for (index, input) in [UInt32(0), 24].enumerated() {
                memory.store(UInt8(1), at: entry)
                memory.store(UInt8(12), at: entry + 1)
                memory.store(UInt32(0xfec0_0000 + index * 0x1000), at: entry + 4)
                memory.store(input, at: entry + 8)
                entry += 12
            }
            memory.store(UInt8(0), at: entry)
            memory.store(UInt8(8), at: entry + 1)
            memory.store(UInt8(3), at: entry + 3)
            memory.store(UInt32(1), at: entry + 4)
            entry += 8
            memory.store(UInt8(9), at: entry)
            memory.store(UInt8(16), at: entry + 1)
            memory.store(UInt32(300), at: entry + 4)
            memory.store(UInt32(1), at: entry + 8)
            entry += 16
            memory.store(UInt8(2), at: entry)
            memory.store(UInt8(10), at: entry + 1)
            memory.store(UInt8(9), at: entry + 3)
            memory.store(UInt32(20), at: entry + 4)
            memory.store(UInt16(0xf), at: entry + 8)
        }
        memory.root([0x3000])
        let interrupts = memory.tables().interrupts
        #expect(interrupts.ioAPICs.map { $0.firstInput } == [0, 24])
        #expect(interrupts.processorIDs == [3, 300])
        let line = interrupts.input(ofLegacy: 9)
        #expect(line.input == 20 && line.isLevel && line.isActiveLow)
    }
}

@Suite struct BatteryClockTests {
    @Test func readingsBecomeTimes() {
        let reading = CMOSClock.Reading(second: 0x59, minute: 0x30, hour: 0x12, day: 0x29, month: 0x02, year: 0x24, format: 2)
        #expect(reading.unixSeconds == 1_709_209_859)
        let afternoon = CMOSClock.Reading(second: 0, minute: 0, hour: 0x81, day: 1, month: 1, year: 0x26, format: 0)
        #expect(afternoon.unixSeconds == 1_767_272_400)
        let nonsense = CMOSClock.Reading(second: 0xff, minute: 0xff, hour: 0xff, day: 0xff, month: 0xff, year: 0xff, format: 0xff)
        #expect(nonsense.unixSeconds == nil)
    }
}
