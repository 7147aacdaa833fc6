import Support
import Terminals

/// The first serial port as a terminal.
public enum SerialConsole {
    /// Finds the port, starts its terminal and registers /dev/ttyS0.
    /// - Returns: the terminal; nil when the machine has no such port.
    public static func start() -> SerialTerminal? {
        guard let port = UART16550() else {
            Log.info("serial: no port")
            return nil
        }
        guard let terminal = SerialTerminal(port: port, index: 0) else {
            Log.error("serial: no memory for the terminal")
            return nil
        }
        TerminalDevices.register(terminal, index: 0)
        return terminal
    }
}
