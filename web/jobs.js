// What is under way, what came of it, and what can be done about it.

import { get, start, url } from "./api.js";
import { ago, amount, attempt, badge, button, bytes, count, duration, facts, h, note, notice, put, question, say, took, withCode } from "./dom.js";
import { jobs, nameOf } from "./live.js";
import { kindName, short, stateName, stepName } from "./words.js";

// -- what can be done ------------------------------------------------------------

/** The job that a question is about, so that nobody answers it for another. */
const about = (job) => [h("strong", titleOf(job)), ` (${short(job.id)}): `, stateName(job.state), ", accepted ", ago(job.created_at)];
const isAgain = (job) => job.state === "failed";

const actions = [
  ["cancel", "Cancel", (job) => ({ danger: true, title: `Cancel “${titleOf(job)}”?`, act: "Cancel the job",
    text: [about(job), "What it did so far is undone. It is cancelled when nothing of it is left."] })],
  ["retry", "Retry", (job) => ({ title: `Try “${titleOf(job)}” again?`, act: "Retry",
    text: [about(job), isAgain(job) ? "It is done again from its beginning, as a new job." : "It goes on where it stands."] })],
  ["abandon", "Abandon", (job) => ({ danger: true, title: `Give “${titleOf(job)}” up?`, act: "Abandon the job",
    text: [about(job), `It becomes failed${job.server ? ` and lets go of ${nameOf(job.server)}` : ""}. What it left undone stays undone.`],
    fields: [{ name: "reason", label: "Why", required: true, hint: "Is kept with the job." }] })],
  ["undo", "Undo", (job) => ({ danger: true, title: `Take “${titleOf(job)}” back?`, act: "Undo the restore",
    text: [[about(job), ", ended ", ago(job.finished_at)], `${nameOf(job.server)} is stopped, and its files become what they were before; what was changed since goes with them. What is there now is kept in turn.`] })],
];

function buttonsOf(job) {
  return actions.filter(([name]) => job.links[name]).map(([name, label, asks]) =>
    button(label, (control) => attempt(control, async () => {
      const values = await question(asks(job));
      if (!values) return;
      const made = await start("POST", job.links[name], name === "abandon" ? values : undefined);
      notice(`${label} of “${titleOf(job)}”: the node has taken it.`);
      if (made && made !== job.id) location.hash = `#/jobs/${made}`;
    }), name === "retry" ? "" : "danger", { needs: "manage:servers", "aria-label": `${label}: ${titleOf(job)} ${short(job.id)}` }));
}

// -- pieces of a job ---------------------------------------------------------------

/** A bar that is changed in place, so that it moves and is not read out anew. */
function progressBar(label) {
  const bar = h("progress", { max: 100, "aria-label": label });
  const text = h("span.progress-text");
  const whole = h("div.progress", { hidden: true }, bar, text);
  return [whole, (job) => {
    const p = job.progress;
    whole.hidden = !p || !["running", "cancelling"].includes(job.state); // what waits does not move
    if (!p) return;
    if (p.percent === null) bar.removeAttribute("value");
    else bar.value = p.percent;
    const parts = [p.total === null ? amount(p.done, p.unit) : `${p.percent} % · ${amount(p.done, p.unit)} of ${amount(p.total, p.unit)}`];
    if (p.rate > 0) parts.push(`${amount(p.rate, p.unit)}/s`);
    if (p.eta_seconds !== null) parts.push(`${duration(p.eta_seconds)} left`);
    for (const unit of ["files", "bytes"]) // counted beside the unit of the bar
      if (p[unit]) parts.push(p[unit].total === null ? amount(p[unit].done, unit)
        : `${unit === "bytes" ? bytes(p[unit].done) : count(p[unit].done)} of ${amount(p[unit].total, unit)}`);
    say(text, parts.join(" · "));
  }];
}

/** Why it stands still, since when, and what to do: nothing when it moves. */
function reasonOf(job) {
  const why = job.state === "failed" || job.state === "parked"
    ? job.error?.detail ?? job.steps.findLast((s) => s.error)?.error.detail ?? job.message
    : job.reason && job.message;
  if (!why && !job.advice) return null;
  return h(`div.why.is-${job.state}`,
    why && h("p", h("strong", job.done ? "Failed: " : "Why: "), why),
    job.waiting_since && h("p", "Since ", ago(job.waiting_since), job.next_try_at && [", next try ", ago(job.next_try_at)]),
    job.advice && h("p", h("strong", "What to do: "), withCode(job.advice)));
}

export const titleOf = (job) => `${kindName(job.kind)}${job.server ? " of " + nameOf(job.server) : ""}`;

/** A card that is made once and brought up to date. */
function cardOf(first) {
  const state = h("span"), why = h("div"), acts = h("p.actions"), times = h("p.small");
  const [bar, setBar] = progressBar(`Progress of ${titleOf(first)}`);
  const title = h("a", { href: `#/jobs/${first.id}` });
  const card = h("article.card", h("h3", title, " ", state), bar, why, times, acts);
  let shown = "";
  const update = (job) => {
    setBar(job);
    const key = JSON.stringify([titleOf(job), job.state, job.reason, job.message, job.links, job.waiting_since, job.next_try_at, job.progress === null]);
    if (key === shown) return;
    shown = key;
    say(title, titleOf(job));
    card.setAttribute("aria-label", titleOf(job));
    put(state, badge(job.state, stateName(job.state)));
    put(why, reasonOf(job) ?? (job.message && !job.progress ? note(job.message, "small") : null));
    const at = job.steps.find((s) => s.state === "started" || s.state === "undoing");
    put(times, "Accepted ", ago(job.created_at), at && ` · step: ${stepName(at.name)}`, job.attempt > 0 && ` · ${job.attempt} failed tries`);
    put(acts, buttonsOf(job));
  };
  update(first);
  return { card, update };
}

// -- the lists -----------------------------------------------------------------------

export function showJobs(into) {
  const tiles = h("ul.tiles", { "aria-label": "Overview" });
  const live = h("div.cards"), none = note("");
  const more = note("More jobs are under way: these are the newest, and those that need you. The numbers above count all.");
  const past = h("div");
  put(into, h("h2", "Jobs"), tiles, h("h3", "Under way"), none, live, more, past);

  const cards = new Map();
  const showLive = () => {
    const now = jobs.live();
    none.hidden = now.length > 0;
    say(none, jobs.areRead() ? "Nothing is under way." : "It is not known yet what is under way.");
    more.hidden = !jobs.more();
    const there = new Set(now.map((job) => job.id));
    for (const [id, { card }] of cards) if (!there.has(id)) { card.remove(); cards.delete(id); }
    // What needs somebody comes first; then the oldest, which does not jump.
    const rank = (job) => (job.state === "parked" ? 0 : job.state === "queued" ? 2 : 1);
    now.sort((a, b) => rank(a) - rank(b) || (a.id < b.id ? -1 : 1)).forEach((job, i) => {
      if (!cards.has(job.id)) cards.set(job.id, cardOf(job));
      const { card, update } = cards.get(job.id);
      update(job);
      if (live.children[i] !== card) live.insertBefore(card, live.children[i] ?? null);
    });
  };
  const showTiles = async () => {
    const sum = await get("/api/jobs/summary").catch(() => null);
    if (!sum) return put(tiles);
    const of = (...states) => states.reduce((n, s) => n + (sum.jobs.by_state[s] ?? 0), 0);
    const tile = (n, text, kind, href) => h(`li.tile${n ? "." + kind : ""}`, h("a", { href }, h("b", n), " ", text));
    put(tiles, tile(of("running", "cancelling"), "running", "is-running", "#/jobs"), tile(of("queued", "retry_wait"), "waiting", "is-waiting", "#/jobs"),
      tile(of("parked"), "need you", "is-parked", "#/jobs"), tile(sum.outbox.open, "to tell the Panel", "is-waiting", "#/node"),
      tile(sum.outbox.dead, "never told", "is-parked", "#/node"));
  };
  const pastList = pageOfPast(past, {});
  let timer = 0, ended = false;
  const stop = jobs.listen((news) => {
    if (news.state) return;
    showLive();
    const { job, before } = news;
    if (job && before && before.state === job.state && before.undo_until === job.undo_until) return;
    ended ||= !job || !before || before.done !== job.done || before.undo_until !== job.undo_until;
    timer ||= setTimeout(() => {
      timer = 0;
      showTiles();
      if (ended) pastList.fresh();
      ended = false;
    }, 500);
  });
  const again = setInterval(showTiles, 10_000); // no event tells of the outbox
  showLive();
  showTiles();
  return () => { stop(); clearTimeout(timer); clearInterval(again); };
}

/** Ended jobs, page by page, with filters. */
export function pageOfPast(into, fixed) {
  const kind = h("select", { id: "past-kind" }, [["", "all kinds"], ["backup.*", "backups"], ["server.*", "servers"], ["system.*", "systems"], ["store.*", "stores"], ["trash.*", "trash"]].map(([v, t]) => h("option", { value: v }, t)));
  const state = h("select", { id: "past-state" }, [["", "however they ended"], ["succeeded", "done"], ["failed", "failed"], ["cancelled", "cancelled"]].map(([v, t]) => h("option", { value: v }, t)));
  const list = h("div"), more = button("Show more", () => read(), "", { hidden: true });
  let next = null, rows = [], asked = 0;
  async function read(anew = false) {
    const mine = ++asked;
    if (anew) next = null;
    await attempt(more, async () => {
      const page = await get(url("/api/jobs", { ...fixed, done: "true", kind: kind.value, state: state.value, limit: 20, cursor: next }));
      if (mine !== asked) return;
      rows = anew || !next ? page.items : [...rows, ...page.items];
      next = page.next;
      more.hidden = !page.has_more;
      put(list, rows.length ? h("ul.past", rows.map(pastRow)) : note("None."));
    });
  }
  kind.onchange = state.onchange = () => read(true);
  put(into, h("h3", "Ended"), h("p.filters", h("label.unseen", { for: "past-kind" }, "Kind"), kind, h("label.unseen", { for: "past-state" }, "End"), state), list, h("p", more));
  read(true);
  return { fresh: () => { if (rows.length <= 20) read(true); } };
}

function pastRow(job) {
  const seconds = took(job);
  return h("li", h("a", { href: `#/jobs/${job.id}` }, titleOf(job)), " ", badge(job.state, stateName(job.state)),
    h("span.small", " ", ago(job.finished_at), seconds !== null && ` · took ${duration(seconds)}`),
    job.error && h("p.small", job.error.detail), h("span.actions", buttonsOf(job)));
}

// -- one job ----------------------------------------------------------------------------

const stepMark = { done: "✓", started: "▶", undoing: "↶", undone: "↶", skipped: "–", pending: "·" };

function stepsOf(job) {
  return h("ol.steps", job.steps.map((s) => h(`li.is-${s.state}`,
    h("span.mark", { "aria-hidden": "true" }, stepMark[s.state] ?? "·"), h("span", stepName(s.name)), h("span.unseen", `: ${s.state}`),
    s.class === "pivot" && h("span.small", { title: "From here on it runs to its end" }, " point of no return"),
    s.finished_at && s.started_at && h("span.small", ` ${duration((new Date(s.finished_at) - new Date(s.started_at)) / 1000)}`),
    s.attempt > 0 && h("span.small", ` ${s.attempt} failed tries`),
    s.error && h("p.small", s.error.detail))));
}

export function showJob(into, id) {
  const head = h("h2", "Job"), body = h("div");
  const [bar, setBar] = progressBar("Progress");
  // The bar moves all the time: aloud it is told by quarters.
  const aloud = h("p.unseen", { role: "status" });
  put(into, h("p", h("a", { href: "#/jobs" }, "← Jobs")), head, bar, aloud, body);
  let shown = "";
  const show = (job) => {
    setBar(job);
    const part = job.progress?.percent ?? null;
    say(aloud, job.done || part === null ? `${stateName(job.state)}` : `${stateName(job.state)}, ${Math.floor(part / 25) * 25} %`);
    const key = `${job.version} ${job.undo_until} ${titleOf(job)}`;
    if (key === shown) return;
    shown = key;
    put(head, titleOf(job), " ", badge(job.state, stateName(job.state)));
    document.title = `${titleOf(job)} · alula`;
    put(body, reasonOf(job) ?? (job.message ? note(job.message) : null), h("p.actions", buttonsOf(job)),
      h("h3", "Steps"), stepsOf(job), h("h3", "Facts"),
      facts(["Id", h("code", job.id)], ["Server", job.server && h("a", { href: `#/servers/${job.server}` }, job.server)],
        ["Accepted", ago(job.created_at)], ["Started", job.started_at && ago(job.started_at)], ["Ended", job.finished_at && ago(job.finished_at)],
        ["Took", took(job) !== null && duration(took(job))], ["Failed tries", job.attempt || null], ["Times the process died in it", job.crashes || null],
        ["Retry of", job.retry_of && h("a", { href: `#/jobs/${job.retry_of}` }, short(job.retry_of))],
        ["Can be undone until", job.undo_until && new Date(job.undo_until).toLocaleString()],
        ["Result", job.result && h("pre", JSON.stringify(job.result, null, 2))]));
  };
  const stop = jobs.listen(({ job }) => { if (job?.id === id) show(job); });
  const there = jobs.find(id);
  if (there) show(there);
  else put(body, note("Loading…"));
  get(`/api/jobs/${encodeURIComponent(id)}`).then((job) => show(jobs.take(job, true)), (error) => put(body, note(error.message, "bad")));
  return stop;
}
