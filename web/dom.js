// Elements, and the few things every view does with them.

import { may } from "./api.js";

/** h("p.note", {onclick}, "text", child, …): text is never read as markup. */
export function h(what, ...rest) {
  const [tag, ...classes] = what.split(".");
  const out = document.createElement(tag);
  if (classes.length) out.className = classes.join(" ");
  fill(out, rest);
  return out;
}

function fill(out, parts) {
  for (const part of parts.flat(Infinity)) {
    if (part === null || part === undefined || part === false) continue;
    if (part instanceof Node) out.append(part);
    else if (typeof part === "object") set(out, part);
    else out.append(String(part));
  }
}

function set(out, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) out.addEventListener(name.slice(2), value);
    else if (name in out && typeof value !== "string") out[name] = value;
    else out.setAttribute(name, value === true ? "" : value);
  }
}

const reachable = "a[href], button, input, select, textarea, summary, [tabindex]";
/** What a control is called: the same when it is drawn anew. */
const called = (e) => [e.tagName, e.id, e.getAttribute("aria-label") || e.getAttribute("href") || e.textContent].join(" ");

/** The focus stays at what is called as that which had it. */
export function put(into, ...parts) {
  const at = document.activeElement;
  const name = at && at !== into && into.contains(at) ? called(at) : null;
  into.replaceChildren();
  fill(into, parts);
  if (name) focusOn(into, name);
  return into;
}

const focusOn = (inside, name) =>
  [...inside.querySelectorAll(reachable)].find((e) => called(e) === name)?.focus({ preventScroll: true });

/** A dialog that was closed may hold it for a moment yet. */
const hasFocus = () => ![null, document.body].includes(document.activeElement) && !document.activeElement.closest("dialog:not([open])");

/** Back to what had the focus, or to what was drawn in its place. */
function focusAgain(control, name) {
  if (control.isConnected) control.focus({ preventScroll: true });
  else focusOn(document.body, name);
}

/** Changes text only when it is another, so that nothing is read out twice. */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

// -- numbers and times ---------------------------------------------------------

const units = ["B", "KiB", "MiB", "GiB", "TiB"];
export function bytes(n) {
  if (n === null || n === undefined) return "–";
  let at = 0;
  while (n >= 1024 && at < units.length - 1) { n /= 1024; at++; }
  return `${at && n < 100 ? n.toFixed(1) : Math.round(n)} ${units[at]}`;
}

export const count = (n) => (n ?? 0).toLocaleString("en");
export const amount = (n, unit) => (unit === "bytes" ? bytes(n) : `${count(n)} ${unit}`);

export function duration(seconds) {
  if (seconds > 0 && seconds < 1) return `${Math.max(1, Math.round(seconds * 1000))} ms`;
  if (seconds > 0 && seconds < 10) return `${seconds.toFixed(1)} s`;
  const s = Math.max(0, Math.round(seconds));
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${s % 60} s`;
  if (s < 86_400) return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`;
  return `${Math.floor(s / 86_400)} d ${Math.floor((s % 86_400) / 3600)} h`;
}

function agoText(at) {
  const seconds = (Date.now() - new Date(at)) / 1000;
  return Math.abs(seconds) < 5 ? "just now" : seconds < 0 ? `in ${duration(-seconds)}` : `${duration(seconds)} ago`;
}

/** A time as how long ago, with the exact one on hover and for readers. It goes
 * on counting for as long as it is shown. */
export function ago(at) {
  if (!at) return h("span", "never");
  return h("time.ago", { datetime: at, title: new Date(at).toLocaleString() }, agoText(at));
}
setInterval(() => {
  for (const one of document.querySelectorAll("time.ago")) say(one, agoText(one.dateTime));
}, 5_000);

export const took = (job) =>
  job.started_at && job.finished_at ? (new Date(job.finished_at) - new Date(job.started_at)) / 1000 : null;

// -- pieces ---------------------------------------------------------------------

/** `words` between backticks are what one types. */
export const withCode = (text) => text.split("`").map((part, i) => (i % 2 ? h("code", part) : part));

export const badge = (state, text) => h(`span.badge.is-${state}`, text ?? state);
export const note = (text, kind = "note") => h(`p.${kind}`, text);

/** `needs`: a permission, without which there is no button. */
export function button(text, act, kind = "", { needs, ...more } = {}) {
  if (needs && !may(needs)) return null;
  return h(`button${kind ? "." + kind : ""}`, { type: "button", ...more, onclick: (event) => act(event.currentTarget) }, text);
}

/** Definitions, without those that have nothing to say. */
export function facts(...pairs) {
  return h("dl.facts", pairs.filter(([, value]) => value !== null && value !== undefined && value !== "" && value !== false)
    .map(([name, value]) => h("div", h("dt", name), h("dd", value))));
}

/** A table that is a list of cards on a phone: each cell knows its heading. */
export function table(caption, heads, rows) {
  return h("div.scroll", { tabindex: "0", role: "region", "aria-label": caption },
    h("table", h("caption.unseen", caption),
      h("thead", h("tr", heads.map((head) => h("th", { scope: "col" }, head)))),
      h("tbody", rows.map((cells) => h("tr", cells.map((cell, i) => h("td", { "data-head": heads[i] }, cell)))))));
}

/** Back and forth in a list of `total` that shows `size` at a time; nothing for
 * one that fits. */
export const pageButtons = (page, size, total, go) => total > size && [
  button("Previous", () => go(page - 1), "", { disabled: page === 0 }),
  h("span", ` ${page * size + 1} to ${Math.min((page + 1) * size, total)} of ${total} `),
  button("Next", () => go(page + 1), "", { disabled: (page + 1) * size >= total })];

// -- notices and questions --------------------------------------------------------

export function notice(text, kind = "note") {
  const one = h(`p.${kind}`, text, button("Dismiss", () => one.remove(), "quiet"));
  document.getElementById("notices").append(one);
  setTimeout(() => one.remove(), kind === "bad" ? 30_000 : 8_000);
}

/**
 * Asks before something is done. `fields`: [{name, label, type, value, hint,
 * required, options}]. Gives the values, or null when it is not wanted.
 */
export function question({ title, text, act, danger = false, fields = [] }) {
  const dialog = document.getElementById("ask");
  const inputs = fields.map((f) => f.options
    ? h("select", { name: f.name, id: `ask-${f.name}` }, f.options.map(([value, label]) => h("option", { value }, label)))
    : h(f.type === "text-area" ? "textarea" : "input",
        { name: f.name, id: `ask-${f.name}`, type: f.type === "text-area" ? null : f.type ?? "text", required: f.required ?? false, checked: f.checked ?? false },
        f.value && { value: f.value }));
  // A second press of Enter does no harm.
  const isRash = danger && !fields.some((f) => f.required);
  return new Promise((answer) => {
    const form = h("form", { method: "dialog" },
      h("h2", { id: "ask-title" }, title),
      [text].flat().map((t) => h("p", t)),
      fields.map((f, i) => h(`p.field${f.type === "checkbox" ? ".check" : ""}`, h("label", { for: `ask-${f.name}` }, f.label), inputs[i], f.hint && h("small", f.hint))),
      h("p.actions", h(`button${danger ? ".danger" : ".primary"}`, { type: "submit", value: "yes" }, act),
        h("button", { type: "submit", value: "no", formnovalidate: true, autofocus: isRash }, "Keep as it is")));
    put(dialog, form);
    dialog.returnValue = "no"; // Escape
    dialog.onclose = () => {
      if (dialog.returnValue !== "yes") return answer(null);
      answer(Object.fromEntries(inputs.map((i) => [i.name, i.type === "checkbox" ? i.checked : i.value])));
    };
    dialog.showModal();
  });
}

/** Runs what a button does, once, and says what went wrong. */
export async function attempt(control, what) {
  const name = control && document.activeElement === control && called(control);
  if (control) control.disabled = true;
  try {
    return await what();
  } catch (error) {
    if (error.name !== "AbortError")
      notice(error.status === 403 ? `This token may not do that. ${error.message}`
        : error.owner ? [error.message, " ", h("a", { href: `#/jobs/${error.owner}` }, "What that job is at"), "; wait for its end, or cancel it there."] : error.message, "bad");
    return undefined;
  } finally {
    if (control) control.disabled = false;
    if (name && !hasFocus()) focusAgain(control, name);
  }
}
