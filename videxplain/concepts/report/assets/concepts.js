/* Play the clips of a page, unless the reader prefers reduced motion. */
(function () {
  "use strict";
  if (!window.matchMedia("(prefers-reduced-motion: reduce)").matches) {
    for (const video of document.querySelectorAll("video")) video.play().catch(() => {});
  }
})();
