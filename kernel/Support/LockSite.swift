#if LOCKDEP
    // What locks tell the run-time checker of lock orders (kernel/Tasks/Scheduling/LockChecker.swift). In builds without it none of this
    // exists, and locks are nothing but their words.

    /// Where a lock is declared: all locks that come from one place are one class to the checker. Its address is that of the lock.
    public struct LockSite {
        /// The number of the class, once the checker has given one.
        public var classNumber: UInt32 = 0
        public let line: UInt32
        public let file: StaticString
        public init(_ file: StaticString, _ line: UInt32) {
            self.file = file
            self.line = line
        }
    }

    /// How a lock is taken.
    public enum LockUse {
        /// By spinning, with interrupts off.
        public static let spinning: UInt32 = 0
        /// The same, without waiting for it.
        public static let tryingToSpin: UInt32 = 1
        /// By sleeping.
        public static let sleeping: UInt32 = 2
        /// The same, without waiting for it.
        public static let tryingToSleep: UInt32 = 3
    }

    @_extern(c, "martlet_lock_acquire")
    func machineLockAcquire(_ site: UnsafeMutableRawPointer, _ use: UInt32)
    @_extern(c, "martlet_lock_release")
    func machineLockRelease(_ site: UnsafeMutableRawPointer)
    @_extern(c, "martlet_lock_may_sleep")
    func machineLockMaySleep()

    /// Says that a lock is about to be taken.
    public func lockCheckAcquire(_ site: UnsafeMutablePointer<LockSite>, _ use: UInt32) { machineLockAcquire(site, use) }

    /// Says that a lock is about to be given back.
    public func lockCheckRelease(_ site: UnsafeMutablePointer<LockSite>) { machineLockRelease(site) }

    /// Says that the code here may sleep, whether or not it does this time.
    public func lockCheckMaySleep() { machineLockMaySleep() }
#endif
