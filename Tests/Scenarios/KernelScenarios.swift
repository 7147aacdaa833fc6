// Properties of the kernel image and what a shell as process 1 can do.

import Foundation
import TestDriver

let kernelScenarios: [Scenario] = [
    Scenario("kernel/no-vector-instructions", "the kernel has no x87, MMX, SSE or AVX instruction outside its stubs") { test in
        let offenders = try KernelDisassembly.offenders(in: test.workspace.build.appending(path: "kernel.debug"))
        try require(offenders.isEmpty, "\(offenders.count) instructions:\n" + offenders.prefix(20).joined(separator: "\n"))
    },
    Scenario("shell/commands", "a shell on the serial port answers commands") { test in
        let shell = try test.startShell()
        try shell.expect("echo hello world", prints: "hello world")
        try shell.expect("echo $((6 * 7))", prints: "42")
        try shell.expect("echo one two three | wc -w", prints: "3")
        try shell.expect("false; echo $?", prints: "1")
        try shell.expect("for i in 1 2 3; do echo $i; done", prints: "1\n2\n3")
        try shell.check("ls -l / | grep -q bin")
        try shell.check("uname -a | grep -q x86_64")
        try shell.check("mount | grep -q ' /proc ' || mount -t proc proc /proc")
        try shell.expect("cat /proc/self/comm", prints: "cat")
        try shell.expect("x=$(seq 1 200 | tail -n 1); echo $x", prints: "200")
    },
    Scenario("shell/files", "files can be made, changed and removed on the root file system") { test in
        let shell = try test.startShell()
        try shell.check("mkdir -p /root/t/a/b && cd /root/t")
        try shell.expect("echo text > a/b/f; cat a/b/f", prints: "text")
        try shell.expect("cp a/b/f a/g; mv a/g h; cat h", prints: "text")
        try shell.expect("ln -s h s; readlink s; cat s", prints: "h\ntext")
        try shell.expect("seq 1 20000 > big; tail -n 1 big; wc -l < big", prints: "20000\n20000")
        try shell.expect("sort -rn big | head -n 1", prints: "20000")
        try shell.expect("grep -c 77 big", prints: "560")
        try shell.check("cd /; rm -r /root/t; test ! -e /root/t")
    },
    Scenario("shell/ctrl-c", "Ctrl-C ends the foreground job and the shell goes on") { test in
        let shell = try test.startShell()
        let serial = shell.machine.serial
        try serial.send("echo st\"\"arting; sleep 100\n")
        try serial.expect("starting\n")
        // The key ends the whole line of commands, so the status is asked for by another, which nobody reads before that. The
        // key may come before the program has started; then it only ends the line.
        try Deadline.poll(seconds: 15, "the end of sleep by Ctrl-C") { () -> Void? in
            try serial.control("c")
            try serial.send("echo st\"\"atus $?\n")
            return (try? serial.expect("status 130", seconds: 2)) == nil ? nil : ()
        }
        try serial.send("echo al\"\"ive\n")
        try serial.expect("alive")
    },
    Scenario("shell/null-dereference", "a program that dereferences null dies of SIGSEGV and nothing else does") { test in
        let shell = try test.startTestShell()
        let (output, status) = try shell.run("/usr/lib/martlet/tests/conformance crash")
        try require(status == 139, "ended with \(status): \(output)")
        try shell.expect("echo still here", prints: "still here")
    },
    Scenario("shell/corrupt-elf", "a damaged program is refused with a message") { test in
        let shell = try test.startShell()
        try shell.check("mount | grep -q ' /tmp ' || mount -t tmpfs tmpfs /tmp; cd /tmp")
        try shell.check("printf '\\177ELF\\002\\001\\001garbage' > bad; chmod +x bad")
        let (output, status) = try shell.run("./bad")
        try require(status == 126 || status == 2 || status == 127, "status \(status): \(output)")
        try require(!output.isEmpty, "no message")
        try shell.check("head -c 2000 /bin/busybox > cut; chmod +x cut")
        let (_, second) = try shell.run("./cut")
        try require(second != 0, "half a program ran")
        try shell.expect("echo still here", prints: "still here")
    },
    Scenario("shell/unknown-call", "an unknown system call is logged once and answers ENOSYS") { test in
        let shell = try test.startTestShell()
        try shell.check("/usr/lib/martlet/tests/conformance badinput /tmp | grep 'call 500 = ENOSYS'")
        try shell.expect("echo still here", prints: "still here")
    },
    Scenario("shell/random-calls", "random system calls by ordinary users harm nobody else") { test in
        let shell = try test.startTestShell()
        for seed in 1...3 {
            let (output, status) = try shell.run("/usr/lib/martlet/tests/conformance random \(seed) 40", seconds: 150)
            try require(status == 0, "ended with \(status): \(output)")
        }
        try shell.expect("echo still here", prints: "still here")
        try shell.check("ls -l / | grep -q bin && test -c /dev/null && echo x > /tmp/after && rm /tmp/after")
    },
    Scenario("shell/disk-is-sound", "after writes and a sync the root file system passes e2fsck") { test in
        var configuration = test.kernelConfiguration("console=ttyS0 root=/dev/vda init=/bin/sh quiet")
        configuration.media = [.virtioDisk(test.workspace.rootImage, .copied)]
        let machine = try test.start(configuration)
        let shell = try GuestShell(on: machine)
        try shell.check("mkdir /root/many && cd /root/many && for i in $(seq 1 300); do echo $i > file-$i; done", seconds: 60)
        try shell.check("rm file-1*; seq 1 50000 > long; mv long longer; ln longer second; mkdir d; mkdir d/e; rmdir d/e")
        try shell.expect("ls | wc -l", prints: "192")
        try shell.check("cd /; sync; umount / 2>/dev/null; mount -o remount,ro / 2>/dev/null; sync", seconds: 30)
        machine.stop()
        let image = test.logs.appending(path: test.workspace.rootImage.lastPathComponent)
        let (status, output) = try Subprocess.run(["e2fsck", "-fn", image.path])
        try require(status == 0, "e2fsck ended with \(status):\n\(output)")
    },
    Scenario("processors/panic", "of four processors that panic at once one reports it, and names itself") { test in
        var configuration = test.kernelConfiguration("console=ttyS0 root=/dev/vda martlet.test=panic-everywhere")
        configuration.processors = 4
        let machine = try test.start(configuration)
        try machine.serial.expect("end of kernel panic", seconds: 30)
        let text = machine.serial.text
        try require(text.components(separatedBy: "Kernel panic").count == 2, "not one report:\n\(text.suffix(4000))")
        let hasNumber = text.firstMatch(of: /On processor [0-3]; the others are stopped\./) != nil
        try require(hasNumber, "no processor is named:\n\(text.suffix(4000))")
        // All are stopped: nothing comes after the end.
        Thread.sleep(forTimeInterval: 1)
        try require(machine.serial.text.hasSuffix("---[ end of kernel panic ]---\n"), "something goes on:\n\(text.suffix(1000))")
    },
    Scenario("processors/lockup", "a processor that stays in the kernel is named in the log, with its function") { test in
        let machine = try startKernelTest("lockup", processors: 2, test)
        try machine.serial.expect("processor 1 has been in the kernel for 1", seconds: 40)
        try machine.serial.expect("without a pause, at 0x", seconds: 5)
        try machine.serial.expect("the lockup is over", seconds: 40)
    },
    Scenario("processors/interrupts-off", "a processor that keeps interrupts off is named by another one") { test in
        let machine = try startKernelTest("interrupts-off", processors: 2, test)
        try machine.serial.expect("processor 0 takes no interrupts, at 0x", seconds: 40)
        try machine.serial.expect("interrupts are on again", seconds: 40)
    },
    Scenario("processors/only-one-stuck", "the only processor's being stuck with its interrupts off is noticed by the NMI") {
        test in
        let machine = try startKernelTest("interrupts-off", processors: 1, test)
        try machine.serial.expect("watchdog: processor 0 takes no interrupts, at 0x", seconds: 40)
        try machine.serial.expect("interrupts are on again", seconds: 40)
    },
    Scenario("processors/calls", "all processors call all at the same time, and each call is answered by each") { test in
        let machine = try startKernelTest("calls", processors: 4, test)
        try machine.serial.expect("test: 1600 answers to 400 calls", seconds: 30)
    },
    Scenario("processors/nested-interrupts", "a timer interrupts the handler of a device, and no thread is switched in it") {
        test in
        let machine = try startKernelTest("nested-interrupts", processors: 1, test)
        try machine.serial.expect("test: the timer interrupted a device's handler", seconds: 20)
    },
    Scenario("processors/state-report", "a non-maskable interrupt makes the kernel say what everybody does, and go on") { test in
        let shell = try test.startTestShell(processors: 2)
        try shell.check("{ (while :; do :; done) & }; looping=$!; { sleep 300 & }")
        let machine = shell.machine
        _ = try machine.qmp.monitor("nmi")
        // Each processor for itself, and in the kernel with the functions that led there.
        for _ in 0..<2 { try machine.serial.expect("\nprocessor ", seconds: 10) }
        try machine.serial.expect("sleep[", seconds: 20)
        try machine.serial.expect("sleeps, processor ", seconds: 5)
        try machine.serial.expect("Scheduler.sleep", seconds: 5)
        try machine.serial.expect("end of the report of ", seconds: 5)
        try require(machine.serial.text.contains("runs a program, at 0x"), "the loop is not reported")
        try shell.check("kill $looping %2")
        try shell.expect("echo still here", prints: "still here")
    },
    Scenario("processors/affinity", "device interrupts are spread, and can be sent to other processors") { test in
        var configuration = test.kernelConfiguration("console=ttyS0 root=/dev/vda init=/bin/sh quiet")
        configuration.media = [.virtioDisk(test.workspace.testRootImage, .dropped)]
        configuration.processors = 4
        let shell = try GuestShell(on: test.start(configuration))
        try shell.check("mount | grep -q ' /proc ' || mount -t proc proc /proc")
        // The disk's line: its number and the counts of the four processors.
        try shell.check("irq=$(grep 'virtio disk' /proc/interrupts | cut -d: -f1 | tr -d ' '); cd /proc/irq/$irq")
        try shell.expect("cat smp_affinity_list", prints: "0-3")
        for (turn, processor) in [2, 3, 0].enumerated() {
            try shell.check("echo \(processor) > smp_affinity_list")
            try shell.expect("cat effective_affinity_list", prints: "\(processor)")
            let column = processor + 2
            try shell.check("before=$(awk -v c=\(column) '$1 == \"'$irq':\" { print $c }' /proc/interrupts)")
            try shell.check("dd if=/dev/vda of=/dev/null bs=64k count=40 skip=\(150 + turn * 60) 2>/dev/null")
            try shell.check("test $(awk -v c=\(column) '$1 == \"'$irq':\" { print $c }' /proc/interrupts) -gt $before")
        }
        try shell.check("echo 6 > smp_affinity; test $(cat effective_affinity_list) = 1 -o $(cat effective_affinity_list) = 2")
        try shell.check("! echo 0 > smp_affinity; ! echo 40 > smp_affinity_list; ! echo x > smp_affinity")
        let lines = try shell.check("grep -c -E 'IO-APIC|PCI-MSIX' /proc/interrupts")
        try require(Int(lines.split(separator: "\n").last ?? "") ?? 0 >= 3, "there are too few device interrupts: \(lines)")
    },
    Scenario("processors/tickless", "an idle machine has nearly no timer interrupts") { test in
        let shell = try test.startShell(processors: 2)
        try shell.check("mount | grep -q ' /proc ' || mount -t proc proc /proc")
        let read = "awk '$1 == \"LOC:\" { print $2 + $3 }' /proc/interrupts"
        // What the start left to do is over.
        try shell.check("sleep 6", seconds: 30)
        let output = try shell.check("a=$(\(read)); sleep 5; b=$(\(read)); echo ticks $((b - a))", seconds: 30)
        guard let line = output.split(separator: "\n").last(where: { $0.hasPrefix("ticks ") }), let ticks = Int(line.dropFirst(6))
        else { throw TestFailure("no count: \(output)") }
        // Housekeeping and the watches come every few seconds; a periodic tick would be hundreds.
        try require(ticks < 30, "\(ticks) timer interrupts in 5 s of doing nothing")
    },
    Scenario("processors/programs", "programs see how many processors there are and what they do") { test in
        let shell = try test.startShell(processors: 3)
        try shell.check("mount | grep -q ' /proc ' || mount -t proc proc /proc")
        try shell.expect("nproc", prints: "3")
        try shell.expect("grep -c ^processor /proc/cpuinfo", prints: "3")
        try shell.expect("grep -c '^cpu[0-9]' /proc/stat", prints: "3")
        try shell.expect("taskset 2 nproc", prints: "1")
        try shell.expect("taskset 4 sh -c 'grep Cpus_allowed_list /proc/self/status'", prints: "Cpus_allowed_list:\t2")
        try shell.expect("taskset 4 cut -d ' ' -f 39 /proc/self/stat", prints: "2")
        // Work on one processor shows in its line, as time of a program.
        try shell.check("taskset 2 seq 1 300000 >/dev/null; set -- $(grep ^cpu1 /proc/stat); test $2 -gt 5", seconds: 60)
        try shell.check("grep -q Rescheduling /proc/interrupts && grep -q CPU2 /proc/interrupts")
    },
]

/// A machine whose kernel does, beside starting a shell, what a test asks of it (kernel/Boot/KernelTests.swift).
private func startKernelTest(_ name: String, processors: Int, _ test: ScenarioContext) throws -> Machine {
    var configuration = test.kernelConfiguration("console=ttyS0 root=/dev/vda init=/bin/sh martlet.test=\(name)")
    configuration.processors = processors
    return try test.start(configuration)
}
