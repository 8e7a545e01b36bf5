// Bars over time, drawn in SVG; the same figures as a table for those who
// cannot see them.

import { h, table } from "./dom.js";

const NS = "http://www.w3.org/2000/svg";
function s(tag, attributes, ...children) {
  const out = document.createElementNS(NS, tag);
  for (const [name, value] of Object.entries(attributes)) out.setAttribute(name, value);
  out.append(...children);
  return out;
}

/** points: [{value, at, href}], the oldest first; `text` writes a value. */
export function chart(title, points, text) {
  const W = 640, H = 200, LEFT = 84, BOTTOM = 24, TOP = 10;
  const top = Math.max(...points.map((p) => p.value)) || 1;
  const each = (W - LEFT) / points.length;
  const y = (value) => H - BOTTOM - (value / top) * (H - BOTTOM - TOP);
  const label = `${title}: ${points.length} backups, from ${text(Math.min(...points.map((p) => p.value)))} to ${text(top)}`;
  const picture = s("svg", { viewBox: `0 0 ${W} ${H}`, role: "img", "aria-label": label, class: "chart" });
  for (const part of [0, 0.5, 1]) {
    picture.append(s("line", { x1: LEFT, x2: W, y1: y(top * part), y2: y(top * part), class: "grid" }),
      s("text", { x: LEFT - 6, y: y(top * part) + 4, "text-anchor": "end" }, text(top * part)));
  }
  points.forEach((p, i) => {
    const height = Math.max(1, H - BOTTOM - y(p.value));
    const bar = s("a", { href: p.href }, s("title", {}, `${new Date(p.at).toLocaleString()}: ${text(p.value)}`),
      s("rect", { x: LEFT + i * each + Math.min(2, each / 8), y: y(p.value), width: Math.min(48, Math.max(1, each - Math.min(4, each / 4))), height, class: "bar" }));
    bar.setAttribute("tabindex", "-1"); // the table beneath is for the keyboard
    picture.append(bar);
  });
  picture.append(s("text", { x: LEFT, y: H - 6 }, new Date(points[0].at).toLocaleDateString()));
  if (points.length > 1) picture.append(s("text", { x: W, y: H - 6, "text-anchor": "end" }, new Date(points.at(-1).at).toLocaleDateString()));
  return h("figure", h("figcaption", title), picture,
    h("details", h("summary", "As a table"), table(title, ["When", "Value"], points.map((p) => [h("a", { href: p.href }, new Date(p.at).toLocaleString()), text(p.value)]))));
}
