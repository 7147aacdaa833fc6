// Window shadows: two soft layers in one mask, stretched as nine patches.

import Paths

enum Shadows {
    private struct Layer {
        var dy: Int
        var sigma: Double
        var alpha: Float
    }

    static func art() -> [BakedArt] {
        [
            shadow(
                "shadow/active", radius: 10,
                [Layer(dy: 14, sigma: 17, alpha: 0.42), Layer(dy: 2, sigma: 4, alpha: 0.26)]),
            shadow(
                "shadow/inactive", radius: 10,
                [Layer(dy: 8, sigma: 11, alpha: 0.26), Layer(dy: 1, sigma: 3, alpha: 0.18)]),
            shadow("shadow/menu", radius: 8, [Layer(dy: 6, sigma: 9, alpha: 0.32), Layer(dy: 1, sigma: 2, alpha: 0.2)]),
        ]
    }

    private static func shadow(_ name: String, radius: Int, _ layers: [Layer]) -> BakedArt {
        // Far enough that a cut edge cannot be seen: less than half a step of 255.
        let reach = layers.map { Int(($0.sigma * 2.7).rounded(.up)) }.max()!
        let top = layers.map { Int(($0.sigma * 2.7).rounded(.up)) - $0.dy }.max()!
        let bottom = layers.map { Int(($0.sigma * 2.7).rounded(.up)) + $0.dy }.max()!
        // The casting rectangle: large enough that its middle is not reached by the blur of its edges.
        let side = 2 * max(reach + 14, radius) + 1
        let width = side + 2 * reach
        let height = side + top + bottom
        let caster = Coverage(
            Path.roundedRect(Double(reach), Double(top), Double(side), Double(side), radius: Double(radius)),
            width: width, height: height)
        var transparency = [Float](repeating: 1, count: width * height)
        for layer in layers {
            let soft = caster.convolved(kernel: gaussian(layer.sigma)).moved(x: 0, y: layer.dy)
            for i in transparency.indices { transparency[i] *= 1 - min(1, soft.values[i]) * layer.alpha }
        }
        var result = caster
        for i in transparency.indices { result.values[i] = 1 - transparency[i] }
        var art = bakedMask(name, result)
        art.insets = [width / 2, top + side / 2, width / 2, bottom + side / 2]
        art.outsets = [reach, top, reach, bottom]
        return art
    }
}
