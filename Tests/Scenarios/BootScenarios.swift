// From power-on to the first process, and what happens when that is not possible.

import Foundation
import TestDriver

/// Boot, panic and bad boot environments.
let bootScenarios: [Scenario] = [
    Scenario("boot/serial-banner", "the kernel greets on the serial port and names its version") { test in
        let machine = try test.start(test.kernelConfiguration("console=ttyS0 root=/dev/vda init=/bin/sh"))
        try machine.serial.expect("Martlet", seconds: 10)
    },
    Scenario("boot/random-places", "the image and the direct map lie elsewhere each time, unless nokaslr says otherwise") {
        test in
        func places(_ words: String) throws -> (image: String, directMap: String) {
            let machine = try test.start(test.kernelConfiguration("console=ttyS0 root=/dev/vda martlet.test=panic \(words)"))
            defer { machine.stop() }
            try machine.serial.expect("end of kernel panic", seconds: 10)
            let text = machine.serial.text
            guard
                let found = text.firstMatch(
                    of: /Kernel offset (0x[0-9a-f]{16}), taken off below; direct map at (0x[0-9a-f]{16})/),
                // The functions are found all the same.
                text.contains(/\s0x00007f80[0-9a-f]{8} .*KernelTests/)
            else { throw TestFailure("the panic does not tell where the kernel lies: \(text)") }
            return (String(found.1), String(found.2))
        }
        let chosen = try (0..<4).map { _ in try places("") }
        try require(Set(chosen.map(\.image)).count >= 3 && Set(chosen.map(\.directMap)).count >= 3, "the places are \(chosen)")
        for words in ["nokaslr", "a=nokaslr xnokaslr nokaslrx"] {
            let (image, directMap) = try places(words)
            let isFixed = image == "0x0000000000000000" && directMap == "0x0000400000000000"
            try require(
                isFixed == (words == "nokaslr"), "with \(words) the image is moved by \(image), the direct map at \(directMap)")
        }
    },
    Scenario("boot/panic", "a panic prints its reason and a symbolised backtrace, then stops") { test in
        let machine = try test.start(test.kernelConfiguration("console=ttyS0 root=/dev/vda martlet.test=panic"))
        try machine.serial.expect("panic", seconds: 10)
        try Deadline.poll(seconds: 10, "a symbolised backtrace") { () -> Bool? in
            let after = machine.serial.text.components(separatedBy: "panic").dropFirst().joined()
            // A symbolised frame has a name and an offset into it.
            let frames = after.matches(of: /0x[0-9a-f]{8,16}.*[A-Za-z_$][A-Za-z0-9_$.<>() ,:]*\+ ?(0x)?[0-9a-f]+/)
            return frames.count >= 2 ? true : nil
        }
    },
    Scenario("boot/missing-root", "without the root device the kernel says which one it misses") { test in
        var configuration = test.kernelConfiguration("console=ttyS0 root=/dev/vdz init=/bin/sh quiet")
        configuration.media = []
        let machine = try test.start(configuration)
        try machine.serial.expect("vdz", seconds: 20)
    },
    Scenario("boot/missing-init", "an init that does not exist is named") { test in
        let machine = try test.start(test.kernelConfiguration("console=ttyS0 root=/dev/vda init=/no/such/program quiet"))
        try machine.serial.expect("/no/such/program", seconds: 20)
    },
    Scenario("boot/truncated-root", "a root image that is cut off gets a message, not silence") { test in
        let image = test.logs.appending(path: "truncated.img")
        let whole = try FileHandle(forReadingFrom: test.workspace.rootImage)
        let start = try whole.read(upToCount: 96 * 1024) ?? Data()
        try start.write(to: image)
        var configuration = test.kernelConfiguration("console=ttyS0 root=/dev/vda init=/bin/sh quiet")
        configuration.media = [.virtioDisk(image, .dropped)]
        let machine = try test.start(configuration)
        try machine.serial.expect("ext2", seconds: 20)
        _ = try machine.serial.expect(
            anyOf: ["truncated", "beyond the end", "past the end", "too small", "corrupt", "invalid", "cannot mount"], seconds: 10
        )
    },
    Scenario("boot/zeroed-root", "a disk without a file system gets a message") { test in
        let image = test.logs.appending(path: "zero.img")
        try Data(count: 1 << 20).write(to: image)
        var configuration = test.kernelConfiguration("console=ttyS0 root=/dev/vda init=/bin/sh quiet")
        configuration.media = [.virtioDisk(image, .dropped)]
        let machine = try test.start(configuration)
        _ = try machine.serial.expect(
            anyOf: ["cannot mount", "not an ext2", "no ext2", "bad magic", "Unable to mount"], seconds: 20)
    },
    Scenario("boot/little-memory", "a desktop in 8 MiB, or a kernel in 4, ends with a message about memory") { test in
        var configuration = test.kernelConfiguration("console=ttyS0 root=/dev/vda")
        (configuration.memoryMiB, configuration.display) = (8, .virtioGPU)
        let machine = try test.start(configuration)
        _ = try machine.serial.expect(anyOf: ["out of memory", "Out of memory", "too little memory"], seconds: 30)
        machine.stop()
        configuration.memoryMiB = 4
        let smaller = try test.start(configuration)
        _ = try smaller.serial.expect(anyOf: ["out of memory", "Out of memory", "too little memory", "no memory"], seconds: 30)
    },
]
