// A paper takes a while to be made: the page says so until the file is there.
// Without this file the browser fetches it by itself.
"use strict";

const KEPT_MILLISECONDS = 60_000; // a browser may still be writing the file

function named(answer) {
  const found = /filename="([^"]+)"/.exec(answer.headers.get("Content-Disposition") || "");
  return found ? found[1] : "";
}

function save(blob, name) {
  const file = document.createElement("a");
  file.href = URL.createObjectURL(blob);
  file.download = name;
  file.click();
  setTimeout(() => URL.revokeObjectURL(file.href), KEPT_MILLISECONDS);
}

// What the page then says; nothing while it gives way to the sign-in of an ended session.
async function fetched(link) {
  const answer = await fetch(link.href);
  if (answer.redirected) {
    location.assign(answer.url);
    return "";
  }
  if (!answer.ok) return "failed";
  save(await answer.blob(), named(answer));
  return "made";
}

document.addEventListener("click", async (event) => {
  const link = event.target.closest(".forms a, a.paper");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  if (link.getAttribute("aria-busy")) return;
  const state = document.getElementById("making");
  state.textContent = state.dataset.making;
  link.setAttribute("aria-busy", "true");
  const outcome = await fetched(link).catch(() => "failed");
  state.textContent = state.dataset[outcome] || "";
  link.removeAttribute("aria-busy");
});
