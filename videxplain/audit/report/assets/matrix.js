/* The confusion matrix on a canvas. The pointer or the keyboard chooses a cell. */
(function (report) {
  "use strict";
  const { columns, labels, get, make } = report;

  /** Draw the matrix. Choosing a cell sets the filters of `form` and calls `changed`. */
  report.matrix = function (form, changed) {
    const host = get("matrix");
    const canvas = host.firstElementChild;
    const context = canvas.getContext("2d");
    const words = get("cell");
    const count = labels.length;
    const counts = new Map();
    const totals = new Array(count).fill(0);
    for (let i = 0; i < columns.name.length; i++) {
      const [truth, prediction] = [columns.truth[i], columns.prediction[i]];
      if (truth < 0 || prediction < 0) continue;
      counts.set(truth * count + prediction, (counts.get(truth * count + prediction) || 0) + 1);
      totals[truth]++;
    }
    let [row, column] = [0, 0];
    let size = Math.max(3, Math.min(34, Math.floor(560 / count)));
    const zoom = get("zoom");
    zoom.value = size;
    get("labels").replaceChildren(...labels.map((text) => make("option", { value: text })));
    const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
    const parts = (name) => [1, 3, 5].map((at) => parseInt(name.slice(at, at + 2), 16));
    /* The relative luminance of a colour, about as WCAG 2 has it. */
    const light = (rgb) => [0.2126, 0.7152, 0.0722].reduce((sum, share, k) => sum + share * (rgb[k] / 255) ** 2.2, 0.05);
    const margin = () => (size >= 11 ? 130 : 0);

    /** The colour of letters on `colour` with opacity `alpha` over the page: ink, or the colour of the page. */
    function readable(colour, alpha) {
      const [ink, ground] = [style("--ink"), style("--ground")];
      const under = light(parts(colour).map((value, k) => alpha * value + (1 - alpha) * parts(ground)[k]));
      const contrast = (name) => Math.max(light(parts(name)) / under, under / light(parts(name)));
      return contrast(ink) >= contrast(ground) ? ink : ground;
    }

    /** A label as the canvas shows it: what does not fit becomes three dots. */
    function fitted(text, width) {
      if (context.measureText(text).width <= width) return text;
      let kept = text.length;
      while (kept > 1 && context.measureText(text.slice(0, kept) + "…").width > width) kept--;
      return text.slice(0, kept) + "…";
    }

    function draw() {
      const density = window.devicePixelRatio || 1;
      const edge = margin() + size * count + 2;
      Object.assign(canvas, { width: Math.round(edge * density), height: Math.round(edge * density) });
      canvas.style.width = canvas.style.height = edge + "px";
      context.setTransform(density, 0, 0, density, 0, 0);
      context.clearRect(0, 0, edge, edge);
      context.fillStyle = style("--ink");
      context.font = Math.min(13, size - 1) + "px system-ui, sans-serif";
      context.textBaseline = "middle";
      if (margin()) {
        for (let i = 0; i < count; i++) {
          const middle = margin() + (i + 0.5) * size;
          context.textAlign = "right";
          context.fillText(fitted(labels[i], margin() - 10), margin() - 6, middle);
          context.save();
          context.translate(middle, margin() - 6);
          context.rotate(-Math.PI / 2);
          context.textAlign = "left";
          context.fillText(fitted(labels[i], margin() - 10), 0, 0);
          context.restore();
        }
      }
      const [right, wrong] = [style("--right"), style("--wrong")];
      for (const [key, value] of counts) {
        const [i, j] = [Math.floor(key / count), key % count];
        context.globalAlpha = 0.12 + 0.88 * (value / totals[i]);
        context.fillStyle = i === j ? right : wrong;
        context.fillRect(margin() + j * size, margin() + i * size, size - (size > 6 ? 1 : 0), size - (size > 6 ? 1 : 0));
        context.globalAlpha = 1;
        if (size >= 22) {
          context.fillStyle = readable(i === j ? right : wrong, 0.12 + 0.88 * (value / totals[i]));
          context.textAlign = "center";
          context.fillText(String(value), margin() + (j + 0.5) * size, margin() + (i + 0.5) * size);
        }
      }
      context.strokeStyle = style("--ink");
      context.lineWidth = 2;
      context.strokeRect(margin() + column * size, margin() + row * size, size, size);
    }

    const cell = (i, j) => `${labels[i]} ${i === j ? "recognised" : "taken for " + labels[j]}: ${counts.get(i * count + j) || 0}`;
    function say() {
      words.textContent = `${cell(row, column)} of ${totals[row]} clips`;
    }
    function move(to, over, choose) {
      row = Math.min(Math.max(to, 0), count - 1);
      column = Math.min(Math.max(over, 0), count - 1);
      draw();
      say();
      if (choose) {
        form.truth.value = labels[row];
        form.prediction.value = labels[column];
        changed();
      }
    }
    function under(event) {
      const box = canvas.getBoundingClientRect();
      return [Math.floor((event.clientY - box.top - margin()) / size), Math.floor((event.clientX - box.left - margin()) / size)];
    }
    canvas.addEventListener("click", (event) => {
      const [i, j] = under(event);
      if (i >= 0 && j >= 0 && i < count && j < count) move(i, j, true);
    });
    canvas.addEventListener("pointermove", (event) => {
      const [i, j] = under(event);
      if (i >= 0 && j >= 0 && i < count && j < count) canvas.title = cell(i, j);
    });
    host.addEventListener("keydown", (event) => {
      const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
      if (step) move(row + step[0], column + step[1], false);
      else if (event.key === "Enter" || event.key === " ") move(row, column, true);
      else return;
      event.preventDefault();
    });
    zoom.addEventListener("input", () => {
      size = Number(zoom.value);
      draw();
    });
    get("find").addEventListener("change", (event) => {
      const wanted = event.target.value;
      const exact = labels.indexOf(wanted);
      const found = exact >= 0 ? exact : labels.findIndex((text) => text.toLowerCase() === wanted.trim().toLowerCase());
      if (found < 0) return;
      move(found, found, false);
      host.scrollTo(margin() + found * size - host.clientWidth / 2, margin() + found * size - host.clientHeight / 2);
    });
    document.addEventListener("filtered", (event) => {
      const [i, j] = [labels.indexOf(event.detail.truth), labels.indexOf(event.detail.prediction)];
      if (i >= 0 && j >= 0 && (i !== row || j !== column)) move(i, j, false);
    });
    draw();
    say();
  };
})(window.report);
