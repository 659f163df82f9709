/* Draw the charts of a page with Vega-Lite, with the page's colour of text. */
(function () {
  "use strict";
  const style = getComputedStyle(document.documentElement);
  const ink = style.getPropertyValue("--ink").trim();
  const rule = style.getPropertyValue("--rule").trim();
  const config = {
    axis: { labelColor: ink, titleColor: ink, gridColor: rule, domainColor: rule, tickColor: rule },
    legend: { labelColor: ink, titleColor: ink },
  };
  for (const place of document.querySelectorAll("[data-chart]")) {
    const spec = window.CHARTS[place.dataset.chart];
    if (spec) window.vegaEmbed(place, spec, { actions: false, renderer: "svg", config });
  }
})();
