/* The pages of an audit's report: lists of clips, the confusion matrix, the page of a clip, two audits side by side.
 * Everything is in window.AUDIT (assets/data.js); a clip's maps come from media/<name>.js when it is opened.
 * What a page shows is in its address, behind the #. */
(function () {
  "use strict";
  const { AUDIT, videxplain } = window;
  const { columns, labels } = AUDIT;
  const page = document.body.dataset.page;
  const BATCH = 60;
  const get = (id) => document.getElementById(id);

  function make(tag, attributes, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes || {})) {
      if (name === "text") element.textContent = value;
      else if (value !== null && value !== false && value !== undefined) element.setAttribute(name, value === true ? "" : value);
    }
    element.append(...children.filter(Boolean));
    return element;
  }

  const percent = (value, digits = 0) => (value === null || value === undefined ? "–" : (100 * value).toFixed(digits) + " %");
  const number = (value, digits = 2) => (value === null || value === undefined ? "–" : value.toFixed(digits));
  const label = (index) => (index < 0 ? "unknown" : labels[index]);

  /** What stands behind the # of the address, as an object. */
  function state() {
    return Object.fromEntries(new URLSearchParams(location.hash.slice(1)));
  }
  function remember(values) {
    const kept = Object.entries(values).filter(([, value]) => value !== "" && value !== null && value !== undefined);
    history.replaceState(null, "", kept.length ? "#" + new URLSearchParams(kept) : location.pathname + location.search);
  }

  // Lists of clips ---------------------------------------------------------------------------------------------------

  function verdict(i) {
    const { truth, prediction, probability } = columns;
    const right = truth[i] >= 0 ? (truth[i] === prediction[i] ? "right" : "wrong") : "";
    const words = make("span", {}, make("strong", { text: label(prediction[i]) }), " " + percent(probability[i]));
    if (right === "wrong") words.append(", is " + label(truth[i]));
    if (right) words.append(" ", make("span", { class: right, text: right }));
    return words;
  }

  function card(i) {
    const poster = columns.media[i]
      ? make("img", { src: "media/" + columns.name[i] + ".jpg", alt: "", loading: "lazy" })
      : "no picture was written";
    const trust = columns.trust[i] === null ? null : make("div", { text: "trust " + number(columns.trust[i]) });
    return make(
      "li",
      {},
      make(
        "a",
        { href: "clip.html#name=" + encodeURIComponent(columns.name[i]) },
        make("div", { class: "poster" }, poster),
        make("div", { class: "words" }, verdict(i), make("div", { text: columns.path[i] }), trust)
      )
    );
  }

  const orders = {
    confidence: (a, b) => columns.probability[b] - columns.probability[a],
    doubt: (a, b) => columns.probability[a] - columns.probability[b],
    trust: (a, b) => (columns.trust[a] ?? Infinity) - (columns.trust[b] ?? Infinity),
    odd: (a, b) => (columns.odd[b] ?? 0) - (columns.odd[a] ?? 0),
    name: (a, b) => (columns.path[a] < columns.path[b] ? -1 : 1),
  };

  function matches(wanted) {
    const text = (wanted.text || "").toLowerCase();
    const most = wanted.trust === "" || wanted.trust === undefined ? null : Number(wanted.trust);
    const chosen = [];
    for (let i = 0; i < columns.name.length; i++) {
      const { truth, prediction } = columns;
      if (wanted.truth && label(truth[i]) !== wanted.truth) continue;
      if (wanted.prediction && label(prediction[i]) !== wanted.prediction) continue;
      if (wanted.group && columns.group[i] !== wanted.group) continue;
      if (wanted.result && (truth[i] < 0 || (truth[i] === prediction[i]) !== (wanted.result === "right"))) continue;
      if (most !== null && !(columns.trust[i] !== null && columns.trust[i] <= most)) continue;
      if (text && !columns.path[i].toLowerCase().includes(text)) continue;
      chosen.push(i);
    }
    return chosen.sort(orders[wanted.sort] || orders.confidence);
  }

  function fill(select, values) {
    select.replaceChildren(make("option", { value: "", text: "all" }), ...values.map((value) => make("option", { text: value })));
  }

  function listPage() {
    const form = get("filters");
    const list = get("clips");
    const more = get("more");
    let chosen = [];
    let shown = 0;
    const groups = [...new Set(columns.group)].filter(Boolean).sort();
    fill(form.truth, labels);
    fill(form.prediction, labels);
    fill(form.group, groups.length <= 2000 ? groups : []);
    const values = () => Object.fromEntries(new FormData(form));
    function append() {
      list.append(...chosen.slice(shown, shown + BATCH).map(card));
      shown = Math.min(shown + BATCH, chosen.length);
      more.hidden = shown >= chosen.length;
    }
    function show() {
      const wanted = values();
      remember({ ...wanted, sort: wanted.sort === "confidence" ? "" : wanted.sort });
      chosen = matches(wanted);
      shown = 0;
      list.replaceChildren();
      append();
      get("count").textContent = `${chosen.length.toLocaleString("en")} of ${columns.name.length.toLocaleString("en")} clips`;
      document.dispatchEvent(new CustomEvent("filtered", { detail: wanted }));
    }
    function restore() {
      const held = state();
      for (const field of form.elements) if (field.name) field.value = held[field.name] || (field.name === "sort" ? "confidence" : "");
      show();
    }
    form.addEventListener("input", show);
    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("reset", () => setTimeout(show));
    more.addEventListener("click", append);
    window.addEventListener("hashchange", restore);
    if (get("matrix")) matrix(form, show);
    restore();
  }

  // Confusion matrix -------------------------------------------------------------------------------------------------

  function matrix(form, changed) {
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
    const margin = () => (size >= 11 ? 130 : 0);

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
          context.fillText(labels[i], margin() - 6, middle, margin() - 10);
          context.save();
          context.translate(middle, margin() - 6);
          context.rotate(-Math.PI / 2);
          context.textAlign = "left";
          context.fillText(labels[i], 0, 0, margin() - 10);
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
          context.fillStyle = style("--ink");
          context.textAlign = "center";
          context.fillText(String(value), margin() + (j + 0.5) * size, margin() + (i + 0.5) * size);
        }
      }
      context.strokeStyle = style("--ink");
      context.lineWidth = 2;
      context.strokeRect(margin() + column * size, margin() + row * size, size, size);
    }

    function say() {
      const value = counts.get(row * count + column) || 0;
      words.textContent = `${labels[row]} taken for ${labels[column]}: ${value} of ${totals[row]} clips`;
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
      if (i >= 0 && j >= 0 && i < count && j < count) canvas.title = `${labels[i]} taken for ${labels[j]}: ${counts.get(i * count + j) || 0}`;
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
      const found = labels.findIndex((text) => text.toLowerCase() === event.target.value.trim().toLowerCase());
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
  }

  // A clip -----------------------------------------------------------------------------------------------------------

  const waiting = new Map();
  window.AUDIT_CLIP = function (name, held) {
    waiting.get(name)(held);
  };
  function load(name, folder = "media") {
    return new Promise((resolve, reject) => {
      const script = make("script", { src: `${folder}/${encodeURIComponent(name)}.js` });
      waiting.set(name, resolve);
      script.onerror = () => reject(new Error("no maps were written for this clip"));
      document.head.append(script);
    });
  }
  function tables(held) {
    return Object.fromEntries(Object.entries(AUDIT.colours).map(([name, text]) => [name, videxplain.bytes(text)]));
  }

  async function clipPage() {
    const name = state().name;
    const i = columns.name.indexOf(name);
    if (i < 0) {
      get("heading").textContent = name ? "There is no clip of this name" : "Choose a clip";
      return;
    }
    document.title = columns.path[i] + " · " + AUDIT.title;
    get("heading").textContent = columns.path[i];
    get("verdict").replaceChildren(verdict(i));
    get("command").textContent = AUDIT.command + " --clip " + columns.where[i];
    for (const [id, step] of [["before", -1], ["after", 1]]) {
      const other = columns.name[i + step];
      get(id).hidden = other === undefined;
      get(id).href = "#name=" + encodeURIComponent(other || "");
    }
    const fact = (term, value) => [make("dt", { text: term }), make("dd", { text: value })];
    const facts = [["group", columns.group[i] || "–"], ["trust of the map", number(columns.trust[i])], ["of a random part", number(columns.random[i])], ["unlike its class", number(columns.odd[i], 1)]];
    get("facts").replaceChildren(...facts.flatMap(([term, value]) => fact(term, value)));
    get("choices").replaceChildren();
    get("player").replaceChildren();
    get("predictions").tBodies[0].replaceChildren();
    if (!columns.media[i]) {
      get("player").textContent = "No picture was written for this clip: the audit was made with a limit on clips (--clips).";
      return;
    }
    let held;
    try {
      held = await load(name);
    } catch (error) {
      get("player").textContent = error.message;
      return;
    }
    get("predictions").tBodies[0].replaceChildren(
      ...held.predictions.map(([text, p]) => {
        const bar = make("span", { class: "bar" });
        bar.style.width = 120 * p + "px";
        return make("tr", {}, make("td", { text }), make("td", {}, bar), make("td", { class: "number", text: percent(p, 1) }));
      })
    );
    get("facts").append(...held.facts.flatMap(([term, value]) => fact(term, value)));
    const colours = tables();
    let player = null;
    function choose(key, button) {
      for (const other of get("choices").children) other.setAttribute("aria-pressed", String(other === button));
      const { meta, maps } = held.maps[key];
      const frame = player ? player.frame : 0;
      player = new videxplain.Player(get("player"), { meta, maps: videxplain.bytes(maps), video: `media/${encodeURIComponent(name)}.mp4`, colours });
      if (frame) player.go(frame);
      window.player = player;
    }
    const keys = Object.keys(held.maps);
    for (const key of keys) {
      const button = make("button", { type: "button", text: held.maps[key].words, "aria-pressed": "false" });
      button.addEventListener("click", () => choose(key, button));
      get("choices").append(button);
    }
    choose(keys[0], get("choices").firstChild);
  }

  // Two audits side by side ------------------------------------------------------------------------------------------

  function comparePage() {
    const { pairs, names } = AUDIT;
    const select = get("pairs-filter").which;
    const rules = {
      differ: (p) => p.predictions[0] !== p.predictions[1],
      first: (p) => p.truth >= 0 && p.predictions[0] === p.truth && p.predictions[1] !== p.truth,
      second: (p) => p.truth >= 0 && p.predictions[1] === p.truth && p.predictions[0] !== p.truth,
      maps: (p) => p.predictions[0] === p.predictions[1] && p.likeness !== null,
      "": () => true,
    };
    async function open(pair) {
      const host = get("pair");
      host.replaceChildren();
      const players = [];
      const colours = tables();
      for (const [k, folder] of AUDIT.folders.entries()) {
        const place = make("div", {}, make("h2", { text: `${names[k]}: ${label(pair.predictions[k])} ${percent(pair.probabilities[k])}` }));
        const box = place.appendChild(make("div"));
        host.append(place);
        try {
          const held = await load(pair.files[k], folder);
          const { meta, maps } = held.maps.prediction;
          const video = `${folder}/${encodeURIComponent(pair.files[k])}.mp4`;
          players.push(new videxplain.Player(box, { meta, maps: videxplain.bytes(maps), video, colours }));
        } catch (error) {
          box.textContent = error.message;
        }
      }
      videxplain.sync(players);
      remember({ which: select.value, clip: pair.path });
    }
    function show() {
      const wanted = pairs.filter(rules[select.value]);
      if (select.value === "maps") wanted.sort((a, b) => a.likeness - b.likeness);
      get("count").textContent = `${wanted.length} of ${pairs.length} clips`;
      get("pairs").replaceChildren(
        ...wanted.slice(0, 500).map((pair) => {
          const words = [0, 1].map((k) => make("div", { text: `${names[k]}: ${label(pair.predictions[k])} ${percent(pair.probabilities[k])}` }));
          const link = make("a", { href: "#" }, make("div", { class: "words" }, make("strong", { text: pair.path }), ...words, pair.likeness === null ? null : make("div", { text: "likeness of the maps " + number(pair.likeness) })));
          link.addEventListener("click", (event) => {
            event.preventDefault();
            open(pair);
            get("pair").scrollIntoView();
          });
          return make("li", {}, link);
        })
      );
    }
    select.value = state().which ?? "differ";
    select.addEventListener("input", () => {
      remember({ which: select.value });
      show();
    });
    show();
    const held = state().clip;
    const first = pairs.find((pair) => pair.path === held);
    if (first) open(first);
  }

  for (const list of document.querySelectorAll("[data-clips]")) {
    list.append(...list.dataset.clips.split(",").filter(Boolean).map((name) => card(columns.name.indexOf(name))));
  }
  if (page === "confusion" || page === "clips") listPage();
  if (page === "clip") {
    clipPage();
    window.addEventListener("hashchange", clipPage);
  }
  if (page === "compare") comparePage();
})();
