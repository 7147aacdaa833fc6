import CompositorHost
import ProgramRuntime
import System

@main
struct Main {
    static func main() {
        let (options, problem) = Options.parse(Array(Environment.arguments.dropFirst()))
        guard let options else {
            Log.write("compositor", problem + "\n" + Options.usage)
            Process.exit(2)
        }
        do throws(Errno) {
            try Session(options).run()
        } catch {
            Log.write("compositor", "cannot run: \(error.message)")
            Process.exit(1)
        }
    }
}
