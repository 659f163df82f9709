/* The page of a clip. */
(function (report) {
  "use strict";
  const { AUDIT, columns, get, make, percent, number, state, verdict, broken } = report;
  const { videxplain } = window;

  let visits = 0;

  async function clipPage() {
    const visit = ++visits;
    const name = state().name;
    const i = columns.name.indexOf(name);
    get("about").hidden = i < 0;
    if (i < 0) {
      get("heading").textContent = name ? "There is no clip of this name" : "Choose a clip";
      return;
    }
    document.title = columns.path[i] + " · " + AUDIT.title;
    get("heading").replaceChildren(...broken(columns.path[i]));
    get("verdict").replaceChildren(verdict(i));
    get("command").textContent = AUDIT.repeat.join(columns.where[i]);
    for (const [id, step] of [["before", -1], ["after", 1]]) {
      const other = columns.name[i + step];
      get(id).hidden = other === undefined;
      get(id).href = "#name=" + encodeURIComponent(other || "");
    }
    const fact = (term, value) => [make("dt", { text: term }), make("dd", { text: value })];
    get("strange").hidden = !columns.unfamiliar?.[i];
    const trust = columns.trust[i] === null ? [] : [["trust of the map", number(columns.trust[i])], ["of a random part", number(columns.random[i])]];
    const facts = [["group", columns.group[i] || "–"], ...trust, ["unlike its class", number(columns.odd[i], 1)]];
    get("facts").replaceChildren(...facts.flatMap(([term, value]) => fact(term, value)));
    get("choices").replaceChildren();
    get("player").replaceChildren();
    get("predictions").tBodies[0].replaceChildren();
    if (!columns.media[i]) {
      get("player").textContent = "No video was written for this clip: --clips left it out, or its file has gone or changed.";
      return;
    }
    let held;
    try {
      held = await report.load(name);
    } catch (error) {
      if (visit === visits) get("player").textContent = error.message;
      return;
    }
    if (visit !== visits) return; // the reader has gone on to another clip
    get("predictions").tBodies[0].replaceChildren(
      ...held.predictions.map(([text, p]) => {
        const bar = make("span", { class: "bar" });
        bar.style.width = 120 * p + "px";
        return make("tr", {}, make("td", { text }), make("td", {}, bar), make("td", { class: "number", text: percent(p, 1) }));
      })
    );
    get("facts").append(...held.facts.flatMap(([term, value]) => fact(term, value)));
    const colours = report.tables();
    let player = null;
    function choose(key, button) {
      for (const other of get("choices").children) other.setAttribute("aria-pressed", String(other === button));
      const { meta, maps } = held.maps[key];
      const frame = player?.frame;
      player = new videxplain.Player(get("player"), { meta, maps: videxplain.bytes(maps), video: `media/${encodeURIComponent(name)}.mp4`, colours });
      player.go(frame ?? player.peak);
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

  clipPage();
  window.addEventListener("hashchange", clipPage);
})(window.report);
