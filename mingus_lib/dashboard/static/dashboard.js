// Only comfort: every page works without this file.
"use strict";

const main = document.getElementById("main");
const live = document.getElementById("live");

async function load(address) {
  const answer = await fetch(address, { credentials: "same-origin", redirect: "error" });
  if (!answer.ok) throw new Error(answer.statusText);
  return new DOMParser().parseFromString(await answer.text(), "text/html");
}

// A page that says `data-live` is loaded again so often, in seconds, while somebody looks at it and uses nothing in it.
async function refresh() {
  const busy = main.contains(document.activeElement) && document.activeElement.matches("input, select, button");
  if (!live.checked || document.hidden || busy) return;
  try {
    const fresh = (await load(location.href)).getElementById("main");
    if (fresh && fresh.innerHTML !== main.innerHTML) replace(fresh);
    main.removeAttribute("data-away");
    if (fresh && !fresh.dataset.live) clearInterval(timer);
  } catch {
    main.setAttribute("data-away", "");
  }
}

function replace(fresh) {
  const scrolls = [...main.querySelectorAll(".scroll, pre")].map((box) => [box.scrollLeft, box.scrollTop]);
  const focused = [...main.querySelectorAll("a, [tabindex]")].indexOf(document.activeElement);
  main.replaceChildren(...fresh.childNodes);
  main.querySelectorAll(".scroll, pre").forEach((box, at) => scrolls[at] && box.scrollTo(...scrolls[at]));
  if (focused >= 0) main.querySelectorAll("a, [tabindex]")[focused]?.focus({ preventScroll: true });
}

let timer;
if (main.dataset.live && live) {
  live.parentElement.hidden = false;
  live.checked = sessionStorage.getItem("live") !== "no";
  live.addEventListener("change", () => sessionStorage.setItem("live", live.checked ? "yes" : "no"));
  timer = setInterval(refresh, main.dataset.live * 1000);
}

// A search that ran out of time before its page was full goes on by itself.
async function search() {
  const rows = document.getElementById("found");
  let further;
  while ((further = document.getElementById("further")) && (rows?.rows.length ?? 0) < 50) {
    const page = await load(further.href);
    const more = page.getElementById("found");
    // A first job needs the whole page: its table, its buttons.
    if (more && !rows) return location.replace(further.href);
    if (more) rows.append(...more.children);
    further.closest(".pages").replaceWith(page.querySelector(".pages"));
  }
  if (!rows && !further) document.querySelector(".after").prepend("No job is like that.");
}
if (document.getElementById("further")) search();

// One box above the others marks them all.
const head = document.querySelector("thead .mark");
if (head && document.getElementById("found")) {
  const all = document.createElement("input");
  all.type = "checkbox";
  all.setAttribute("aria-label", "Mark all jobs of this page");
  all.addEventListener("change", () => {
    for (const box of document.querySelectorAll("#found input[name=id]")) box.checked = all.checked;
  });
  head.replaceChildren(all);
}
