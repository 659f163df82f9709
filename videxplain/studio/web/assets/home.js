/* The first page: uploads, by button or by dropping a file, and deleting clips. */
(function () {
  "use strict";
  const drop = document.getElementById("drop");
  const file = document.getElementById("file");
  const sent = document.getElementById("sent");
  const said = document.getElementById("said");

  function upload(one) {
    const request = new XMLHttpRequest(); // fetch does not say how far an upload is
    request.open("POST", "/api/clips?name=" + encodeURIComponent(one.name));
    request.responseType = "json";
    sent.hidden = false;
    said.textContent = "sending " + one.name;
    request.upload.addEventListener("progress", (event) => {
      if (event.lengthComputable) sent.value = event.loaded / event.total;
    });
    request.addEventListener("load", () => {
      const answer = request.response || {};
      if (request.status === 201) location.href = "/clip/" + answer.sha;
      else fail(answer.error || "the studio did not take the file");
    });
    request.addEventListener("error", () => fail("the studio did not take the file: it is too large, or the studio has ended"));
    request.send(one);
  }

  function fail(line) {
    sent.hidden = true;
    said.textContent = line;
    said.classList.add("note");
    file.value = "";
  }

  file.addEventListener("change", () => file.files.length && upload(file.files[0]));
  for (const name of ["dragenter", "dragover"]) {
    drop.addEventListener(name, (event) => {
      event.preventDefault();
      drop.classList.add("over");
    });
  }
  for (const name of ["dragleave", "drop"]) drop.addEventListener(name, () => drop.classList.remove("over"));
  drop.addEventListener("drop", (event) => {
    event.preventDefault();
    if (event.dataTransfer.files.length) upload(event.dataTransfer.files[0]);
  });
  for (const button of document.querySelectorAll(".drop")) {
    button.addEventListener("click", async () => {
      await fetch("/api/clips/" + button.dataset.sha, { method: "DELETE" });
      location.reload();
    });
  }
})();
