# Compares what the conformance suite reported with what is expected of it: judge.awk EXPECTED LOG
#
# EXPECTED has lines `fail NAME REASON` and `skip NAME REASON`; a `*` in NAME stands for anything. Any other test must
# pass. A test that is listed and passes is reported as well, so that the list stays true.

BEGIN { count = 0; problems = 0 }

function pattern(name) {
    gsub(/[.+()\[\]^$|\\]/, "\\\\&", name)
    gsub(/\*/, ".*", name)
    return "^" name "$"
}

function expected(kind, name,    i) {
    for (i = 0; i < count; i++)
        if (kinds[i] == kind && name ~ patterns[i]) { used[i] = 1; return 1 }
    return 0
}

# The words of a result: its test is the one after the bracket.
function test(line) {
    sub(/^\[[^]]*\] /, "", line)
    sub(/[ ,].*/, "", line)
    return line
}

FNR == NR {
    if ($1 == "fail" || $1 == "skip") { kinds[count] = $1; names[count] = $2; patterns[count++] = pattern($2) }
    next
}

/^\[ RUN / { running = test($0) }
/^\[       OK \]/ {
    passed++
    running = ""
    name = test($0)
    if (expected("fail", name) || expected("skip", name)) problem[problems++] = "FAIL wlcs " name ": passes, and is listed"
}
# Each failure is named twice: where it happened and in the list at the end, which has no time.
/^\[  FAILED  \].*\([0-9]+ ms\)$/ {
    failed++
    running = ""
    name = test($0)
    if (!expected("fail", name)) problem[problems++] = "FAIL wlcs " name
}
/^\[     SKIP \]/ {
    skipped++
    running = ""
    name = test($0)
    if (!expected("skip", name)) problem[problems++] = "FAIL wlcs " name ": skipped"
}
/^\[==========\].* tests? .*run\./ { ended = 1 }

END {
    if (running != "") problem[problems++] = "FAIL wlcs " running ": the suite ended in it"
    if (!ended) problem[problems++] = "FAIL wlcs did not finish"
    for (i = 0; i < problems; i++) print problem[i]
    printf "wlcs: %d passed, %d failed, %d skipped\n", passed, failed, skipped
    if (problems > 0) exit 1
    print "ok   wlcs"
}
