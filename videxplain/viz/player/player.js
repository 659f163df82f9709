/* The player of an explanation: the clip, its map over it, and the curve over time as the scrubber.
 *
 *   const player = new videxplain.Player(element, {meta, maps, video, poster, colours});
 *
 * meta    what bundle.py writes: frames, fps, width, height, maps, range, signed, curve, label, title, notes, view,
 *         first, seconds
 * maps    bytes of the maps (ArrayBuffer or Uint8Array)
 * video   address of the clip, one constant frame rate, without map
 * lead    number of frames at the beginning of the video that the player leaves out; by default 0
 * colours tables of 768 bytes by name; the first is the default
 */
(function (root) {
  "use strict";
  const videxplain = (root.videxplain = root.videxplain || {});
  const SPEEDS = [0.1, 0.25, 0.5, 1, 2];
  const LARGEST = 960; // pixels of the longer side in which the map is painted

  function make(tag, attributes, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes || {})) {
      if (name === "text") element.textContent = value;
      else if (value !== false && value !== null) element.setAttribute(name, value === true ? "" : value);
    }
    element.append(...children);
    return element;
  }

  /** Icons as paths of a square of 16, so that no font has to have them. */
  const ICONS = {
    play: "M4 2 L14 8 L4 14 Z",
    pause: "M3 2 H6.5 V14 H3 Z M9.5 2 H13 V14 H9.5 Z",
    back: "M12 2 L5.5 8 L12 14 Z M2.5 2 H4.5 V14 H2.5 Z",
    on: "M4 2 L10.5 8 L4 14 Z M11.5 2 H13.5 V14 H11.5 Z",
  };

  function icon(name) {
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
    for (const [key, value] of [["viewBox", "0 0 16 16"], ["width", "16"], ["height", "16"], ["aria-hidden", "true"]]) svg.setAttribute(key, value);
    path.setAttribute("d", ICONS[name]);
    path.setAttribute("fill", "currentColor");
    svg.append(path);
    return svg;
  }

  let counter = 0;

  videxplain.Player = class Player extends EventTarget {
    constructor(host, { meta, maps, video, lead = 0, poster = "", colours }) {
      super();
      this.meta = meta;
      this.lead = lead;
      this.maps = new videxplain.Maps(maps, meta.maps);
      this.colours = colours;
      this.id = "vx" + ++counter;
      this.frame = 0;
      this.look = { colours: Object.keys(colours)[0], opacity: meta.opacity ?? 0.6, threshold: 0, top: 1, shown: true };
      const shrink = Math.min(1, LARGEST / Math.max(meta.width, meta.height));
      // Top, left, bottom and right of what the network saw, in pixels of the clip: the map lies there alone.
      this.seen = meta.view || [0, 0, meta.height, meta.width];
      const [top, left, bottom, right] = this.seen;
      this.size = [bottom - top, right - left].map((side) => Math.max(1, Math.round(side * shrink)));
      this.build(host, video, poster);
      this.follow();
      this.draw();
    }

    get count() {
      return this.meta.frames;
    }

    /** The frame that contributed most. */
    get peak() {
      return this.meta.curve.indexOf(Math.max(...this.meta.curve));
    }

    get playing() {
      return !this.video.paused && !this.video.ended;
    }

    // Building -------------------------------------------------------------------------------------------------------

    build(host, video, poster) {
      const { meta } = this;
      this.video = make("video", { muted: true, playsinline: true, preload: "auto", poster, tabindex: "-1", "aria-hidden": "true" });
      this.video.muted = true;
      this.canvas = make("canvas", { class: "vx-map", width: this.size[1], height: this.size[0], role: "img" });
      Object.assign(this.canvas.style, this.place());
      this.context = this.canvas.getContext("2d");
      this.image = this.context.createImageData(this.size[1], this.size[0]);
      this.stage = make("div", { class: "vx-stage", tabindex: "0", role: "group", "aria-label": this.words() }, this.video, this.canvas);
      this.stage.style.aspectRatio = meta.width + " / " + meta.height;
      if (meta.view) this.outside();
      this.curve = make("canvas", { class: "vx-curve" });
      this.slider = make(
        "div",
        {
          class: "vx-scrubber", tabindex: "0", role: "slider", "aria-label": "Frame; the curve is how much each frame contributed",
          "aria-valuemin": "0", "aria-valuemax": String(this.count - 1), "aria-valuenow": "0",
        },
        this.curve
      );
      this.readout = make("output", { class: "vx-readout" });
      host.replaceChildren(make("div", { class: "vx-player" }, this.stage, this.slider, this.bar(), this.readout, this.settings()));
      this.element = host.firstChild;
      this.video.src = video;
      this.listen();
    }

    words() {
      const { meta } = this;
      return [meta.title, meta.label && "for " + meta.label].filter(Boolean).join(" ") || "explained clip";
    }

    outside() {
      // What the network did not see is dimmed by a frame around what it saw.
      const { meta } = this;
      const [top, left, bottom, right] = this.seen;
      this.dim = make("div", { class: "vx-seen", title: `the network saw the middle ${right - left}x${bottom - top} of ${meta.width}x${meta.height} pixels` });
      Object.assign(this.dim.style, this.place());
      this.stage.append(this.dim);
    }

    /** Where on the stage what the network saw lies. */
    place() {
      const [top, left, bottom, right] = this.seen;
      const { width, height } = this.meta;
      const part = (value, whole) => (100 * value) / whole + "%";
      return { top: part(top, height), left: part(left, width), height: part(bottom - top, height), width: part(right - left, width) };
    }

    button(label, symbol, act) {
      const button = make("button", { type: "button", "aria-label": label, title: label }, icon(symbol));
      button.addEventListener("click", act);
      return button;
    }

    bar() {
      this.playButton = this.button("Play", "play", () => this.toggle());
      this.speed = make("select", { "aria-label": "Speed" }, ...SPEEDS.map((s) => make("option", { value: s, text: s + "×", selected: s === 1 })));
      this.loop = make("input", { type: "checkbox", id: this.id + "loop" });
      this.where = make("span", { class: "vx-where" });
      return make(
        "div",
        { class: "vx-bar" },
        this.button("One frame back", "back", () => this.step(-1)),
        this.playButton,
        this.button("One frame on", "on", () => this.step(1)),
        this.where,
        make("span", { class: "vx-space" }),
        make("label", { for: this.id + "loop" }, this.loop, " loop the strongest second"),
        this.speed
      );
    }

    settings() {
      const range = (name, label, value, low = 0) => {
        const input = make("input", { type: "range", min: low, max: 1, step: 0.01, value, id: this.id + name });
        input.addEventListener("input", () => this.set({ [name]: Number(input.value) }));
        this.inputs[name] = input;
        return make("label", { for: this.id + name }, make("span", { text: label }), input);
      };
      this.inputs = {};
      const colours = make("select", { id: this.id + "colours" }, ...Object.keys(this.colours).map((name) => make("option", { text: name })));
      colours.addEventListener("change", () => this.set({ colours: colours.value }));
      this.inputs.colours = colours;
      const shown = make("input", { type: "checkbox", id: this.id + "shown", checked: true });
      shown.addEventListener("change", () => this.set({ shown: shown.checked }));
      this.inputs.shown = shown;
      return make(
        "div",
        { class: "vx-settings" },
        make("label", { for: this.id + "shown" }, shown, make("span", { text: "map" })),
        range("opacity", "opacity", this.look.opacity),
        range("threshold", "hide below", this.look.threshold),
        range("top", "top of the scale", this.look.top, 0.01),
        make("label", { for: this.id + "colours" }, make("span", { text: "colours" }), colours)
      );
    }

    // Events ---------------------------------------------------------------------------------------------------------

    listen() {
      const keys = (event) => {
        const move = { ArrowLeft: -1, ArrowRight: 1, PageUp: -10, PageDown: 10, Home: -Infinity, End: Infinity }[event.key];
        if (move !== undefined) this.go(this.frame + (event.shiftKey ? 10 * move : move));
        else if (event.key === " ") this.toggle();
        else if (event.key === "m") this.set({ shown: !this.look.shown });
        else return;
        event.preventDefault();
      };
      this.stage.addEventListener("keydown", keys);
      this.slider.addEventListener("keydown", keys);
      this.stage.addEventListener("click", () => this.toggle());
      this.stage.addEventListener("pointermove", (event) => this.point(event));
      this.stage.addEventListener("pointerleave", () => (this.readout.textContent = ""));
      const scrub = (event) => {
        const box = this.slider.getBoundingClientRect();
        this.pause();
        this.go(Math.floor(((event.clientX - box.left) / box.width) * this.count));
      };
      this.slider.addEventListener("pointerdown", (event) => {
        this.slider.setPointerCapture(event.pointerId);
        scrub(event);
      });
      this.slider.addEventListener("pointermove", (event) => {
        if (this.slider.hasPointerCapture(event.pointerId)) scrub(event);
      });
      this.speed.addEventListener("change", () => (this.video.playbackRate = Number(this.speed.value)));
      this.loop.addEventListener("change", () => this.loop.checked && this.go(this.strongest()[0]));
      for (const name of ["play", "pause", "ended"]) this.video.addEventListener(name, () => this.show());
      new ResizeObserver(() => this.drawCurve()).observe(this.slider);
    }

    /** Follow the video frame by frame. */
    follow() {
      const arrive = (seconds) => {
        const passed = Math.round(seconds * this.meta.fps) - this.lead;
        const frame = Math.min(Math.max(passed, 0), this.count - 1);
        if (this.playing && passed >= this.count) return this.finish();
        if (this.loop.checked && this.playing) {
          const [first, last] = this.strongest();
          if (frame > last || frame < first) return this.go(first, true);
        }
        if (frame !== this.frame && this.playing) this.show(frame);
      };
      if ("requestVideoFrameCallback" in HTMLVideoElement.prototype) {
        const next = (_, info) => {
          arrive(info.mediaTime);
          this.video.requestVideoFrameCallback(next);
        };
        this.video.requestVideoFrameCallback(next);
      } else {
        const next = () => {
          arrive(this.video.currentTime - 0.5 / this.meta.fps);
          requestAnimationFrame(next);
        };
        next();
      }
      this.video.addEventListener("ended", () => {
        if (this.loop.checked) this.go(this.strongest()[0], true);
      });
    }

    /** The last frame has been shown, and the video goes on. */
    finish() {
      if (this.loop.checked) this.go(this.strongest()[0], true);
      else this.go(this.count - 1);
    }

    // Moving ---------------------------------------------------------------------------------------------------------

    toggle() {
      if (this.playing) this.pause();
      else this.play();
    }

    play() {
      if (this.frame >= this.count - 1) this.go(0, true);
      return this.video.play().catch(() => {});
    }

    pause() {
      this.video.pause();
    }

    step(by) {
      this.pause();
      this.go(this.frame + by);
    }

    /** Show a frame. */
    go(frame, keepPlaying = false) {
      const wanted = Math.min(Math.max(frame, 0), this.count - 1);
      if (!keepPlaying) this.pause();
      this.video.currentTime = (wanted + this.lead + 0.5) / this.meta.fps;
      this.show(wanted);
    }

    /** First and last frame of the second in which the clip contributes most. */
    strongest() {
      const { curve, fps } = this.meta;
      const length = Math.min(Math.max(Math.round(fps), 1), this.count);
      let sum = 0;
      let best = -Infinity;
      let first = 0;
      for (let i = 0; i < this.count; i++) {
        sum += curve[i] - (i >= length ? curve[i - length] : 0);
        if (i >= length - 1 && sum > best) [best, first] = [sum, i - length + 1];
      }
      return [first, first + length - 1];
    }

    // Drawing --------------------------------------------------------------------------------------------------------

    set(look) {
      Object.assign(this.look, look);
      for (const [name, value] of Object.entries(look)) {
        const input = this.inputs[name];
        if (input && input.type === "checkbox") input.checked = value;
        else if (input && input.value !== String(value)) input.value = value;
      }
      this.draw();
      this.dispatchEvent(new Event("look"));
    }

    show(frame = this.frame) {
      const moved = frame !== this.frame;
      this.frame = frame;
      this.draw();
      if (moved) this.dispatchEvent(new Event("frame"));
    }

    draw() {
      const { meta, look } = this;
      const [low, high] = meta.range;
      if (look.shown && high > low) {
        const values = this.maps.enlarged(this.frame, ...this.size);
        videxplain.paint(
          values,
          { table: this.colours[look.colours], opacity: look.opacity, threshold: look.threshold, low, high: low + (high - low) * look.top },
          this.image.data
        );
        this.context.putImageData(this.image, 0, 0);
      } else {
        this.context.clearRect(0, 0, this.canvas.width, this.canvas.height);
      }
      const number = (meta.first || 0) + this.frame;
      const seconds = (meta.seconds ? meta.seconds[this.frame] : number / meta.fps).toFixed(2);
      const part = meta.first ? `${meta.first} to ${meta.first + this.count - 1}` : this.count;
      this.where.textContent = `frame ${number} of ${part}, ${seconds} s`;
      this.slider.setAttribute("aria-valuenow", String(this.frame));
      this.slider.setAttribute("aria-valuetext", `frame ${number}, ${seconds} seconds, contribution ${meta.curve[this.frame].toPrecision(3)}`);
      this.canvas.setAttribute("aria-label", `map of frame ${number}`);
      this.drawButton();
      this.drawCurve();
    }

    drawButton() {
      const label = this.playing ? "Pause" : "Play";
      if (this.playButton.getAttribute("aria-label") === label && this.playButton.firstChild) return;
      this.playButton.replaceChildren(icon(label.toLowerCase()));
      this.playButton.setAttribute("aria-label", label);
      this.playButton.title = label;
    }

    drawCurve() {
      const box = this.slider.getBoundingClientRect();
      const density = window.devicePixelRatio || 1;
      const [width, height] = [Math.max(1, Math.round(box.width * density)), Math.max(1, Math.round(box.height * density))];
      if (this.curve.width !== width || this.curve.height !== height) Object.assign(this.curve, { width, height });
      const context = this.curve.getContext("2d");
      const style = getComputedStyle(this.element || this.slider);
      const colour = (name) => style.getPropertyValue(name).trim();
      const { curve } = this.meta;
      const top = Math.max(0, ...curve);
      const bottom = Math.min(0, ...curve);
      const reach = top - bottom || 1;
      const y = (value) => height * (0.08 + (0.84 * (top - value)) / reach);
      const x = (frame) => ((frame + 0.5) / this.count) * width;
      context.clearRect(0, 0, width, height);
      for (const [from, to, alpha] of [[0, this.frame, 1], [this.frame, this.count - 1, 0.45]]) {
        for (const sign of [1, -1]) {
          context.globalAlpha = alpha;
          context.fillStyle = colour(sign > 0 ? "--vx-positive" : "--vx-negative");
          context.beginPath();
          context.moveTo(from ? x(from) : 0, y(0));
          if (!from) context.lineTo(0, y(sign * Math.max(sign * curve[0], 0)));
          for (let i = from; i <= to; i++) context.lineTo(x(i), y(sign * Math.max(sign * curve[i], 0)));
          if (to === this.count - 1) context.lineTo(width, y(sign * Math.max(sign * curve[to], 0)));
          context.lineTo(to === this.count - 1 ? width : x(to), y(0));
          context.fill();
        }
      }
      context.globalAlpha = 1;
      context.fillStyle = colour("--vx-rule");
      context.fillRect(0, Math.round(y(0)), width, Math.max(1, density));
      context.fillStyle = colour("--vx-ink");
      context.fillRect(Math.round(x(this.frame) - density), 0, 2 * density, height);
    }

    point(event) {
      const box = this.stage.getBoundingClientRect();
      const { width, height, range } = this.meta;
      const x = Math.min(Math.max(Math.floor(((event.clientX - box.left) / box.width) * width), 0), width - 1);
      const y = Math.min(Math.max(Math.floor(((event.clientY - box.top) / box.height) * height), 0), height - 1);
      const value = this.value(x, y);
      if (value === null) {
        this.readout.textContent = `x ${x}, y ${y}: not seen by the network`;
        return;
      }
      const share = range[1] > range[0] ? Math.round((100 * (value - range[0])) / (range[1] - range[0])) : 0;
      this.readout.textContent = `x ${x}, y ${y}: ${value.toPrecision(3)} (${share} % of the scale)`;
    }

    /** The raw value at a pixel of the clip, in the frame that is shown; null where the network did not look. */
    value(x, y) {
      const [height, width] = this.size;
      const [top, left, bottom, right] = this.seen;
      if (y < top || y >= bottom || x < left || x >= right) return null;
      const row = Math.min(Math.floor(((y - top) / (bottom - top)) * height), height - 1);
      const column = Math.min(Math.floor(((x - left) / (right - left)) * width), width - 1);
      return this.maps.enlarged(this.frame, height, width)[row * width + column];
    }
  };

  /** Keep players in step: a move or a change of look in one is made in all. */
  videxplain.sync = function (players) {
    let busy = false;
    const others = (one, act) => {
      if (busy) return;
      busy = true;
      for (const player of players) if (player !== one) act(player);
      busy = false;
    };
    for (const one of players) {
      one.video.addEventListener("play", () => others(one, (other) => other.play()));
      one.video.addEventListener("pause", () => others(one, (other) => other.pause()));
      one.video.addEventListener("ratechange", () => others(one, (other) => (other.video.playbackRate = one.video.playbackRate)));
      one.addEventListener("frame", () => {
        if (!one.playing) others(one, (other) => other.go(Math.min(one.frame, other.count - 1)));
      });
      one.addEventListener("look", () => others(one, (other) => other.set({ ...one.look })));
    }
    return players;
  };
})(window);
