// Every scenario, in the order in which they are played.

import TestDriver

/// All scenarios: the cheap ones that explain later failures come first.
public let allScenarios: [Scenario] =
    bootScenarios + kernelScenarios + desktopScenarios + mediaScenarios + differentialScenarios

/// Scenarios that the system does not pass yet, each with what is missing. They are not part of `make test`; `martlet-test run
/// --pending` plays them, and one that passes is taken off this list.
public let pendingScenarios: [String: String] = [
    "boot/little-memory": "nothing is printed with 8 MiB",
    "shell/ctrl-c": "Ctrl-C on the serial console of a shell named by init=",
    "desktop/terminal": "keys typed while the shell waits for the answer to its cursor query are lost",
    "desktop/leaks": "opens and closes of a terminal",
    "differential/pipes": "the default action of SIGPIPE in one line",
    "differential/memfd": "reopening a memfd, seals",
    "differential/processes": "nice values",
    "differential/exec": "details of /proc",
    "differential/badelf": "damaged segments kill the process on Linux",
    "differential/sockets": "the order of EPIPE and ECONNRESET",
    "differential/polling": "the time that is left is not written back",
    "differential/futex": "one operation",
    "differential/counters": "seeking on an eventfd",
    "desktop/boot-cost": "the disk times out when virtual time runs ahead of it (-icount sleep=off)",
    "differential/terminals": "modes of /dev/pts and details of control calls",
    "differential/jobs": "job control on a pseudoterminal of the test's own",
    "differential/badinput": "error numbers of rare calls",
    "differential/badpointers": "error numbers of rare calls",
    "differential/limits": "RLIMIT_FSIZE is not enforced",
    "differential/time": "processor-time clocks",
    "differential/proc": "details of /proc",
    "differential/credentials": "details of set-id calls",
    "differential-disk/exec": "details of /proc",
]
