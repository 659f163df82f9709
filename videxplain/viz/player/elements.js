/* Elements and icons that the player is built of. */
(function (root) {
  "use strict";
  const videxplain = (root.videxplain = root.videxplain || {});

  videxplain.make = function (tag, attributes, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes || {})) {
      if (name === "text") element.textContent = value;
      else if (value !== false && value !== null) element.setAttribute(name, value === true ? "" : value);
    }
    element.append(...children);
    return element;
  };

  /** Icons as paths of a square of 16, so that no font has to have them. */
  const ICONS = {
    play: "M4 2 L14 8 L4 14 Z",
    pause: "M3 2 H6.5 V14 H3 Z M9.5 2 H13 V14 H9.5 Z",
    back: "M12 2 L5.5 8 L12 14 Z M2.5 2 H4.5 V14 H2.5 Z",
    on: "M4 2 L10.5 8 L4 14 Z M11.5 2 H13.5 V14 H11.5 Z",
  };

  videxplain.icon = function (name) {
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
    for (const [key, value] of [["viewBox", "0 0 16 16"], ["width", "16"], ["height", "16"], ["aria-hidden", "true"]]) svg.setAttribute(key, value);
    path.setAttribute("d", ICONS[name]);
    path.setAttribute("fill", "currentColor");
    svg.append(path);
    return svg;
  };
})(window);
