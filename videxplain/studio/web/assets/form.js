/* The form of the question, and the files to save. */
(function (root) {
  "use strict";
  const { studio } = root;
  const { make } = studio;
  const by = (id) => document.getElementById(id);
  const form = by("question");

  // Show only the fields that the method takes.
  function fit() {
    const chosen = by("method").selectedOptions[0].dataset;
    by("layer-field").hidden = chosen.layer !== "1";
    by("target-field").hidden = by("against-field").hidden = chosen.target !== "1";
  }
  by("method").addEventListener("change", async () => {
    fit();
    const answer = await fetch("/form/options?method=" + encodeURIComponent(by("method").value));
    if (answer.ok) by("options").innerHTML = await answer.text();
  });
  function describe() {
    const chosen = by("model").selectedOptions[0].dataset;
    by("model-words").textContent = chosen.words;
    by("view-field").hidden = chosen.crops !== "1";
  }
  by("model").addEventListener("change", describe);
  describe();
  fit();

  // Empty and default fields are left out of the address, which makes it short.
  const defaults = { model: "i3d", view: "model", method: "gradcam" };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const query = new URLSearchParams();
    for (const [name, value] of new FormData(form)) {
      const field = form.elements[name];
      const standing = field && field.tagName === "SELECT" && [...field.options].findIndex((one) => one.defaultSelected) === field.selectedIndex;
      const option = name.startsWith("o.") && standing && !new URLSearchParams(location.search).has(name);
      if (value && defaults[name] !== value && !option) query.append(name, value);
    }
    if (event.submitter && event.submitter.id === "beside") query.append("beside", mainQuery());
    location.href = location.pathname + (query.size ? "?" + query : "");
  });

  /** The question of the first pane as text, for the address. */
  function mainQuery(sha) {
    const { question } = studio.main;
    const standing = { view: "model", frames: ":" };
    const query = new URLSearchParams({ clip: sha || question.clip });
    for (const name of ["model", "view", "method", "target", "against", "layer", "frames"]) {
      if (question[name] && question[name] !== standing[name] && !(sha && name === "frames")) query.append(name, question[name]);
    }
    for (const [name, value] of Object.entries(question.options)) query.append("o." + name, value);
    return String(query);
  }
  if (by("other")) {
    by("other").addEventListener("submit", (event) => {
      event.preventDefault();
      const query = new URLSearchParams(location.search);
      query.append("beside", mainQuery(by("other-clip").value));
      location.href = location.pathname + "?" + query;
    });
  }

  // The predicted classes are first in the list.
  document.addEventListener("predicted", () => {
    by("classes").replaceChildren(
      ...studio.predictions.map(([label, share]) => make("option", { value: label, label: `${label}, ${studio.percent(share)}` }))
    );
  });
  // The layers of the network are fetched after the explanation has come.
  document.addEventListener("explained", async (event) => {
    if (event.detail !== studio.main || by("layers").children.length) return;
    const found = await studio.answer({ kind: "layers", model: studio.main.question.model, view: studio.main.question.view }).catch(() => null);
    if (!found) return;
    by("layers").replaceChildren(
      ...found.layers.map((one) => make("option", { value: one.name, label: `${one.type}, ${one.shape}${one.default ? ", default" : ""}` }))
    );
  });

  // Files.
  for (const button of by("files").querySelectorAll("button")) {
    button.addEventListener("click", async () => {
      const said = by("file-said");
      button.disabled = true;
      said.classList.remove("note");
      try {
        const question = { ...studio.strip(studio.main.question), kind: "file", format: button.dataset.format };
        const { key } = await studio.answer(question, (job) => (said.textContent = studio.words(job)));
        const link = make("a", { href: `/api/results/${key}/file`, download: "" }, "Save the file (" + button.getAttribute("aria-label") + ")");
        said.replaceChildren(link);
        link.click();
      } catch (error) {
        said.textContent = error.message;
        said.classList.add("note");
      }
      button.disabled = false;
    });
  }
})(window);
