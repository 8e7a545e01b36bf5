// The jobs as they are now: read once, then kept fresh by one event stream.

import { follow, get, url } from "./api.js";

const known = new Map();
const names = new Map();
const listeners = new Set();
let paused = false, more = false, isRead = false, ending = null, pending = new Set(), timer = 0, state = "connecting", why = "";

export const jobs = {
  find: (id) => known.get(id),
  live: () => sorted((job) => !job.done),
  ended: () => sorted((job) => job.done),
  of: (server) => sorted((job) => job.server === server && !job.done),
  state: () => [state, why],
  /** More are under way than were read: the newest, and those that need somebody. */
  more: () => more,
  /** False: not asked yet, or nobody has answered. */
  areRead: () => isRead,
  /** listener({job} | {all: true} | {state: true}); gives what ends it. */
  listen(listener) { listeners.add(listener); return () => listeners.delete(listener); },
  take,
};

const sorted = (which) => [...known.values()].filter(which).sort((a, b) => (a.id < b.id ? 1 : -1));
const tell = (news) => { for (const listener of [...listeners]) listener(news); };

/** A newer picture of a job; an older one is left alone. What has ended changes
 * in one thing only, whether it can be taken back; left out, that is not known. */
function take(job, quietly = false) {
  const before = known.get(job.id);
  if (before && (before.version > job.version
    || (before.version === job.version && before.done && [before.undo_until, undefined].includes(job.undo_until)))) return before;
  known.set(job.id, job);
  if (!quietly) tell({ job, before });
  if (job.done && job.server && !names.has(job.server) && job.kind === "server.create") readNames().catch(() => {});
  return job;
}

/** Begins or ends what may take the way back of another job. */
const movesUndo = (job, before) => before?.state !== job.state && /^(backup\.(restore|undo_restore)|restore\.|server\.)/.test(job.kind);

async function fetchPending() {
  timer = 0;
  const ids = [...pending].slice(0, 100);
  for (const id of ids) pending.delete(id);
  if (!ids.length) return;
  try {
    let moved = false;
    for (const job of (await get(url("/api/jobs", { ids: ids.join(","), limit: 100 }))).items) {
      moved ||= movesUndo(job, known.get(job.id));
      take(job);
    }
    if (moved) for (const job of known.values()) if (job.links.undo && !ids.includes(job.id)) pending.add(job.id);
    if (more && jobs.live().length <= 100) await readAll(); // room for those that were not read
  } catch { /* the next event asks again */ }
  if (pending.size && !timer) timer = setTimeout(fetchPending, 200);
}

async function readAll() {
  // What needs somebody may be older than all that came since.
  const [live, parked, ended] = await Promise.all([get("/api/jobs?done=false&limit=200"),
    get("/api/jobs?state=parked&limit=200"), get("/api/jobs?done=true&limit=50")]);
  more = live.has_more;
  const there = new Set(live.items.map((job) => job.id));
  if (!live.has_more) // what has ended unheard is not live any more
    for (const job of [...known.values()]) if (!job.done && !there.has(job.id)) known.delete(job.id);
  for (const job of [...live.items, ...parked.items, ...ended.items]) take(job, true);
  isRead = true;
  tell({ all: true });
}

/** What people call a server; the beginning of its uuid where nobody has said. */
export const nameOf = (server) => names.get(server) || server.slice(0, 8);

async function readNames() {
  for (const one of await get("/api/servers")) names.set(one.configuration.uuid, one.configuration.meta.name);
  tell({ all: true });
}

function setState(now, reason = "") {
  if (state === now && why === reason) return;
  [state, why] = [now, reason];
  tell({ state: true });
}

export function begin() {
  end();
  ending = new AbortController();
  const again = () => readAll().catch((error) => setState(error.status === 403 ? "forbidden" : "lost", error.message));
  again();
  readNames().catch(() => {}); // a token may not be for that
  follow("/api/events", {
    state: (now, reason) => setState(now, reason),
    begun: again,
    event({ type, data }) {
      if (type === "job.progress") return void take(JSON.parse(data));
      if (type === "reset") return void again();
      const { job } = JSON.parse(data);
      if (!job) return tell({ report: true });
      pending.add(job);
      timer ||= setTimeout(fetchPending, 60);
    },
  }, ending.signal);
}

// A browser has few connections per node: a tab that nobody sees gives its
// stream back.
let idle = 0;
const rest = () => { if (ending) { paused = true; ending.abort(); ending = null; } };
const wake = () => { if (paused) begin(); };
document.addEventListener("visibilitychange", () => {
  clearTimeout(idle);
  if (!document.hidden) wake();
  else idle = setTimeout(rest, 30_000);
});
// And so does a page that is left and may come back.
window.addEventListener("pagehide", rest);
window.addEventListener("pageshow", (event) => { if (event.persisted) wake(); });

export function end() {
  paused = more = isRead = false;
  ending?.abort();
  ending = null;
  known.clear();
  pending.clear();
  clearTimeout(timer);
  timer = 0;
  state = "connecting";
}
