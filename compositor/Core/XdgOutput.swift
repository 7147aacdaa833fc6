// xdg-output: where a screen is among the others, in the coordinates that windows have.

import Gfx
import Scene
import WaylandServer

extension Client {
    func xdgOutputManager(_ id: ObjectID, _ version: UInt32, _ request: ZxdgOutputManagerV1.Request) throws(WireError) {
        switch request {
        case .destroy: remove(id)
        case .getXdgOutput(let new, let outputID):
            try add(new, version, .xdgOutput)
            let size = compositor.scene.bounds.size
            let output = ZxdgOutputV1.Resource(outbox, new, version: version)
            output.logicalPosition(x: 0, y: 0)
            output.logicalSize(width: size.width, height: size.height)
            output.name(name: Compositor.outputName)
            output.description(description: Compositor.outputDescription)
            // Since version 3 the output's own event ends the group.
            if version < 3 {
                output.done()
            } else if compositor.outputResources.contains(where: { $0.client === self && $0.id == outputID }) {
                WlOutput.Resource(outbox, outputID, version: self.version(outputID)).done()
            }
        }
    }
}
