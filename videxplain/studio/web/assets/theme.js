/* Dark or light: the last choice of the reader, otherwise the preference of the system. */
(function () {
  "use strict";
  const root = document.documentElement;
  const read = () => {
    try {
      return localStorage.getItem("videxplain-theme");
    } catch (error) {
      return null; // a browser that keeps nothing
    }
  };
  const chosen = read();
  if (chosen === "dark" || chosen === "light") root.dataset.theme = chosen;
  document.addEventListener("DOMContentLoaded", () => {
    document.getElementById("theme").addEventListener("click", () => {
      const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
      root.dataset.theme = dark ? "light" : "dark";
      try {
        localStorage.setItem("videxplain-theme", root.dataset.theme);
      } catch (error) {
        // The choice lasts for this page.
      }
    });
  });
})();
