/* Two audits side by side. */
(function (report) {
  "use strict";
  const { AUDIT, get, make, percent, number, label, state, remember } = report;
  const { videxplain } = window;

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
    let visits = 0;
    async function open(pair) {
      const visit = ++visits;
      const host = get("pair");
      host.replaceChildren();
      const players = [];
      const colours = report.tables();
      for (const [k, folder] of AUDIT.folders.entries()) {
        const place = make("div", {}, make("h2", { text: `${names[k]}: ${label(pair.predictions[k])} ${percent(pair.probabilities[k])}` }));
        const box = place.appendChild(make("div"));
        host.append(place);
        try {
          const held = await report.load(pair.files[k], folder);
          if (visit !== visits) return; // the reader has chosen another clip
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
          const link = make("a", { href: "#" }, make("div", { class: "words" }, make("strong", { text: pair.path }), ...words, pair.likeness === null ? null : make("div", { text: "correlation of the maps " + number(pair.likeness) })));
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

  comparePage();
})(window.report);
