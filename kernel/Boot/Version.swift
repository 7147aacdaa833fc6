/// The version that the log and `uname` show.
public enum Version {
    public static let string: StaticString = "0.1.0"
}
