/* The first page: uploads, by button or by dropping a file, deleting clips, and questions that wait. */
(function (root) {
  "use strict";
  const { studio } = root;
  const drop = document.getElementById("drop");
  const file = document.getElementById("file");
  const sent = document.getElementById("sent");
  const stop = document.getElementById("stop");
  const said = document.getElementById("said");
  let request = null;

  function upload(files) {
    const [one] = files;
    if (request) return;
    if (files.length > 1) return fail("choose one video at a time");
    if (one.size > Number(drop.dataset.bytes)) return fail(`${one.name} is too large: a clip has at most ${Math.floor(drop.dataset.bytes / 2 ** 20)} MB`);
    request = new XMLHttpRequest(); // fetch does not say how far an upload is
    request.open("POST", "/api/clips?name=" + encodeURIComponent(one.name));
    request.responseType = "json";
    sent.value = 0;
    sent.hidden = stop.hidden = false;
    said.classList.remove("note");
    said.textContent = "sending " + one.name;
    request.upload.addEventListener("progress", (event) => {
      if (event.lengthComputable) sent.value = event.loaded / event.total;
    });
    request.addEventListener("load", () => {
      const answer = request.response || {};
      if (request.status === 201) location.href = "/clip/" + answer.sha;
      else fail(answer.error || "the studio did not take the file");
    });
    request.addEventListener("error", () => fail("the file was not sent: it is a folder or cannot be read, or the studio has ended"));
    request.addEventListener("abort", () => fail("the upload was cancelled"));
    request.send(one);
  }

  function fail(line) {
    request = null;
    sent.hidden = stop.hidden = true;
    said.textContent = line;
    said.classList.add("note");
    file.value = "";
  }

  stop.addEventListener("click", () => request.abort());
  file.addEventListener("change", () => file.files.length && upload(file.files));
  // The whole page takes a file. Beside the frame, a browser would leave the page and show the file.
  for (const name of ["dragenter", "dragover"]) {
    document.addEventListener(name, (event) => {
      event.preventDefault();
      drop.classList.add("over");
    });
  }
  document.addEventListener("dragleave", (event) => event.relatedTarget || drop.classList.remove("over"));
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    drop.classList.remove("over");
    if (event.dataTransfer.files.length) upload(event.dataTransfer.files);
  });
  for (const button of document.querySelectorAll(".drop")) {
    button.addEventListener("click", async () => {
      await fetch("/api/clips/" + button.dataset.sha, { method: "DELETE" });
      location.reload();
    });
  }

  for (const item of document.querySelectorAll(".waiting li")) {
    const { key } = item.dataset;
    const status = item.querySelector("[role=status]");
    const cancel = item.querySelector("button");
    studio.follow(key, (job) => {
      status.textContent = studio.words(job);
      cancel.hidden = !["queued", "running"].includes(job.state);
    });
    cancel.addEventListener("click", () => fetch("/api/jobs/" + key, { method: "DELETE" }));
  }
})(window);
