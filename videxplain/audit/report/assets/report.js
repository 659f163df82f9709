/* Shared by the pages of a report: elements, words, the address, and the cards of clips.
 *
 * The data is window.AUDIT (assets/data.js). The state of a page is in its address, after the #. These are classic
 * scripts with one global name, window.report, because a page that is opened from disk may not load modules.
 */
(function (root) {
  "use strict";
  const { AUDIT } = root;
  const { columns, labels } = AUDIT;
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

  /** The state of the page, from the part of the address after the #. */
  function state() {
    return Object.fromEntries(new URLSearchParams(location.hash.slice(1)));
  }
  function remember(values) {
    const kept = Object.entries(values).filter(([, value]) => value !== "" && value !== null && value !== undefined);
    history.replaceState(null, "", kept.length ? "#" + new URLSearchParams(kept) : location.pathname + location.search);
  }

  function verdict(i) {
    const { truth, prediction, probability } = columns;
    const right = truth[i] >= 0 ? (truth[i] === prediction[i] ? "right" : "wrong") : "";
    const words = make("span", {}, make("strong", { text: label(prediction[i]) }), " " + percent(probability[i]));
    if (right === "wrong") words.append(", is " + label(truth[i]));
    if (right) words.append(" ", make("span", { class: right, text: right }));
    return words;
  }

  // A path, which may be broken after "/" and "_" before it is broken anywhere.
  function broken(path) {
    return path.split(/(?<=[/_])/).flatMap((part) => [part, make("wbr", {})]);
  }

  function card(i) {
    const poster = columns.media[i]
      ? make("img", { src: "media/" + columns.name[i] + ".jpg", alt: "", loading: "lazy" })
      : "no video here";
    const trust = columns.trust[i] === null ? null : make("div", { text: "trust " + number(columns.trust[i]) });
    const strange = columns.unfamiliar?.[i] ? make("div", { class: "wrong", text: "unlike what was learned" }) : null;
    return make(
      "li",
      {},
      make(
        "a",
        { href: "clip.html#name=" + encodeURIComponent(columns.name[i]) },
        make("div", { class: "poster" }, poster),
        make("div", { class: "words" }, verdict(i), make("div", {}, ...broken(columns.path[i])), trust, strange)
      )
    );
  }

  root.report = { AUDIT, columns, labels, get, make, percent, number, label, state, remember, verdict, broken, card };

  for (const list of document.querySelectorAll("[data-clips]")) {
    list.append(...list.dataset.clips.split(",").filter(Boolean).map((name) => card(columns.name.indexOf(name))));
  }
})(window);
