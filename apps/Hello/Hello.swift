import CLibc

@main
struct Hello {
    static func main() {
        var table: [String: Int] = [:]
        for i in 0..<10 { table["key \(i)"] = i }
        print("hello \(table.count)")
    }
}
