/* Loads the maps of a clip from media/<name>.js. It is a script, because a page from disk may not fetch JSON. */
(function (report) {
  "use strict";
  const { AUDIT, make } = report;
  const { videxplain } = window;

  // What a script brings belongs to this script: two audits have clips of the same names.
  window.AUDIT_CLIP = function (name, held) {
    document.currentScript.held = held;
  };
  /** The maps and figures of a clip. */
  report.load = function (name, folder = "media") {
    return new Promise((resolve, reject) => {
      const script = make("script", { src: `${folder}/${encodeURIComponent(name)}.js` });
      script.onload = () => resolve(script.held);
      script.onerror = () => reject(new Error("no maps were written for this clip"));
      document.head.append(script);
    });
  };
  /** The colour maps of the player. */
  report.tables = function () {
    return Object.fromEntries(Object.entries(AUDIT.colours).map(([name, text]) => [name, videxplain.bytes(text)]));
  };
})(window.report);
