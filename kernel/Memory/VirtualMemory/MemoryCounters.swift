import Synchronization

/// What reclaiming did since the start of the system, for /proc/vmstat. All in pages but the stalls.
public enum MemoryCounters {
    /// Pages of caches that were looked at, and that were dropped: by the background thread, and by those who needed memory themselves.
    static let backgroundLooked = Atomic<Int>(0), backgroundFreed = Atomic<Int>(0)
    static let directLooked = Atomic<Int>(0), directFreed = Atomic<Int>(0)
    /// How often somebody who needed memory had to reclaim it.
    static let stalls = Atomic<Int>(0)
    /// Pages of files taken out of mappings, and those that were left there because they had been used.
    static let unmapped = Atomic<Int>(0), kept = Atomic<Int>(0)
    /// How often the background thread began, and how often it had changed pages written.
    static let wakes = Atomic<Int>(0), writeBacks = Atomic<Int>(0)

    /// Large pages that were made by faults, that were not because there was no block at once, and that were cut into small ones.
    static let largeFaults = Atomic<Int>(0), largeFallbacks = Atomic<Int>(0), largeSplits = Atomic<Int>(0)

    /// Compaction: its runs, those who waited for it, blocks that were assembled and that were not, pages that were moved and that
    /// stayed.
    static let compactionRuns = Atomic<Int>(0), compactionStalls = Atomic<Int>(0)
    static let compactionSuccesses = Atomic<Int>(0), compactionFailures = Atomic<Int>(0)
    static let migrated = Atomic<Int>(0), migrationFailures = Atomic<Int>(0), migrationLooked = Atomic<Int>(0)

    static func count(_ eviction: PageTree.Eviction, _ seeker: Reclaim.Seeker) {
        switch seeker {
        case .background:
            backgroundLooked.wrappingAdd(eviction.looked, ordering: .relaxed)
            backgroundFreed.wrappingAdd(eviction.freed, ordering: .relaxed)
        case .direct:
            directLooked.wrappingAdd(eviction.looked, ordering: .relaxed)
            directFreed.wrappingAdd(eviction.freed, ordering: .relaxed)
        }
    }

    /// Names as on Linux where there is one, and values.
    public static var all: [(name: StaticString, value: Int)] {
        func value(_ counter: borrowing Atomic<Int>) -> Int { counter.load(ordering: .relaxed) }
        return [
            ("pgscan_kswapd", value(backgroundLooked)), ("pgsteal_kswapd", value(backgroundFreed)),
            ("pgscan_direct", value(directLooked)), ("pgsteal_direct", value(directFreed)), ("allocstall_normal", value(stalls)),
            ("pageoutrun", value(wakes)), ("kswapd_writebacks", value(writeBacks)), ("file_pages_unmapped", value(unmapped)),
            ("pgactivate", value(kept)), ("thp_fault_alloc", value(largeFaults)), ("thp_fault_fallback", value(largeFallbacks)),
            ("thp_split_page", value(largeSplits)), ("compact_daemon_wake", value(compactionRuns)),
            ("compact_stall", value(compactionStalls)), ("compact_success", value(compactionSuccesses)),
            ("compact_fail", value(compactionFailures)), ("compact_migrate_scanned", value(migrationLooked)),
            ("pgmigrate_success", value(migrated)), ("pgmigrate_fail", value(migrationFailures)),
        ]
    }
}
