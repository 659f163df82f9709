/* Draw the charts of a page with Vega-Lite, with the page's colour of text. */
(function () {
  "use strict";
  const LABELS = 250; // pixels for the labels of an axis and a legend
  const style = getComputedStyle(document.documentElement);
  const ink = style.getPropertyValue("--ink").trim();
  const rule = style.getPropertyValue("--rule").trim();
  const config = {
    mark: { aria: false }, // the place of a chart says what it shows
    axis: { labelColor: ink, titleColor: ink, gridColor: rule, domainColor: rule, tickColor: rule },
    legend: { labelColor: ink, titleColor: ink, symbolBaseFillColor: ink },
  };
  for (const place of document.querySelectorAll("[data-chart]")) {
    const spec = window.CHARTS[place.dataset.chart];
    if (!spec) continue;
    // A chart that is wider than its place is drawn as wide as the place, labels included.
    const room = place.clientWidth;
    const fits = typeof spec.width !== "number" || spec.width + LABELS <= room;
    const shown = fits ? spec : { ...spec, width: room, autosize: { type: "fit-x", contains: "padding" } };
    window.vegaEmbed(place, shown, { actions: false, renderer: "svg", config });
  }
})();
