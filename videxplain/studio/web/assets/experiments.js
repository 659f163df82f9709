/* Edit and ask again: change a box over some frames, and see how the score changes. */
(function (root) {
  "use strict";
  const { studio } = root;
  const { make, percent } = studio;
  const form = document.getElementById("edit");
  const said = document.getElementById("edit-said");
  const draw = document.getElementById("draw");
  const field = form.elements;
  const { question } = studio.main;
  // The page counts the frames of the clip, and a change those of the stretch that is explained.
  const start = Number(question.frames.split(":")[0] || 0);
  let frame = null;

  // The box on the picture ------------------------------------------------------------------------------------------

  function box() {
    return ["left", "top", "right", "bottom"].map((name) => Math.min(Math.max(Number(field[name].value) / 100, 0), 1));
  }

  function place() {
    const { player } = studio.main;
    if (!player) return;
    if (!frame) {
      frame = make("div", { class: "box", hidden: true });
      player.stage.append(frame);
      stretch(player);
    }
    const [left, top, right, bottom] = box();
    Object.assign(frame.style, { left: 100 * left + "%", top: 100 * top + "%", width: 100 * (right - left) + "%", height: 100 * (bottom - top) + "%" });
    band();
  }

  draw.addEventListener("click", () => {
    const on = draw.getAttribute("aria-pressed") !== "true";
    draw.setAttribute("aria-pressed", String(on));
    place();
    if (!frame) return;
    frame.hidden = strip.hidden = hint.hidden = !on;
    const { stage } = studio.main.player;
    stage.classList.toggle("drawing", on);
    if (on) stage.scrollIntoView({ block: "start" });
  });

  document.addEventListener("explained", (event) => {
    if (event.detail !== studio.main) return;
    place();
    const { stage } = studio.main.player;
    let from = null;
    const at = (pointer) => {
      const area = stage.getBoundingClientRect();
      const share = (value, low, size) => Math.round(100 * Math.min(Math.max((value - low) / size, 0), 1));
      return [share(pointer.clientX, area.left, area.width), share(pointer.clientY, area.top, area.height)];
    };
    const drawing = () => draw.getAttribute("aria-pressed") === "true";
    stage.addEventListener("click", (click) => drawing() && click.stopImmediatePropagation(), true);
    stage.addEventListener("pointerdown", (pointer) => {
      if (!drawing()) return;
      from = at(pointer);
      stage.setPointerCapture(pointer.pointerId);
      pointer.preventDefault();
    });
    stage.addEventListener("pointermove", (pointer) => {
      if (!from) return;
      const to = at(pointer);
      field.left.value = Math.min(from[0], to[0], 99);
      field.top.value = Math.min(from[1], to[1], 99);
      field.right.value = Math.max(from[0], to[0], Number(field.left.value) + 1);
      field.bottom.value = Math.max(from[1], to[1], Number(field.top.value) + 1);
      place();
    });
    stage.addEventListener("pointerup", () => (from = null));
  });

  // The frames on the time line ---------------------------------------------------------------------------------------

  let strip = null;
  let shown = null;
  let hint = null;

  function stretch(player) {
    shown = make("div", { class: "band" });
    strip = make("div", { class: "strip", hidden: true, "aria-hidden": "true", title: "Drag to choose the frames of the change" }, shown);
    hint = make("p", { class: "small hint", hidden: true, role: "status" }, "Drag on the picture for the box, and on this strip for the frames.");
    player.slider.after(strip, hint);
    let from = null;
    const at = (pointer) => {
      const area = strip.getBoundingClientRect();
      const share = Math.min(Math.max((pointer.clientX - area.left) / area.width, 0), 1);
      return Math.min(Math.floor(share * player.count), player.count - 1);
    };
    const move = (pointer) => {
      const to = at(pointer);
      field.first.value = start + Math.min(from, to);
      field.last.value = start + Math.max(from, to);
      band();
    };
    strip.addEventListener("pointerdown", (pointer) => {
      from = at(pointer);
      strip.setPointerCapture(pointer.pointerId);
      move(pointer);
    });
    strip.addEventListener("pointermove", (pointer) => strip.hasPointerCapture(pointer.pointerId) && move(pointer));
  }

  function band() {
    if (!shown) return;
    const { count } = studio.main.player;
    const first = Number(field.first.value) - start;
    const last = Number(field.last.value) - start;
    Object.assign(shown.style, { left: (100 * first) / count + "%", width: (100 * Math.max(last - first + 1, 0)) / count + "%" });
  }
  form.addEventListener("input", place);

  // Asking ------------------------------------------------------------------------------------------------------------

  async function run(asked, button) {
    button.disabled = true;
    said.classList.remove("note");
    try {
      await studio.answer(asked, (job) => (said.textContent = studio.words(job)));
      said.textContent = "";
      await list();
    } catch (error) {
      said.textContent = error.message;
      said.classList.add("note");
    }
    button.disabled = false;
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const edit = { kind: field.kind.value, first: Number(field.first.value) - start, last: Number(field.last.value) - start, box: box() };
    run({ kind: "predict", clip: question.clip, model: question.model, view: question.view, frames: question.frames, edits: [edit] }, event.submitter);
  });
  const hide = document.getElementById("hide");
  hide.addEventListener("click", () => run({ ...studio.strip(question), kind: "trust" }, hide));

  // The list ----------------------------------------------------------------------------------------------------------

  // The shown value decides: a change that rounds to zero has no sign and no colour.
  const changed = (before, after) => Math.round(1000 * (after - before)) / 1000 || 0;
  const signed = (share) => (share > 0 ? "+" : share < 0 ? "−" : "") + (100 * Math.abs(share)).toFixed(1);
  const coloured = (share) => (share > 0 ? "right" : share < 0 ? "wrong" : "");
  const row = (what, label, before, after) =>
    make(
      "tr", {},
      make("th", { scope: "row" }, what),
      make("td", {}, label),
      make("td", { class: "number" }, percent(before)),
      make("td", { class: "number" }, percent(after)),
      make("td", { class: `number ${coloured(changed(before, after))}` }, signed(changed(before, after)))
    );

  async function list() {
    const query = new URLSearchParams({ clip: question.clip, model: question.model, view: question.view, frames: question.frames });
    const tried = await studio.get("/api/experiments?" + query);
    const rows = [];
    for (const { answer, before, words } of tried) {
      if (!answer) continue;
      if ("trust" in answer) {
        rows.push(row(words.join("; "), answer.label, answer.before, answer.hidden));
        rows.push(row("a random part of the same size hidden", answer.label, answer.before, answer.random));
      } else if (before) {
        const label = question.target || before[0][0];
        const share = (all) => (all.find(([name]) => name === label) || [label, 0])[1];
        rows.push(row(words.join("; "), label, share(before), share(answer.predictions)));
      }
    }
    const table = document.getElementById("tried");
    table.hidden = !rows.length;
    table.tBodies[0].replaceChildren(...rows);
  }
  document.addEventListener("explained", (event) => event.detail === studio.main && list().catch(() => {}));
})(window);
