/* Raw maps in the browser: decoded once, enlarged as the Python side enlarges them, coloured on every change. */
(function (root) {
  "use strict";
  const videxplain = (root.videxplain = root.videxplain || {});

  /** The 65,536 values of IEEE half precision, made once. */
  let halves = null;
  function halfTable() {
    if (halves) return halves;
    halves = new Float32Array(65536);
    for (let bits = 0; bits < 65536; bits++) {
      const sign = bits & 0x8000 ? -1 : 1;
      const exponent = (bits >> 10) & 0x1f;
      const fraction = bits & 0x3ff;
      if (exponent === 0) halves[bits] = sign * fraction * 2 ** -24;
      else if (exponent === 31) halves[bits] = fraction ? NaN : sign * Infinity;
      else halves[bits] = sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
    }
    return halves;
  }

  /** Bytes of a base64 text. */
  videxplain.bytes = function (base64) {
    const text = atob(base64);
    const bytes = new Uint8Array(text.length);
    for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
    return bytes;
  };

  /**
   * How one axis is brought from `from` to `to` values: for each new value the first old one and the weights from there
   * on. Growing is linear between the centres of pixels; shrinking is the mean over the area that a new pixel covers.
   */
  function axis(from, to) {
    const taps = [];
    const step = from / to;
    for (let i = 0; i < to; i++) {
      if (to >= from) {
        const centre = Math.min(Math.max((i + 0.5) * step - 0.5, 0), from - 1);
        const first = Math.min(Math.floor(centre), Math.max(from - 2, 0));
        const part = centre - first;
        taps.push(from > 1 ? { first, weights: [1 - part, part] } : { first: 0, weights: [1] });
      } else {
        const low = i * step;
        const high = (i + 1) * step;
        const first = Math.floor(low);
        const weights = [];
        for (let j = first; j < Math.min(Math.ceil(high - 1e-9), from); j++) {
          weights.push((Math.min(j + 1, high) - Math.max(j, low)) / step);
        }
        taps.push({ first, weights });
      }
    }
    return taps;
  }

  /** The maps of a clip: `meta.maps` says how many steps, rows and columns, and the factor of the stored numbers. */
  videxplain.Maps = class Maps {
    constructor(data, meta) {
      const raw = data instanceof Uint8Array ? data : new Uint8Array(data);
      const table = halfTable();
      this.rows = meta.rows;
      this.columns = meta.columns;
      this.steps = meta.steps;
      this.values = new Float32Array(meta.steps * meta.rows * meta.columns);
      if (raw.length < 2 * this.values.length) throw new Error("the maps are shorter than their description says");
      for (let i = 0; i < this.values.length; i++) {
        this.values[i] = meta.scale * table[raw[2 * i] | (raw[2 * i + 1] << 8)];
      }
      this.taps = new Map();
    }

    /** The small map of a frame. */
    at(frame) {
      const size = this.rows * this.columns;
      return this.values.subarray(frame * size, (frame + 1) * size);
    }

    /** The map of a frame enlarged to `height` times `width`, raw values. */
    enlarged(frame, height, width) {
      const key = height + "x" + width;
      if (!this.taps.has(key)) this.taps.set(key, [axis(this.rows, height), axis(this.columns, width)]);
      const [down, across] = this.taps.get(key);
      const small = this.at(frame);
      const wide = new Float32Array(this.rows * width);
      for (let y = 0; y < this.rows; y++) {
        for (let x = 0; x < width; x++) {
          const { first, weights } = across[x];
          let sum = 0;
          for (let k = 0; k < weights.length; k++) sum += weights[k] * small[y * this.columns + first + k];
          wide[y * width + x] = sum;
        }
      }
      const large = new Float32Array(height * width);
      for (let y = 0; y < height; y++) {
        const { first, weights } = down[y];
        for (let k = 0; k < weights.length; k++) {
          const from = (first + k) * width;
          const weight = weights[k];
          for (let x = 0; x < width; x++) large[y * width + x] += weight * wide[from + x];
        }
      }
      return large;
    }
  };

  /**
   * Colour raw values: RGBA pixels in which both colour and cover grow with the value, as in the overlay videos.
   *
   * look: {table: 768 bytes, opacity, threshold (share of the scale), low, high}
   */
  videxplain.paint = function (values, look, pixels) {
    const reach = look.high - look.low;
    for (let i = 0; i < values.length; i++) {
      const share = reach > 0 ? Math.min(Math.max((values[i] - look.low) / reach, 0), 1) : 0;
      const level = Math.round(255 * share);
      pixels[4 * i] = look.table[3 * level];
      pixels[4 * i + 1] = look.table[3 * level + 1];
      pixels[4 * i + 2] = look.table[3 * level + 2];
      const missing = 1 - level / 255;
      pixels[4 * i + 3] = share < look.threshold ? 0 : Math.round(255 * look.opacity * (1 - missing * missing));
    }
    return pixels;
  };
})(typeof window === "undefined" ? globalThis : window);
