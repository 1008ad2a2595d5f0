// A long statement takes seconds to be made: the page says so until the file is there.
// Without this file the browser fetches it by itself.
"use strict";

function named(answer) {
  const found = /filename="([^"]+)"/.exec(answer.headers.get("Content-Disposition") || "");
  return found ? found[1] : "";
}

async function fetched(link) {
  const answer = await fetch(link.href);
  if (!answer.ok || answer.redirected) throw new Error("no file");
  const file = document.createElement("a");
  file.href = URL.createObjectURL(await answer.blob());
  file.download = named(answer);
  file.click();
  URL.revokeObjectURL(file.href);
}

document.addEventListener("click", async (event) => {
  const link = event.target.closest(".forms a");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  if (link.getAttribute("aria-busy")) return;
  const state = document.getElementById("making");
  state.textContent = state.dataset.making;
  link.setAttribute("aria-busy", "true");
  try {
    await fetched(link);
    state.textContent = state.dataset.made;
  } catch {
    state.textContent = state.dataset.failed;
  }
  link.removeAttribute("aria-busy");
});
