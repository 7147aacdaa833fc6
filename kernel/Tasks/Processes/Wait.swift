import ABI
import Scheduling
import Support
import Synchronization

/// Waiting for children.
public enum Wait {
    /// Which children: as wait4's first argument.
    public enum Selection {
        case any
        case pid(Int32)
        case group(Int32)
        /// Only this one, whoever has its number later.
        case process(Process)
    }

    public struct Options: OptionSet, Sendable {
        public let rawValue: UInt32
        public init(rawValue: UInt32) { self.rawValue = rawValue }
        public static var noHang: Options { Options(rawValue: 1) }
        public static var stopped: Options { Options(rawValue: 2) }
        public static var exited: Options { Options(rawValue: 4) }
        public static var continued: Options { Options(rawValue: 8) }
        public static var noWait: Options { Options(rawValue: 0x0100_0000) }
        /// Children of every kind; and those that do not end with SIGCHLD, which are left out otherwise.
        public static var allKinds: Options { Options(rawValue: 0x4000_0000) }
        public static var clones: Options { Options(rawValue: 0x8000_0000) }
    }

    /// A change of a child.
    public struct Change {
        public var pid: Int32
        public var uid: UInt32
        /// wait4's status word.
        public var status: Int32
        /// Processor time in nanoseconds.
        public var userNanoseconds: UInt64
        public var systemNanoseconds: UInt64
    }

    private enum Answer {
        case none
        case noChild
        case change(Change, reaped: Process?)
    }

    /// Waits until a child that matches has changed.
    /// - Returns: nil with `noHang` when nothing has changed yet.
    /// - Throws: `noChild`; `restart` when a signal came.
    public static func wait(_ selection: Selection, _ options: Options) throws(Errno) -> Change? {
        let process = Process.current
        var answer = look(process, selection, options)
        if case .none = answer, !options.contains(.noHang) {
            try process.childChange.wait {
                answer = look(process, selection, options)
                if case .none = answer { return false }
                return true
            }
        }
        switch answer {
        case .none: return nil
        case .noChild: throw .noChild
        case .change(let change, let reaped):
            if let reaped {
                // Those who watch it by a descriptor learn that it is gone.
                reaped.childChange.wake()
                let time = change.userNanoseconds + change.systemNanoseconds
                let inherited = reaped.childrenProcessorTime
                process.childrenNanoseconds.wrappingAdd(time + inherited.total, ordering: .relaxed)
                process.childrenSystemNanoseconds.wrappingAdd(change.systemNanoseconds + inherited.system, ordering: .relaxed)
            }
            return change
        }
    }

    private static func look(_ process: Process, _ selection: Selection, _ options: Options) -> Answer {
        ProcessTable.tree.withLock { tree in
            var hasMatch = false
            for child in process.links.children {
                switch selection {
                case .any: break
                case .pid(let pid): if child.pid != pid { continue }
                case .group(let group): if child.links.group != group { continue }
                case .process(let process): if child !== process { continue }
                }
                let isClone = child.links.exitSignal != Signal.child.rawValue
                if !options.contains(.allKinds), isClone != options.contains(.clones) { continue }
                hasMatch = true
                if let status = child.links.exitStatus {
                    guard options.contains(.exited) else { continue }
                    let change = makeChange(child, status: status)
                    let reaped = options.contains(.noWait) ? nil : tree.remove(child)
                    return .change(change, reaped: reaped)
                }
                if options.contains(.stopped), child.links.unreportedStop != 0 {
                    let status = child.links.unreportedStop << 8 | 0x7f
                    if !options.contains(.noWait) { child.links.unreportedStop = 0 }
                    return .change(makeChange(child, status: status), reaped: nil)
                }
                if options.contains(.continued), child.links.unreportedContinue {
                    if !options.contains(.noWait) { child.links.unreportedContinue = false }
                    return .change(makeChange(child, status: 0xffff), reaped: nil)
                }
            }
            return hasMatch ? .none : .noChild
        }
    }

    private static func makeChange(_ child: Process, status: Int32) -> Change {
        let total = child.exitedThreadNanoseconds.load(ordering: .relaxed)
        let system = min(total, child.exitedThreadSystemNanoseconds.load(ordering: .relaxed))
        return Change(pid: child.pid, uid: 0, status: status, userNanoseconds: total - system, systemNanoseconds: system)
    }

    /// Whether a process leaves no zombie: it has no parent, or would send it SIGCHLD and that one said so (ignored, or
    /// SA_NOCLDWAIT). Called with the tree locked.
    static func isUnwanted(_ process: Process, by parent: Process?) -> Bool {
        guard let action = parent?.signals.action(.child) else { return true }
        guard process.links.exitSignal == Signal.child.rawValue else { return false }
        return action.handler == SignalAction.ignoreHandler || action.flags & SignalAction.noChildWait != 0
    }
}
