import ABI
import Foundation
import Frames
import KernelSeams
import Support
import Testing
import VirtualMemory

@testable import Programs

@Suite struct ProgramTests {
    private func file(_ bytes: [UInt8]) throws -> PageCache {
        let cache = MemoryPageCache()
        #expect(try cache.put(bytes, at: 0) == bytes.count)
        return cache
    }

    private func append<T>(_ value: T, to bytes: inout [UInt8]) { withUnsafeBytes(of: value) { bytes += $0 } }

    /// A program with text, data and zeroed data, and an interpreter's name.
    private func sample(type: UInt16 = ElfHeader.typeExecutable, base: UInt64 = 0x40_0000, interpreter: Swift.String? = nil)
        -> [UInt8]
    {
        var header = ElfHeader()
        header.magic = ElfHeader.magicNumber
        header.fileClass = 2
        header.dataEncoding = 1
        header.identVersion = 1
        header.type = type
        header.machine = 62
        header.entry = base + 0x100
        header.programHeaderOffset = 64
        header.programHeaderSize = 56
        var programs: [ElfProgramHeader] = []
        func segment(_ flags: UInt32, _ offset: UInt64, _ file: UInt64, _ memory: UInt64) {
            var p = ElfProgramHeader()
            p.type = ElfProgramHeader.load
            p.flags = flags
            p.offset = offset
            p.address = base + offset
            p.fileByteCount = file
            p.memoryByteCount = memory
            p.alignment = 4096
            programs.append(p)
        }
        if let interpreter {
            var p = ElfProgramHeader()
            p.type = ElfProgramHeader.interpreter
            p.offset = 0x300
            p.fileByteCount = UInt64(interpreter.utf8.count + 1)
            programs.append(p)
        }
        segment(5, 0, 0x800, 0x800)
        segment(6, 0x1800, 0x400, 0x3000)
        header.programHeaderCount = UInt16(programs.count)
        var bytes: [UInt8] = []
        append(header, to: &bytes)
        for program in programs { append(program, to: &bytes) }
        bytes += [UInt8](repeating: 0x90, count: 0x2000 - bytes.count)
        if let interpreter {
            bytes.replaceSubrange(0x300..<0x300 + interpreter.utf8.count + 1, with: Array(interpreter.utf8) + [0])
        }
        return bytes
    }

    @Test func loadsSegmentsAndClearsTheRest() throws {
        FakeMemory.start()
        try withProcessor {
            let image = try ElfImage(reading: try file(sample()))
            #expect(image.interpreterPath == nil && !image.isPositionIndependent)
            let space = try AddressSpace()
            let program = try ProgramLoader.load(image, interpreter: nil, into: space)
            #expect(program.entry == 0x40_0100 && program.programHeaders == 0x40_0040 && program.dataEnd == 0x40_5000)
            #expect(try space.read(2, at: 0x40_0700) == [0x90, 0x90])
            #expect(try space.read(4, at: 0x40_1bfe) == [0x90, 0x90, 0, 0])
            #expect(try space.read(8, at: 0x40_4000) == [UInt8](repeating: 0, count: 8))
            let areas = space.areas
            #expect(areas.map { $0.protection.rawValue } == [5, 3, 3])
            #expect(areas.map { $0.start } == [0x40_0000, 0x40_1000, 0x40_2000])
            #expect(space.setBreak(0) >= 0x40_5000)
        }
    }

    @Test func positionIndependentWithInterpreter() throws {
        FakeMemory.start()
        try withProcessor {
            let image = try ElfImage(reading: try file(sample(type: ElfHeader.typeShared, base: 0, interpreter: "/lib/ld.so")))
            #expect(image.interpreterPath == Array("/lib/ld.so".utf8))
            let loader = try ElfImage(reading: try file(sample(type: ElfHeader.typeShared, base: 0)))
            let space = try AddressSpace()
            let program = try ProgramLoader.load(image, interpreter: loader, into: space)
            #expect(program.programEntry - 0x100 == space.layout.programBase)
            #expect(program.entry == program.interpreterBase + 0x100)
            #expect(program.interpreterBase > space.layout.programBase)
            #expect(space.areas.allSatisfy { !$0.protection.isEmpty })
        }
    }

    @Test func stackHoldsWhatTheABISays() throws {
        FakeMemory.start()
        try withProcessor {
            let space = try AddressSpace()
            let program = try ProgramLoader.load(try ElfImage(reading: try file(sample())), interpreter: nil, into: space)
            let arguments = ProgramStrings(["prog", "", "two words"].map { Array($0.utf8) })
            let environment = ProgramStrings([Array("A=b".utf8)])
            var identity = ProgramIdentity()
            identity.userID = 1000
            var random = Seeded(60)
            let stack = try InitialStack(
                in: space, program: program, arguments: arguments, environment: environment, path: Array("/bin/prog".utf8),
                identity: identity, hardware: HardwareCapabilities(first: 0x1234, second: 2), random: { random.next() })
            #expect(stack.pointer & 15 == 0)
            func word(_ address: UInt64) throws -> UInt64 {
                try space.read(8, at: address).enumerated().reduce(0) { $0 | UInt64($1.element) << (8 * UInt64($1.offset)) }
            }
            func string(_ address: UInt64) throws -> Swift.String {
                var bytes: [UInt8] = []
                while let byte = try space.read(1, at: address + UInt64(bytes.count)).first, byte != 0 { bytes.append(byte) }
                return Swift.String(decoding: bytes, as: UTF8.self)
            }
            #expect(try word(stack.pointer) == 3)
            #expect(try string(try word(stack.pointer + 8)) == "prog")
            #expect(try string(try word(stack.pointer + 16)) == "")
            #expect(try string(try word(stack.pointer + 24)) == "two words")
            #expect(try word(stack.pointer + 32) == 0)
            #expect(try string(try word(stack.pointer + 40)) == "A=b")
            #expect(try word(stack.pointer + 48) == 0)
            var auxiliary: [UInt64: UInt64] = [:]
            var cursor = stack.pointer + 56
            while try word(cursor) != 0 {
                auxiliary[try word(cursor)] = try word(cursor + 8)
                cursor += 16
            }
            #expect(auxiliary[AuxiliaryKey.entry] == 0x40_0100)
            #expect(auxiliary[AuxiliaryKey.userID] == 1000)
            #expect(auxiliary[AuxiliaryKey.programHeaderCount] == 2)
            #expect(try string(auxiliary[AuxiliaryKey.executableName]!) == "/bin/prog")
            #expect(try string(auxiliary[AuxiliaryKey.platform]!) == "x86_64")
            #expect(try space.read(16, at: auxiliary[AuxiliaryKey.random]!) != [UInt8](repeating: 0, count: 16))
            #expect(try space.read(16, at: stack.argumentRange.start) == Array("prog\0\0two words\0".utf8))
        }
    }

    /// Damaged headers: refused or loaded, but never a trap, and no frame lost.
    @Test func damagedFiles() throws {
        FakeMemory.start()
        try withProcessor {
            let good = sample(type: ElfHeader.typeShared, base: 0, interpreter: "/lib/ld.so")
            var random = Seeded(61)
            var loaded = 0
            let before = FrameAllocator.freeFrames
            for _ in 0..<6000 {
                var bytes = good
                for _ in 0...random.below(3) {
                    let place = random.below(64 + 3 * 56)
                    bytes[place] = random.chance(50) ? UInt8(random.below(256)) : [0, 1, 0x7f, 0x80, 0xff][random.below(5)]
                }
                if random.chance(20) { bytes.removeLast(random.below(bytes.count)) }
                let code = errorNumber { () throws(Errno) in
                    let cache = MemoryPageCache()
                    _ = try cache.put(bytes, at: 0)
                    let image = try ElfImage(reading: cache)
                    _ = try ProgramLoader.load(image, interpreter: nil, into: try AddressSpace())
                    loaded += 1
                }
                #expect([0, 8, 12, 600].contains(code))
            }
            #expect(loaded > 100)
            #expect(FrameAllocator.freeFrames + 300 > before)
        }
    }

    @Test func scripts() throws {
        func parse(_ text: Swift.String) -> Script? { try? Script.parse(Array(text.utf8)) }
        #expect(parse("#!/bin/sh\nexit") == Script(interpreter: Array("/bin/sh".utf8), argument: nil))
        #expect(
            parse("#! \t/usr/bin/env  python3 -u \nx")
                == Script(interpreter: Array("/usr/bin/env".utf8), argument: Array("python3 -u".utf8)))
        #expect(parse("#!/bin/true") == Script(interpreter: Array("/bin/true".utf8), argument: nil))
        #expect(parse("\u{7f}ELF") == nil)
        #expect(errorNumber { () throws(Errno) in _ = try Script.parse(Array("#!   \n".utf8)) } == 8)
        #expect(
            errorNumber { () throws(Errno) in _ = try Script.parse(Array(("#!/" + Swift.String(repeating: "a", count: 253)).utf8))
            } == 8)
        var strings = ProgramStrings([Array("a".utf8), Array("b".utf8)])
        strings.removeFirst()
        strings.prepend(Array("sh".utf8))
        #expect(strings.bytes == Array("sh\0b\0".utf8) && strings.count == 2 && strings.first == Array("sh".utf8))
    }
}
