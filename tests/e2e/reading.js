// What stands in the way of reading this page by eye, by ear or by finger: one sentence each. Runs inside the page.
() => {
  const found = [];
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const name = (element) => `<${element.tagName.toLowerCase()}${element.id ? "#" + element.id : ""}${
    element.classList.length ? "." + [...element.classList].join(".") : ""}>`;
  const words = (element) => (element.textContent || "").trim().replace(/\s+/g, " ").slice(0, 40);

  // ---- structure

  const one = (selector) => {
    const number = all(selector).length;
    if (number !== 1) found.push(`${number} times ${selector}`);
  };
  ["html[lang]", "title", "main", "h1"].forEach(one);
  if (!document.title.trim()) found.push("no title");

  let level = 0;
  for (const heading of all("h1, h2, h3, h4, h5, h6")) {
    const next = Number(heading.tagName[1]);
    if (level && next > level + 1) found.push(`h${level} is followed by h${next} "${words(heading)}"`);
    level = next;
  }

  const ids = all("[id]").map((element) => element.id);
  for (const id of new Set(ids.filter((each, place) => ids.indexOf(each) !== place))) found.push(`id ${id} twice`);
  for (const attribute of ["aria-labelledby", "aria-describedby", "aria-controls", "for"]) {
    for (const element of all(`[${attribute}]`)) {
      for (const id of element.getAttribute(attribute).split(/\s+/).filter(Boolean)) {
        if (!document.getElementById(id)) found.push(`${name(element)} ${attribute} names ${id}, which is not there`);
      }
    }
  }
  for (const link of all("a[href^='#']")) {
    if (!document.getElementById(link.getAttribute("href").slice(1))) found.push(`${name(link)} leads nowhere`);
  }

  // ---- names

  const shown = (element) => element.checkVisibility({ visibilityProperty: true, opacityProperty: false });
  const heard = (element) => shown(element) && !element.closest("[aria-hidden='true']");
  const spoken = (element) => {
    const by = (element.getAttribute("aria-labelledby") || "").split(/\s+/).filter(Boolean);
    const others = by.map((id) => document.getElementById(id)?.textContent || "").join(" ");
    const labels = [...(element.labels || [])].map((label) => label.textContent).join(" ");
    const copy = element.cloneNode(true);
    all("[aria-hidden='true']", copy).forEach((hidden) => hidden.remove());
    const images = all("[aria-label], img[alt]", copy).map((each) => each.getAttribute("aria-label") || each.alt).join(" ");
    return [element.getAttribute("aria-label"), others, labels, copy.textContent, images].join(" ").trim();
  };
  const controls = all("a[href], button, input:not([type=hidden]), select, textarea, summary").filter(heard);
  for (const control of controls) if (!spoken(control)) found.push(`${name(control)} has no name`);
  for (const image of all("img").filter(heard)) if (!image.hasAttribute("alt")) found.push(`${name(image)} has no alt`);
  for (const drawing of all("svg").filter(heard)) {
    if (!drawing.closest("[role=img], a, button, [aria-label]") && !drawing.getAttribute("aria-label") && !drawing.querySelector("title"))
      found.push(`${name(drawing)} in ${name(drawing.parentElement)} is neither named nor hidden`);
  }

  // ---- colours

  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const read = (colour) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
    return { r, g, b, a: a / 255 };
  };
  const over = (top, under) => ({
    r: top.r * top.a + under.r * (1 - top.a), g: top.g * top.a + under.g * (1 - top.a),
    b: top.b * top.a + under.b * (1 - top.a), a: 1,
  });
  const linear = (part) => (part / 255 <= 0.04045 ? part / 255 / 12.92 : ((part / 255 + 0.055) / 1.055) ** 2.4);
  const light = ({ r, g, b }) => 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
  const ratio = (one_, other) => {
    const [high, low] = [light(one_), light(other)].sort((x, y) => y - x);
    return (high + 0.05) / (low + 0.05);
  };
  const onPicture = (box) => {
    const top = box.top + scrollY;
    scrollTo({ top: top - innerHeight / 2, behavior: "instant" });
    return document.elementsFromPoint(box.left + box.width / 2, top - scrollY + box.height / 2).some((each) => each instanceof SVGElement || each.tagName === "IMG");
  };
  const behind = (element) => {
    const layers = [];
    for (let each = element; each; each = each.parentElement) {
      const style = getComputedStyle(each);
      if (style.backgroundImage !== "none") return null; // a picture: judged by eye
      const colour = read(style.backgroundColor);
      if (colour.a) layers.push(colour);
      if (colour.a === 1) break;
    }
    const dark = getComputedStyle(document.documentElement).colorScheme.includes("dark") &&
      matchMedia("(prefers-color-scheme: dark)").matches;
    return layers.reduceRight((under, top) => over(top, under), dark ? read("#121212") : read("#ffffff"));
  };
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const pale = new Set();
  let judged = 0;
  while (texts.nextNode()) {
    const element = texts.currentNode.parentElement;
    if (!texts.currentNode.data.trim() || !shown(element) || element.closest("script, style, noscript, svg, :disabled")) continue;
    const style = getComputedStyle(element);
    const box = element.getBoundingClientRect();
    if (box.width <= 1 || box.height <= 1) continue; // for screen readers only
    const ground = behind(element);
    if (!ground || onPicture(box)) continue;
    judged += 1;
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    const reached = ratio(over(read(style.color), ground), ground);
    if (reached < (large ? 3 : 4.5)) pale.add(`${name(element)} "${words(element)}" has contrast ${reached.toFixed(2)}`);
  }
  found.push(...pale);
  if (judged < 3) found.push(`only ${judged} texts could be judged by their colour`);

  // ---- size

  const wide = document.documentElement.scrollWidth - document.documentElement.clientWidth;
  if (wide > 0) found.push(`the page is ${wide} px wider than the window`);
  for (const control of controls) {
    const box = control.getBoundingClientRect();
    const within = getComputedStyle(control).display === "inline"; // a link in a sentence may be as high as its line
    if (!within && box.width > 1 && (box.width < 24 || box.height < 24))
      found.push(`${name(control)} "${words(control)}" is ${Math.round(box.width)} × ${Math.round(box.height)} px`);
  }
  scrollTo({ top: 0, behavior: "instant" });
  return found;
}
