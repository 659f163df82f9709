/* Shared by all parts of the page: requests to the studio, and the progress of questions. */
(function (root) {
  "use strict";
  const studio = (root.studio = root.studio || {});

  studio.make = function (tag, attributes, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes || {})) {
      if (value !== false && value !== null) element.setAttribute(name, value === true ? "" : value);
    }
    element.append(...children);
    return element;
  };

  studio.percent = (share) => (100 * share).toFixed(1) + " %";

  /** JSON from an address; throws an error whose message is the studio's line. */
  studio.get = async function (address, settings) {
    let answer;
    try {
      answer = await fetch(address, settings);
    } catch (error) {
      throw new Error("the studio does not answer; is it still running?");
    }
    const content = await answer.json().catch(() => ({}));
    if (!answer.ok) throw new Error(content.error || "the studio answered with status " + answer.status);
    return content;
  };

  studio.ask = (question) =>
    studio.get("/api/jobs", { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(question) });

  studio.words = function (job) {
    if (job.state === "queued") return job.place ? `waiting, ${job.place} ${job.place === 1 ? "question" : "questions"} before it` : "waiting";
    if (job.state === "cancelling") return "cancelling";
    if (job.state === "cancelled") return "cancelled";
    if (job.state === "failed") return job.error;
    if (job.state === "done") return "done";
    return job.total ? `${job.stage}, ${job.done} of ${job.total}` : job.stage || "starting";
  };

  // One stream for all questions of the page, because a browser opens only a few connections to a host.
  const watched = new Map();
  let stream = null;
  let timer = null;

  function open() {
    timer = null;
    if (stream) stream.close();
    const keys = [...watched.keys()].slice(-16);
    if (!keys.length) return;
    stream = new EventSource("/api/events?" + keys.map((key) => "key=" + key).join("&"));
    stream.addEventListener("message", (event) => {
      const job = JSON.parse(event.data);
      for (const tell of watched.get(job.key) || []) tell(job);
      if (["done", "failed", "cancelled"].includes(job.state)) watched.delete(job.key);
    });
    stream.addEventListener("over", () => stream.close());
  }

  /** Call `tell` with every change of a question. */
  studio.follow = function (key, tell) {
    if (!watched.has(key)) watched.set(key, []);
    watched.get(key).push(tell);
    if (!timer) timer = setTimeout(open, 20);
  };

  /** Ask a question and wait for the answer. `tell` is called with the progress. */
  studio.answer = async function (question, tell) {
    const job = await studio.ask(question);
    if (tell) tell(job);
    return new Promise((resolve, reject) => {
      studio.follow(job.key, async (now) => {
        if (tell) tell(now);
        if (now.state === "failed" || now.state === "cancelled") reject(new Error(studio.words(now)));
        if (now.state !== "done") return;
        try {
          resolve({ key: job.key, ...(await studio.get("/api/results/" + job.key)) });
        } catch (error) {
          reject(error);
        }
      });
    });
  };
})(window);
