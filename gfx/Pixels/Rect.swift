public struct Rect { public var x: Int32 = 0 }
