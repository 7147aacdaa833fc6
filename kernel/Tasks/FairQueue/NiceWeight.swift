/// The weights of nice values, as Linux has them: a step is a factor of about 1.25, so that one step between two busy threads
/// moves about a tenth of the processor from one to the other.
public enum NiceWeight {
    /// The weight of nice 0.
    public static let normal: Int64 = 1024

    /// The weight of what runs in idle time only: next to nothing beside anything else.
    public static let idle: Int64 = 3

    /// No entity weighs less, however many share a weight.
    public static let least: Int64 = 2

    static func clamp(_ nice: Int8) -> Int8 { min(max(nice, -20), 19) }

    /// The weight of a nice value, which is brought into −20…19 first. A switch, since a table in an array would be built on the heap.
    public static func weight(_ nice: Int8) -> Int64 {
        switch clamp(nice) {
        case -20: 88761
        case -19: 71755
        case -18: 56483
        case -17: 46273
        case -16: 36291
        case -15: 29154
        case -14: 23254
        case -13: 18705
        case -12: 14949
        case -11: 11916
        case -10: 9548
        case -9: 7620
        case -8: 6100
        case -7: 4904
        case -6: 3906
        case -5: 3121
        case -4: 2501
        case -3: 1991
        case -2: 1586
        case -1: 1277
        case 0: normal
        case 1: 820
        case 2: 655
        case 3: 526
        case 4: 423
        case 5: 335
        case 6: 272
        case 7: 215
        case 8: 172
        case 9: 137
        case 10: 110
        case 11: 87
        case 12: 70
        case 13: 56
        case 14: 45
        case 15: 36
        case 16: 29
        case 17: 23
        case 18: 18
        default: 15
        }
    }
}
