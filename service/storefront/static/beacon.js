// Tells us how long this page took and how many of its scripts and files failed: numbers and the page's name, nothing of
// who. Some page views do, the others do nothing; the pages need none of it.
"use strict";

(() => {
  const { page, sample } = document.currentScript.dataset;
  if (!navigator.sendBeacon || Math.random() >= Number(sample)) return;
  let errors = 0;

  const send = (told) => {
    navigator.sendBeacon("/beacon", JSON.stringify({ page, ...told, errors }));
    errors = 0;
  };
  const fail = () => { errors += 1; };
  addEventListener("error", fail, true); // caught on the way down: a file that does not load tells only itself
  addEventListener("unhandledrejection", fail);
  addEventListener("load", () => setTimeout(() => { // afterwards: then the end of loading is known, too
    const [way] = performance.getEntriesByType("navigation");
    if (!way) return;
    const [ttfb, domReady, load] = [way.responseStart, way.domContentLoadedEventEnd, way.loadEventEnd].map(Math.round);
    send({ ttfb, domReady, load });
  }, 0));
  addEventListener("pagehide", () => { if (errors) send({}); });
})();
