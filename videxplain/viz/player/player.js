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

  const { make, icon } = videxplain;

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
        make("label", { for: this.id + "colours" }, make("span", { text: "colours" }), colours),
        range("opacity", "opacity", this.look.opacity),
        range("threshold", "hide below", this.look.threshold),
        range("top", "top of the scale", this.look.top, 0.01)
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
      videxplain.drawCurve(this.curve, this.meta.curve, this.frame, this.slider.getBoundingClientRect(), this.element || this.slider);
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
})(window);
