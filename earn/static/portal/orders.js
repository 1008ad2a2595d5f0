// Orders are sent without leaving the page, so that a lost connection loses nothing.
// Without this file the same form goes the browser's way, with the same key: once.
"use strict";

const PATIENCE = 30000; // milliseconds

function tell(form, words) {
  const problem = form.querySelector(".problem");
  problem.textContent = words;
  problem.hidden = !words;
}

function rest(button) {
  button.disabled = false;
  button.removeAttribute("aria-busy");
  if (button.dataset.says) button.textContent = button.dataset.says;
}

function show(text) {
  const page = new DOMParser().parseFromString(text, "text/html");
  const main = page.querySelector("main");
  if (!main) throw new Error("no page");
  document.title = page.title;
  document.querySelector("main").replaceWith(document.adoptNode(main));
  document.querySelector("main").focus();
  window.scrollTo(0, 0);
}

async function send(form, button) {
  const answer = await fetch(form.action, {
    method: "POST",
    body: new URLSearchParams(new FormData(form, button)),
    signal: AbortSignal.timeout(PATIENCE),
  });
  if (answer.redirected) {
    window.location.assign(answer.url);
    return;
  }
  show(await answer.text());
}

document.addEventListener("submit", async (event) => {
  const form = event.target;
  const button = event.submitter || form.querySelector("[name=step]");
  if (!form.matches("form.order") || !form.querySelector("[name=signed]")) return;
  event.preventDefault();
  if (!navigator.onLine) {
    tell(form, form.dataset.offline);
    return;
  }
  tell(form, "");
  const sent = send(form, button);
  button.dataset.says = button.textContent;
  button.textContent = form.dataset.sending;
  button.setAttribute("aria-busy", "true");
  button.disabled = true;
  try {
    await sent;
  } catch {
    rest(button);
    tell(form, form.dataset.unknown);
    button.focus();
  }
});

// A page that the browser kept comes back as it was left: sending.
window.addEventListener("pageshow", () => {
  document.querySelectorAll("form.order button[aria-busy]").forEach(rest);
});

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-fills]");
  if (!link) return;
  event.preventDefault();
  const field = document.getElementById(link.dataset.fills);
  field.value = link.dataset.value;
  field.focus();
});
