/* Waits until the clip has been read. */
(function () {
  "use strict";
  const status = document.getElementById("reading");
  const look = async () => {
    const answer = await fetch("/api/clips/" + status.dataset.sha);
    if (!answer.ok || (await answer.json()).state !== "new") location.reload();
    else setTimeout(look, 250);
  };
  setTimeout(look, 100);
})();
