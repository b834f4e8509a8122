// What the server cannot know: the clock of who looks, and whether the connection stands.
// It runs before there is a page, so that no button is there before the one who asks "really?".
"use strict";

const pad = (number) => String(number).padStart(2, "0");

// Times in the viewer's own zone; those of the server's dialplan stay as the tooltip.
function ownTimes(within) {
  for (const time of within.querySelectorAll("time:not([title])")) {
    const at = new Date(time.dateTime);
    time.title = time.textContent + " " + time.dateTime.slice(-6);
    time.textContent =
      `${at.getFullYear()}-${pad(at.getMonth() + 1)}-${pad(at.getDate())} ` +
      `${pad(at.getHours())}:${pad(at.getMinutes())}:${pad(at.getSeconds())}`;
  }
}

function tick() {
  const now = Date.now() / 1000;
  for (const cell of document.querySelectorAll("[data-since]")) {
    cell.textContent = Math.max(0, Math.floor(now - cell.dataset.since));
  }
}

function connection(isLost) {
  const said = document.getElementById("lost");
  if (said) said.hidden = !isLost;
}

document.addEventListener("htmx:sseError", () => connection(true));
document.addEventListener("htmx:sseOpen", () => connection(false));
document.addEventListener("htmx:sendError", () => connection(true));
document.addEventListener("htmx:afterRequest", (event) => { if (event.detail.successful) connection(false); });
document.addEventListener("htmx:afterSwap", (event) => ownTimes(event.target));
// What went wrong is said by the server, as a page: it is shown in the place of the answer.
document.addEventListener("htmx:beforeSwap", (event) => {
  if (event.detail.xhr.status >= 400) {
    const page = new DOMParser().parseFromString(event.detail.serverResponse, "text/html");
    event.detail.serverResponse = page.querySelector("main").innerHTML;
    event.detail.shouldSwap = true;
  }
});

// A place of a text: that of a mistake in it, or the line that a link of another page names.
function showPlace(line, column, length) {
  const text = document.getElementById("text");
  if (!text) return;
  const lines = text.value.split("\n");
  const above = lines.slice(0, line - 1);
  const at = above.reduce((sum, one) => sum + one.length + 1, 0) + column - 1;
  text.focus();
  text.setSelectionRange(at, at + (length || (lines[line - 1] || "").length));
  text.scrollTop = (text.scrollHeight / lines.length) * Math.max(0, above.length - 5);
}
document.addEventListener("click", (event) => {
  const place = event.target.closest("[data-line]");
  if (place) showPlace(place.dataset.line, Number(place.dataset.column), 1);
});

// What is not undone by the next click is asked about first.
document.addEventListener("submit", (event) => {
  const chosen = event.target.querySelector("option[data-ask]:checked");
  const asked = (event.submitter || {dataset: {}}).dataset.ask || (chosen && chosen.dataset.ask);
  if (asked && !confirm(asked)) event.preventDefault();
});

// The menu closes when somebody looks elsewhere, or presses Escape.
function closeMenu(except) {
  for (const group of document.querySelectorAll(".bar details[open]")) {
    if (group === except) continue;
    const inside = group.contains(document.activeElement);
    group.open = false;
    if (inside && !except) group.querySelector("summary").focus();
  }
}
document.addEventListener("click", (event) => {
  if (!event.target.closest(".bar details")) closeMenu(document.body);
});
document.addEventListener("keydown", (event) => { if (event.key === "Escape") closeMenu(); });

document.addEventListener("DOMContentLoaded", () => {
  ownTimes(document);
  const named = /^#line-(\d+)$/.exec(location.hash);
  if (named) showPlace(named[1], 1);
  setInterval(tick, 1000);
});
