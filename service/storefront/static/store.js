// What the pages gain with a script: steppers and a running total, a countdown, one click one order, an order page that
// keeps itself up to date. Everything works without it.
"use strict";

document.documentElement.classList.add("scripted");

const each = (selector, act, root = document) => root.querySelectorAll(selector).forEach(act);

// ---- store and cart: − / + and the total

function openStore(form) {
  const sum = form.querySelector("[data-sum]");
  const steppers = [...form.querySelectorAll("[data-stepper]")];
  const value = (input) => Math.min(Math.max(parseInt(input.value, 10) || 0, 0), Number(input.max));

  function draw() {
    let minor = 0;
    for (const stepper of steppers) {
      const input = stepper.querySelector("input");
      const count = value(input);
      minor += count * Number(stepper.dataset.price);
      stepper.classList.toggle("some", count > 0);
      const [fewer, more] = stepper.querySelectorAll("[data-step]");
      fewer.disabled = count <= 0;
      more.disabled = count >= Number(input.max);
      const total = stepper.parentElement.querySelector(".line-total");
      if (total) total.textContent = money(count * Number(stepper.dataset.price));
    }
    if (!sum) return;
    sum.querySelector("output").textContent = money(minor);
    if (sum.classList.contains("sum")) sum.hidden = minor === 0;
  }

  function money(minor) {
    const format = new Intl.NumberFormat(sum.dataset.locale, { style: "currency", currency: sum.dataset.currency });
    return format.format(minor / 10 ** format.resolvedOptions().maximumFractionDigits);
  }

  for (const stepper of steppers) {
    stepper.classList.add("live");
    each("[data-step]", (button) => {
      button.hidden = false;
      button.addEventListener("click", () => {
        const input = stepper.querySelector("input");
        input.value = value(input) + Number(button.dataset.step);
        draw();
      });
    }, stepper);
  }
  form.addEventListener("input", draw);
  draw();
}

// ---- checkout: a second click does not send a second time

function sendOnce(form) {
  form.addEventListener("submit", (event) => {
    const button = form.querySelector(".go");
    if (button.getAttribute("aria-disabled") === "true") return event.preventDefault();
    button.setAttribute("aria-disabled", "true");
    button.dataset.words = button.innerHTML;
    button.textContent = form.dataset.once;
  });
  window.addEventListener("pageshow", () => {
    const button = form.querySelector(".go");
    if (button.dataset.words) button.innerHTML = button.dataset.words;
    button.removeAttribute("aria-disabled");
  });
}

// ---- order page: countdown, slow notes, and asking again until nothing more can change

function keepOrder(page) {
  const live = page.querySelector("[data-live]");
  const announce = page.querySelector("[data-announce]");
  let drawn = performance.now();
  let asked = 0;
  let failed = 0;
  let timer = 0;

  const state = () => live.querySelector(".state");
  const passed = () => (performance.now() - drawn) / 1000;

  function tick() {
    each("[data-until]", (clock) => {
      const left = Math.max(0, Math.ceil(Number(clock.dataset.until) - passed()));
      clock.querySelector("b").textContent = `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`;
      clock.classList.toggle("near", left <= 60);
    }, live);
    const since = Number(state().dataset.since || 0) + passed();
    each("[data-after]", (note) => { note.hidden = since < Number(note.dataset.after); }, live);
  }

  async function ask() {
    asked += 1;
    try {
      const answer = await fetch(page.dataset.order, {
        headers: { "If-None-Match": state().dataset.tag }, cache: "no-store", credentials: "same-origin",
      });
      if (answer.status === 404) return location.reload();
      if (answer.status !== 304 && !answer.ok) throw new Error(answer.status);
      if (answer.status === 200) show(await answer.text());
      failed = 0;
    } catch {
      failed += 1;
    }
    const lost = live.querySelector("[data-lost-touch]");
    lost.hidden = failed < 3;
    lost.textContent = page.dataset.lost;
    plan();
  }

  function show(html) {
    const said = state().dataset.said;
    live.innerHTML = html;
    drawn = performance.now();
    asked = 0;
    prepare();
    if (live.querySelector(".admit")) each(".cart-link", (link) => link.remove());
    if (state().dataset.said === said) return;
    announce.textContent = state().dataset.said;
    document.title = document.title.replace(/^[^·]*/, `${state().dataset.said.split(": ").pop()} `);
  }

  // At first every second, then slower: a bank that takes days is not asked every second.
  function plan() {
    clearTimeout(timer);
    if (state().dataset.poll !== "1") return;
    const pause = document.hidden ? 10000 : asked < 10 ? 1000 : asked < 50 ? 3000 : asked < 100 ? 10000 : 60000;
    timer = setTimeout(ask, pause * (1 + Math.min(failed, 3)) * (0.9 + Math.random() / 5));
  }

  function prepare() {
    each("[data-print]", (button) => {
      button.hidden = false;
      button.addEventListener("click", () => window.print());
    }, live);
    tick();
  }

  document.addEventListener("visibilitychange", () => { if (!document.hidden && state().dataset.poll === "1") ask(); });
  setInterval(tick, 500);
  prepare();
  plan();
}

each("[data-store]", openStore);
each("[data-once]", sendOnce);
each("[data-order]", keepOrder);
each("[data-no-script]", (element) => { element.hidden = true; });
each("[data-focus]", (element) => element.focus());
