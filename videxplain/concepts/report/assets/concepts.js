/* Draw the charts of a page with Vega-Lite, and play its clips; the colours of text follow the page. */
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
    const spec = window.CONCEPTS.charts[place.dataset.chart];
    if (spec) window.vegaEmbed(place, spec, { actions: false, renderer: "svg", config });
  }
  if (!window.matchMedia("(prefers-reduced-motion: reduce)").matches) {
    for (const video of document.querySelectorAll("video")) video.play().catch(() => {});
  }
})();
