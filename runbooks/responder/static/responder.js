// Shows the page's newest state when the responder says that something moved. Without a script the page is whole as well.
(() => {
  const place = document.currentScript.dataset.live;
  const find = () => document.querySelector("#find");
  document.addEventListener("input", (event) => {
    if (event.target !== find()) return;
    const wanted = event.target.value.toLowerCase();
    document.querySelectorAll("[data-name]").forEach((each) => { each.hidden = !each.dataset.name.includes(wanted); });
  });
  if (!place) return;
  let asked = false;
  const refresh = async () => {
    if (asked || document.activeElement?.matches("input, textarea, select")) return;
    asked = true;
    try {
      const answer = await fetch(location.pathname, { redirect: "manual" });
      if (answer.ok) {
        const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
        const open = [...document.querySelectorAll("details")].map((each) => each.open);
        for (const part of ["main", "footer"]) {
          const [shown, newer] = [document, fresh].map((each) => each.querySelector(part));
          if (shown.innerHTML !== newer.innerHTML) shown.replaceWith(newer); // nothing moves under a thumb without need
        }
        document.querySelectorAll("details").forEach((each, at) => { if (at in open) each.open = open[at]; });
        document.title = fresh.title;
      } else if (answer.type === "opaqueredirect") location.reload();
    } catch { /* it is starting again; the stream comes back by itself */ }
    asked = false;
  };
  const stream = new EventSource(place);
  stream.addEventListener("open", refresh); // what moved between the page and the stream
  stream.addEventListener("changed", refresh);
  setInterval(refresh, 20000);
})();
