/* The curve of how much each frame contributes, which is also the scrubber of the player. */
(function (root) {
  "use strict";
  const { videxplain } = root;

  /** Draw `curve` over a canvas that is shown in `box`; what comes after `shown` is paler. Colours are properties of the style of `element`. */
  videxplain.drawCurve = function (canvas, curve, shown, box, element) {
    const density = root.devicePixelRatio || 1;
    const [width, height] = [Math.max(1, Math.round(box.width * density)), Math.max(1, Math.round(box.height * density))];
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    const context = canvas.getContext("2d");
    const style = getComputedStyle(element);
    const colour = (name) => style.getPropertyValue(name).trim();
    const last = curve.length - 1;
    const top = Math.max(0, ...curve);
    const bottom = Math.min(0, ...curve);
    const reach = top - bottom || 1;
    const y = (value) => height * (0.08 + (0.84 * (top - value)) / reach);
    const x = (frame) => ((frame + 0.5) / curve.length) * width;
    context.clearRect(0, 0, width, height);
    for (const [from, to, alpha] of [[0, shown, 1], [shown, last, 0.45]]) {
      for (const sign of [1, -1]) {
        context.globalAlpha = alpha;
        context.fillStyle = colour(sign > 0 ? "--vx-positive" : "--vx-negative");
        context.beginPath();
        context.moveTo(from ? x(from) : 0, y(0));
        if (!from) context.lineTo(0, y(sign * Math.max(sign * curve[0], 0)));
        for (let i = from; i <= to; i++) context.lineTo(x(i), y(sign * Math.max(sign * curve[i], 0)));
        if (to === last) context.lineTo(width, y(sign * Math.max(sign * curve[to], 0)));
        context.lineTo(to === last ? width : x(to), y(0));
        context.fill();
      }
    }
    context.globalAlpha = 1;
    context.fillStyle = colour("--vx-rule");
    context.fillRect(0, Math.round(y(0)), width, Math.max(1, density));
    context.fillStyle = colour("--vx-ink");
    context.fillRect(Math.round(x(shown) - density), 0, 2 * density, height);
  };
})(window);
