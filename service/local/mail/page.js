// New mails appear by themselves, times are shown in the reader's zone, and clearing asks first. The page works without it.
"use strict";

const INTERVAL_MS = 2000;

function localTimes() {
  const today = new Date().toDateString();
  for (const time of document.querySelectorAll("time")) {
    const at = new Date(time.dateTime);
    const clock = { hour: "2-digit", minute: "2-digit" };
    const day = { day: "numeric", month: "short" };
    time.title = at.toString();
    if ("long" in time.dataset) time.textContent = at.toLocaleString("en-GB", { dateStyle: "long", timeStyle: "long" });
    else time.textContent = at.toLocaleString("en-GB", at.toDateString() === today ? clock : { ...day, ...clock });
  }
}

async function refresh() {
  if (document.hidden) return;
  const { newest, total, to } = document.body.dataset;
  const query = new URLSearchParams({ limit: "1", ...(to && { to }) });
  const answer = await fetch(`/api/messages?${query}`);
  const now = await answer.json();
  if (String(now.messages[0]?.id ?? 0) === newest && String(now.total) === total) return;

  const page = new DOMParser().parseFromString(await (await fetch(location.href)).text(), "text/html");
  document.querySelector(".list").innerHTML = page.querySelector(".list").innerHTML;
  document.querySelector("[data-clear]").disabled = page.querySelector("[data-clear]").disabled;
  if (document.body.className === "listing") {
    document.querySelector(".reader").innerHTML = page.querySelector(".reader").innerHTML;
  }
  Object.assign(document.body.dataset, { ...page.body.dataset });
  localTimes();
}

document.querySelector("[data-clear]").addEventListener("click", async () => {
  if (!confirm("Remove all mails from the sink?")) return;
  await fetch("/api/messages", { method: "DELETE" });
  location.href = "/";
});

localTimes();
setInterval(() => refresh().catch(() => {}), INTERVAL_MS); // the sink may be restarting; the next round will tell
