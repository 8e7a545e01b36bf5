// The node: its queues, disks, trash, what the Panel was not told, and how fast
// backups are.

import { ask, get, start, url } from "./api.js";
import { ago, attempt, badge, button, bytes, duration, facts, h, note, notice, put, question, table, took } from "./dom.js";
import { jobs } from "./live.js";
import { short } from "./words.js";
import { chart } from "./chart.js";

/** A part of the page that reads for itself, and says why when it cannot; a wide
 * one has both columns. */
function part(title, read, { wide = false } = {}) {
  const body = h("div");
  const fresh = () => read().then((what) => put(body, what), (error) => put(body, note(error.status === 403 ? "This token may not see that." : error.message, "bad")));
  fresh();
  return { element: h(wide ? "section.whole" : "section", h("h3", title), body), fresh };
}

const pausing = (p) => ({ title: `Pause the queue ${p.name}?`, text: "No step of it begins any more, also after a restart, until somebody resumes it. What runs goes on to its end.", act: "Pause the queue",
  fields: [{ name: "reason", label: "Why", hint: "Jobs that wait for it show this." }] });
const resuming = (p) => ({ title: `Resume the queue ${p.name}?`, text: `It is paused ${p.pause_reason ? `for "${p.pause_reason}"` : "without a reason given"}. Its jobs go on at once.`, act: "Resume the queue" });

/** Stops and starts a queue; `again` shows it as it is then. */
function switchOf(p, again) {
  const [label, verb, asks] = p.paused_at ? ["Resume", "resume", resuming(p)] : ["Pause", "pause", pausing(p)];
  return button(label, (control) => attempt(control, async () => {
    const values = await question(asks);
    if (!values) return;
    await ask("POST", `/api/pools/${encodeURIComponent(p.name)}/${verb}`, { body: values.reason ? { reason: values.reason } : undefined });
    notice(p.paused_at ? `The queue ${p.name} goes on.` : `The queue ${p.name} is paused.`);
    again();
  }), "", { needs: "manage:node", "aria-label": `${label} the queue ${p.name}` });
}

const queueName = (p) => p.paused_at ? [p.name, " ", badge("parked", "paused"),
  h("p.small", "since ", ago(p.paused_at), p.paused_by && ` by ${p.paused_by}`, p.pause_reason && `: ${p.pause_reason}`)] : p.name;

async function queues(again) {
  const sum = await get("/api/jobs/summary");
  return [table("Queues", ["Queue", "Busy", "Workers", "Waiting", ""], sum.pools.map((p) => [queueName(p),
      [h("meter", { min: 0, max: p.workers, value: p.busy, "aria-label": `${p.busy} of ${p.workers} workers of ${p.name} are busy` }), ` ${p.busy}`], p.workers, p.waiting, switchOf(p, again)])),
    sum.oldest_waiting_since && h("p", "The oldest waiting job waits since ", ago(sum.oldest_waiting_since)),
    h("p.small", `${sum.ended_since_boot} jobs ended since the last start.`)];
}

const holdings = { backups: "backups", volumes: "servers' files", ledger: "ledger" };
/** What a disk keeps from working, by the node's own rule, the worst first; null: nothing. */
function shortOf({ holds, free, unused, reserved, room, kept_free }) {
  const has = (name) => holds.includes(name);
  const refused = [has("backups") && "backups", has("volumes") && "restores"].filter(Boolean).join(" and ");
  const left = `${bytes(unused)} are left, less than the ${bytes(kept_free)} that are kept for servers and ledger`;
  if (unused < kept_free && has("ledger")) return `${left}: ${refused && `${refused} are refused, and `}alula ends when it cannot write its ledger. Make room now.`;
  if (unused < kept_free && has("volumes")) return `${left}: ${refused} are refused, and games cannot save when it is gone. Make room.`;
  if (!refused) return null;
  if (room === "none") return reserved > 0 ? `What is left is promised to running jobs: other ${refused} are refused until they have ended.` : `${left}: ${refused} are refused. Remove old backups or make room.`;
  return room === "little" ? `${bytes(free)} are left for ${refused}: what needs more is refused. Make room.` : null;
}

function oneDisk(one) {
  const { holds, free, total, unused, reserved, kept_free } = one;
  const short_ = shortOf(one);
  const names = holds.map((name) => holdings[name] ?? name).join(", ");
  return [h("p", `Disk of ${names}`), h("p", h("meter.wide", { min: 0, max: total, high: total * 0.9, value: total - free, "aria-label": `${bytes(free)} of ${bytes(total)} may be taken on the disk of ${names}` })),
    facts(["Jobs may take", bytes(free)], ["Free in all", `${bytes(unused)} of ${bytes(total)}`], ["Kept for servers and ledger", bytes(kept_free)], ["Promised to running jobs", bytes(reserved)]),
    short_ && note(short_, one.room === "little" ? "note" : "bad")];
}

async function disk() {
  const usage = await get("/api/backups/usage");
  return [...usage.disks.flatMap(oneDisk), facts(["Backups", `${usage.backups}, ${bytes(usage.bytes)}${usage.local_bytes === usage.bytes ? "" : `, ${bytes(usage.local_bytes)} of it here`}`])];
}

async function trash(again) {
  const { items } = await get("/api/trash");
  if (!items.length) return note("The trash is empty.");
  const named = (t) => [t.server_name, short(t.server)].filter(Boolean).join(" ");
  return table("Trash", ["Server", "Deleted", "Purged", "State", ""], items.map((t) => [[t.server_name, " ", h("code", short(t.server))], ago(t.detached_at), ago(t.purge_after), badge(t.state),
    t.links.restore && button("Bring back", (control) => attempt(control, async () => {
      const sure = await question({ title: `Bring ${named(t)} back?`, act: "Bring it back",
        text: [["The server ", h("strong", t.server_name), " ", h("code", t.server), ", deleted ", ago(t.detached_at), "."], "It gets its uuid, files and settings back, without a container."] });
      if (!sure) return;
      notice("The server is being brought back.");
      location.hash = `#/jobs/${await start("POST", t.links.restore)}`;
      again();
    }), "", { needs: "manage:servers", "aria-label": `Bring back ${named(t)}` })]));
}

/** Tells the Panel once more what it refused. */
const tellAgain = (r, again) => r.state === "dead" && button("Tell again", (control) => attempt(control, async () => {
  const sure = await question({ title: `Tell the Panel again of ${r.subject}?`, text: `It refused it: ${r.last_error ?? "without a word"}. Mend that first, or it refuses it again.`, act: "Tell it again" });
  if (!sure) return;
  await ask("POST", `/api/outbox/${r.report}/retry`);
  notice("The Panel is told again.");
  again();
}), "", { needs: "manage:servers", "aria-label": `Tell again: ${r.subject}` });

async function outbox(again) {
  const { items, has_more } = await get(url("/api/outbox", { limit: 50 }));
  if (!items.length) return note("The Panel knows everything, or there is none.");
  return [table("Outbox", ["About", "State", "Since", "Tries", "Last answer", "Next try", ""], items.map((r) => [
    r.job ? h("a", { href: `#/jobs/${r.job.split("/").pop()}` }, r.subject) : r.subject, badge(r.state), ago(r.created_at), r.tries, r.last_error ?? (r.last_status ? `HTTP ${r.last_status}` : "–"), r.next_try_at ? ago(r.next_try_at) : "–", tellAgain(r, again)])),
    has_more && note("There are more: see GET /api/outbox."),
    items.some((r) => r.state === "waiting") && note("What waits is told by itself when the Panel answers; alula doctor asks it.", "small"),
    items.some((r) => r.state === "dead") && note("What is dead the Panel has refused: mend what it objected to, then tell it again.", "small")];
}

async function machine() {
  const short_ = await get("/api/system");
  const long = await get("/api/system?v=2").catch(() => null);
  return facts(["alula", short_.version], ["Kernel", short_.kernel_version], ["Processors", short_.cpu_count], ["Architecture", short_.architecture],
    ["Docker", long ? `${long.docker.version}, ${long.docker.containers.running} of ${long.docker.containers.total} containers run` : h("span.bad", "does not answer")],
    ["API", h("a", { href: "/api/openapi.json", onclick: (event) => { event.preventDefault(); attempt(null, async () => (await import("./api.js")).save("/api/openapi.json", "openapi.json")); } }, "openapi.json")]);
}

async function speed() {
  const { items } = await get("/api/jobs?kind=backup.create&state=succeeded&limit=50");
  const done = items.filter((job) => took(job) > 0 && job.result?.content_bytes > 0).reverse();
  if (!done.length) return note("No backup has been made yet, or the records of them were pruned.");
  const point = (job, value) => ({ value, at: job.finished_at, href: `#/jobs/${job.id}` });
  return [chart("Throughput of backups", done.map((job) => point(job, job.result.content_bytes / took(job))), (v) => `${bytes(v)}/s`),
    chart("Duration of backups", done.map((job) => point(job, took(job))), duration)];
}

export function showNode(into) {
  const parts = {};
  const refresh = (name) => () => parts[name].fresh();
  Object.assign(parts, { queues: part("Queues", () => queues(refresh("queues"))), disk: part("Disks", disk), speed: part("Backups", speed),
    trash: part("Trash", () => trash(refresh("trash"))), outbox: part("To tell the Panel", () => outbox(refresh("outbox")), { wide: true }), machine: part("Machine", machine) });
  put(into, h("h2", "Node"), h("div.columns", Object.values(parts).map((p) => p.element)));
  const stop = jobs.listen(({ job, before }) => {
    if (!job || (before && before.state === job.state)) return;
    parts.queues.fresh();
    if (!job.done) return;
    parts.trash.fresh();
    parts.disk.fresh();
    if (job.kind === "backup.create") parts.speed.fresh();
  });
  const timer = setInterval(() => { parts.queues.fresh(); parts.outbox.fresh(); }, 10_000);
  return () => { stop(); clearInterval(timer); };
}
