import Frames
import Support
import VirtualMemory

/// The texts of the files in /proc that are about memory.
enum MemoryTexts {
    /// /proc/meminfo.
    static func summary() -> [UInt8] {
        let page = UInt64(pageSize / 1024)
        let cached = UInt64(Reclaim.cachedPages) * page
        let total = UInt64(FrameAllocator.totalFrames) * page, free = UInt64(FrameAllocator.freeFrames) * page
        let dirty = UInt64(Reclaim.dirtyPages) * page, kept = UInt64(Watermarks.total.low) * page
        var text = KernelString()
        text.append("MemTotal", kibibytes: total, width: 24)
        text.append("MemFree", kibibytes: free, width: 24)
        text.append("MemAvailable", kibibytes: free + cached > kept ? free + cached - kept : 0, width: 24)
        text.append("Cached", kibibytes: cached, width: 24)
        text.append("Slab", kibibytes: UInt64(Heap.frameCount) * page, width: 24)
        for name in [StaticString("Buffers"), "SwapCached", "Active", "Inactive", "SwapTotal", "SwapFree", "Shmem"] {
            text.append(name, kibibytes: 0, width: 24)
        }
        text.append("AnonHugePages", kibibytes: UInt64(LargePages.count * LargeFrame.byteCount / 1024), width: 24)
        text.append("Dirty", kibibytes: dirty, width: 24)
        text.append("CommitLimit", kibibytes: UInt64(Commitment.limit) * page, width: 24)
        text.append("Committed_AS", kibibytes: UInt64(Commitment.total) * page, width: 24)
        return text.utf8
    }

    /// /proc/vmstat: what there is of Linux's names, each with its value.
    static func counters() -> [UInt8] {
        var text: KernelString = "nr_free_pages \(FrameAllocator.freeFrames)\n"
        text += "nr_file_pages \(Reclaim.cachedPages)\nnr_dirty \(Reclaim.dirtyPages)\n"
        var (hit, miss, foreign) = (0, 0, 0)
        for node in 0..<MemoryNodes.count {
            let report = MemoryNodes.report(node)
            (hit, miss, foreign) = (hit + report.hit, miss + report.miss, foreign + report.foreign)
        }
        // Every allocation prefers the node of the processor that it runs on.
        text += "numa_hit \(hit)\nnuma_miss \(miss)\nnuma_foreign \(foreign)\nnuma_local \(hit)\nnuma_other \(miss)\n"
        for counter in MemoryCounters.all { text += "\(counter.name) \(counter.value)\n" }
        return text.utf8
    }

    /// /proc/zoneinfo.
    static func zones() -> [UInt8] {
        var text = KernelString()
        for zone in FrameAllocator.zoneReports where zone.managed > 0 {
            text += "Node \(zone.node), zone "
            for _ in 0..<max(0, 8 - zone.name.utf8CodeUnitCount) { text += " " }
            text += "\(zone.name)\n"
            text += "  pages free     \(zone.free)\n        min      \(zone.marks.min)\n        low      \(zone.marks.low)\n"
            text += "        high     \(zone.marks.high)\n        spanned  \(zone.spanned)\n        managed  \(zone.managed)\n"
            text += "  start_pfn:           \(zone.firstFrame)\n"
        }
        return text.utf8
    }

    /// The kernel's heap by object size, in the columns of slabinfo 2.1.
    static func slabs() -> [UInt8] {
        var text: KernelString = "slabinfo - version: 2.1\n"
        text += "# name            <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab>"
        text += " : tunables <limit> <batchcount> <sharedfactor> : slabdata <active_slabs> <num_slabs> <sharedavail>\n"
        for usage in Heap.usage {
            let name: KernelString = "kmalloc-\(usage.objectSize)"
            text += name
            for _ in 0..<max(1, 17 - name.count) { text += " " }
            for number in [usage.activeCount, usage.totalCount, usage.objectSize, usage.objectsInSlab, usage.framesInSlab] {
                text.append(padded: number, to: 7)
            }
            text += " : tunables    0    0    0 : slabdata"
            for number in [usage.slabCount, usage.slabCount, 0] { text.append(padded: number, to: 7) }
            text += "\n"
        }
        return text.utf8
    }
}
