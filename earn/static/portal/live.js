// What is found and reckoned as one types: grey while an answer is on its way, and gone when
// none came, so that no old figure stands beside what was newly typed.
"use strict";

function parts(target) {
  const beside = document.getElementById(target.dataset.beside);
  return beside ? [target, beside] : [target];
}

function tell(target) {
  const sentence = document.createElement("p");
  sentence.className = "notice error";
  sentence.setAttribute("role", "alert");
  sentence.textContent = target.dataset.failed;
  parts(target).forEach((part) => part.replaceChildren());
  target.append(sentence);
}

document.addEventListener("htmx:beforeRequest", (event) => {
  parts(event.detail.target).forEach((part) => part.setAttribute("aria-busy", "true"));
});

document.addEventListener("htmx:afterRequest", (event) => {
  parts(event.detail.target).forEach((part) => part.removeAttribute("aria-busy"));
});

for (const failure of ["htmx:sendError", "htmx:responseError", "htmx:timeout"]) {
  document.addEventListener(failure, (event) => {
    if (event.detail.target.dataset.failed) tell(event.detail.target);
  });
}
