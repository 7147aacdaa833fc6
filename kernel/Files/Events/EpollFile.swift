import ABI
import Files
import Support

/// The open file of an epoll instance.
public final class EpollFile: OpenFile {
    let epoll = Epoll()

    public init() { super.init(flags: .readWrite) }

    deinit { epoll.close() }

    /// `epoll_ctl`.
    public func change(_ operation: Int32, _ file: OpenFile, descriptor: Int32, event: EpollEvent) throws(Errno) {
        guard file.isPollable else { throw .notPermitted }
        guard file !== self else { throw .invalidArgument }
        let inner = file as? EpollFile
        let isExclusive = event.events & EpollFlags.exclusive != 0
        switch operation {
        case EpollOperation.add:
            if isExclusive {
                let allowed = EpollFlags.all & ~EpollFlags.oneShot | PollEvents([.input, .output, .error, .hangUp]).rawValue
                guard inner == nil, event.events & ~allowed == 0 else { throw .invalidArgument }
            }
            guard let inner else { return try epoll.add(file, descriptor: descriptor, event: event) }
            try epoll.nesting.link(inner.epoll.nesting)
            do throws(Errno) { try epoll.add(file, descriptor: descriptor, event: event) } catch {
                if error != .badDescriptor { epoll.nesting.unlink(inner.epoll.nesting) }
                throw error
            }
        case EpollOperation.modify:
            if isExclusive { throw .invalidArgument }
            try epoll.modify(file, descriptor: descriptor, event: event)
        case EpollOperation.delete: try epoll.delete(file, descriptor: descriptor)
        default: throw .invalidArgument
        }
    }

    /// `epoll_wait`: stores events at `address`.
    public func wait(into address: UserAddress, limit: Int, deadline: UInt64?) throws(Errno) -> Int {
        try epoll.wait(limit: limit, deadline: deadline) { (index, event) throws(Errno) in
            try copyOut(event, to: address + index * EpollEvent.byteCount)
        }
    }

    public override func poll(_ registration: PollRegistration?) -> PollEvents { epoll.poll(registration) }
    /// It has no position: any move leaves it at 0.
    public override func seek(_ offset: Int64, whence: Int32) throws(Errno) -> Int64 { 0 }
    public override var anonymousName: String { "anon_inode:[eventpoll]" }
}
