/* The panes. Each asks its question, shows the answer so far, and plays in step with the others. */
(function (root) {
  "use strict";
  const { studio, videxplain } = root;
  const { make } = studio;
  let colours = null;
  const panes = [...document.querySelectorAll(".pane")].map((element) => ({
    element,
    question: JSON.parse(element.dataset.question),
    clip: JSON.parse(element.dataset.facts),
    player: null,
  }));
  studio.main = panes[0];

  async function tables() {
    const texts = await studio.get("/api/colours");
    return Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, videxplain.bytes(text)]));
  }

  /** Fetch maps, final or partial, and show them in the pane's player. */
  async function show(pane, key, partial) {
    const meta = await studio.get(`/api/results/${key}/${partial ? "partial" : "player"}`);
    const answer = await fetch(`/api/results/${key}/${partial ? "partial-maps" : "maps"}`);
    if (!answer.ok) return;
    const maps = await answer.arrayBuffer();
    colours = colours || tables();
    const held = await colours;
    if (partial && pane.answer) return; // the answer came first, and is not replaced by a part of it
    if (!pane.player) {
      const host = pane.element.querySelector(".player");
      const lead = Number(pane.question.frames.split(":")[0] || 0);
      const files = `/api/clips/${pane.clip.sha}`;
      pane.player = new videxplain.Player(host, { meta, maps, video: `${files}/video`, lead, poster: `${files}/poster`, colours: held });
      if (lead) pane.player.go(0);
      pane.player.element.dataset.frames = meta.frames;
      const other = panes.find((one) => one !== pane && one.player);
      videxplain.sync(panes.map((one) => one.player).filter(Boolean));
      // A player that comes later begins at the frame of the others.
      if (other) pane.player.go(other.player.frame);
    } else {
      pane.player.meta = meta;
      pane.player.maps = new videxplain.Maps(maps, meta.maps);
      pane.player.draw();
    }
    pane.element.dataset.state = partial ? "partial" : "done";
  }

  async function run(pane) {
    const status = pane.element.querySelector(".status");
    const { question } = pane;
    const job = await studio.ask(strip(question));
    pane.key = job.key;
    let shown = 0;
    let busy = false;
    let ended = false;
    const words = make("span", {});
    const others = make("a", { href: "/#questions" }, "your questions");
    const cancel = make("button", { type: "button" }, "Cancel");
    const again = make("button", { type: "button" }, "Ask again");
    again.addEventListener("click", () => start(pane));
    cancel.addEventListener("click", () => fetch("/api/jobs/" + job.key, { method: "DELETE" }));
    // The buttons stay where they are, so that no click is lost when the words change.
    status.replaceChildren(words, " ", others, " ", cancel, again);
    const tell = async (now) => {
      if (ended) return; // the stream tells the end of a question that was answered before once more
      words.textContent = studio.words(now);
      status.classList.toggle("note", now.state === "failed");
      others.hidden = now.state !== "queued" || !now.place;
      cancel.hidden = !["queued", "running"].includes(now.state);
      again.hidden = now.state !== "cancelled";
      if (now.partial > shown && now.state === "running" && !busy) {
        shown = now.partial;
        busy = true;
        await show(pane, job.key, true).catch(() => {}); // the final map may have replaced it
        busy = false;
      }
      ended = now.state === "done";
      if (ended) await finish(pane, job.key, status);
    };
    tell(job);
    studio.follow(job.key, tell);
    if (pane === panes[0]) studio.follow(job.prediction, (now) => now.state === "done" && predicted(job.prediction));
  }

  async function finish(pane, key, status) {
    const answer = await studio.get("/api/results/" + key);
    pane.answer = answer;
    await show(pane, key, false);
    // Begin at the frame that contributes most. The other panes follow.
    if (pane === panes[0] && pane.player.frame === 0) pane.player.go(pane.player.peak);
    status.textContent = [answer.layer && "at " + answer.layer, answer.provenance].filter(Boolean).join(", ");
    pane.element.querySelector(".for").textContent = answer.target ? "for " + answer.target : "";
    note(pane, answer.notes);
    document.dispatchEvent(new CustomEvent("explained", { detail: pane }));
  }

  function note(pane, lines) {
    pane.element.querySelector(".notes").replaceChildren(...lines.map((line) => make("p", {}, line)));
  }

  async function predicted(key) {
    const { predictions, notes = [] } = await studio.get("/api/results/" + key); // older answers have no notes
    studio.predictions = predictions;
    if (!studio.main.answer) note(studio.main, notes);
    const rows = predictions.slice(0, 5).map(([label, share], rank) => {
      const explain = make("a", { href: changed({ target: label, against: "" }) }, "explain");
      const rather = make("a", { href: changed({ target: predictions[0][0], against: label }) }, "why not this");
      explain.setAttribute("aria-label", "explain " + label);
      rather.setAttribute("aria-label", `why ${predictions[0][0]} rather than ${label}`);
      return make(
        "tr", {},
        make("th", { scope: "row" }, label),
        make("td", {}, make("meter", { min: 0, max: 1, value: share, "aria-label": label })),
        make("td", { class: "number" }, studio.percent(share)),
        make("td", { class: "small" }, rank ? rather : explain, ...(rank ? [" ", explain] : []))
      );
    });
    document.querySelector("#predictions tbody").replaceChildren(...rows);
    document.dispatchEvent(new CustomEvent("predicted"));
  }

  /** The address of this page with some fields changed. */
  function changed(fields) {
    const query = new URLSearchParams(location.search);
    for (const [name, value] of Object.entries(fields)) {
      if (value) query.set(name, value);
      else query.delete(name);
    }
    return location.pathname + "?" + query;
  }
  studio.changed = changed;

  /** A question as the HTTP interface takes it. */
  function strip(question) {
    const { weights_sha256, name, ...rest } = question;
    return { ...rest, options: { ...question.options }, edits: [] };
  }
  studio.strip = strip;
  studio.show = show;
  studio.panes = panes;

  function start(pane) {
    run(pane).catch((error) => {
      const status = pane.element.querySelector(".status");
      status.textContent = error.message;
      status.classList.add("note");
    });
  }
  panes.forEach(start);
})(window);
