// Keeps the page true: the server sends the changed part as HTML whenever something changed, numbered. A lost
// connection is shown, and mended by asking for the whole state again.
"use strict";
(function () {
  const mark = document.getElementById("live");
  const target = document.getElementById("fleet");
  if (!mark || !target || !window.EventSource) { return; }

  let last = Date.now();
  let source = null;

  function show() {
    const age = Math.round((Date.now() - last) / 1000);
    const stale = age > 6;
    mark.classList.toggle("stale", stale);
    mark.textContent = stale ? "stale, last seen " + age + " s ago" : "live";
  }

  // Somebody who types a number or has a button in focus must not lose it to a new picture.
  function busy() {
    const el = document.activeElement;
    return el && target.contains(el) && el.tagName === "INPUT";
  }

  // Seconds in a stage count on between two messages.
  function count() {
    document.querySelectorAll("[data-since]").forEach(function (el) {
      const s = Math.max(0, Math.round(Date.now() / 1000 - Number(el.dataset.since)));
      el.textContent = s < 120 ? s + " s" : s < 7200 ? Math.floor(s / 60) + " min" : Math.floor(s / 3600) + " h";
    });
  }

  function connect() {
    source = new EventSource(target.dataset.source);
    source.addEventListener("fleet", function (e) {
      last = Date.now();
      if (!busy()) { target.innerHTML = e.data; count(); }
      const title = target.querySelector("[data-title]");
      if (title) { document.title = title.dataset.title; }
      show();
    });
    source.addEventListener("beat", function () { last = Date.now(); show(); });
    source.addEventListener("bye", function () { source.close(); window.location.reload(); });
    source.onerror = show;
  }

  setInterval(function () { show(); count(); }, 1000);
  count();
  connect();
})();
