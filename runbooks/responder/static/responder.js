// Reloads the part of the page that moves, when the responder says that something did; without it the page reloads itself.
(() => {
  const place = document.currentScript.dataset.live;
  let asked = false;
  const refresh = async () => {
    if (asked || document.activeElement?.matches("input, textarea, select")) return;
    asked = true;
    try {
      const answer = await fetch(location.pathname, { headers: { "X-Part": "main" }, redirect: "manual" });
      if (answer.ok) {
        const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("main");
        const open = [...document.querySelectorAll("details")].map((each) => each.open);
        if (fresh) document.querySelector("main").replaceWith(fresh);
        document.querySelectorAll("details").forEach((each, at) => { if (at in open) each.open = open[at]; });
      } else if (answer.type === "opaqueredirect") { location.reload(); }
    } catch { /* it is restarting; the stream comes again by itself */ }
    asked = false;
  };
  const stream = new EventSource(place);
  stream.addEventListener("changed", refresh);
  setInterval(refresh, 20000);
})();
