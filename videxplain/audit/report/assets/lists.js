/* The lists of clips, with their filters and orders. */
(function (report) {
  "use strict";
  const { columns, labels, get, make, label, state, remember, card } = report;
  const BATCH = 60;

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
      if (wanted.known && columns.unfamiliar?.[i] !== (wanted.known === "no" ? 1 : 0)) continue;
      if (text && !columns.path[i].toLowerCase().includes(text)) continue;
      chosen.push(i);
    }
    return chosen.sort(orders[wanted.sort] || orders.confidence);
  }

  function fill(select, values) {
    select.replaceChildren(make("option", { value: "", text: "all" }), ...values.map((value) => make("option", { value, text: value })));
  }

  function listPage() {
    const form = get("filters");
    const list = get("clips");
    const more = get("more");
    let chosen = [];
    let shown = 0;
    const groups = [...new Set(columns.group)].filter(Boolean).sort();
    form.known.parentElement.hidden = !columns.unfamiliar?.some((one) => one !== null);
    if (!columns.trust.some((one) => one !== null)) {
      form.trust.parentElement.hidden = true;
      form.sort.querySelector("[value=trust]").remove();
    }
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
    if (report.matrix) report.matrix(form, show);
    restore();
  }

  listPage();
})(window.report);
