// The systems: appliances that send their backups here. How full each is, its
// newest backup, and what is stored of it.

import { ask, get, saveSystemBackup } from "./api.js";
import { ago, attempt, button, bytes, facts, h, note, notice, pageButtons, put, question, table } from "./dom.js";
import { jobs } from "./live.js";

const PAGE = 25;
const titleOf = (system) => system.name || system.id;
const pathOf = (id) => `/api/systems/${encodeURIComponent(id)}`;
const dataOf = async (path) => (await get(path)).data;

/** A bar that says in words what it shows. */
function fill(used, quota, wide = "") {
  if (!quota) return bytes(used);
  const text = `${bytes(used)} of ${bytes(quota)}`;
  return [h(`meter${wide}`, { min: 0, max: quota, high: quota * 0.9, value: Math.min(used, quota), "aria-label": `${text} are used` }), ` ${text}`];
}

/** Calls when something about systems has ended, not more than twice a second. */
function onNews(call) {
  let timer = 0;
  const stop = jobs.listen(({ job, before }) => {
    if (!job?.kind.startsWith("system.") || (before && before.state === job.state)) return;
    timer ||= setTimeout(() => { timer = 0; call(); }, 500);
  });
  return () => { stop(); clearTimeout(timer); };
}

export function showSystems(into) {
  const find = h("input", { id: "find", type: "search", placeholder: "Name, id or organisation", oninput: () => { page = 0; show(); } });
  const list = h("div", note("Loading…")), pages = h("p.actions");
  put(into, h("h2", "Systems"), h("p.filters", h("label.unseen", { for: "find" }, "Find a system"), find), list, pages);
  let all = { systems: [] }, page = 0;
  function show() {
    const word = find.value.trim().toLowerCase();
    const fit = all.systems.filter((s) => [s.id, s.name, s.organization].some((text) => text.toLowerCase().includes(word)));
    const here = fit.slice(page * PAGE, (page + 1) * PAGE);
    put(list, here.length
      ? table("Systems", ["System", "Organisation", "Newest backup", "Backups", "Stored"], here.map((s) => [
        [h("a", { href: `#/systems/${encodeURIComponent(s.id)}` }, titleOf(s)), " ", s.name && h("code.small", s.id), " ", s.suspended && h("span.badge.is-parked", "suspended")],
        s.organization || "–", s.newest_at ? ago(s.newest_at) : h("span.bad", "none"),
        all.slots ? `${s.backups} of ${all.slots}` : s.backups, fill(s.bytes, all.quota_bytes)]))
      : note(all.systems.length ? "No system fits." : "No system is on record, or none that this token reaches."));
    put(pages, pageButtons(page, PAGE, fit.length, (to) => { page = to; show(); }));
  }
  const read = () => dataOf("/api/systems").then((got) => { all = got; show(); }, (error) => put(list, note(error.message, "bad")));
  read();
  return onNews(read);
}

async function remove(system, backup) {
  const sure = await question({ title: "Delete this backup?", danger: true, act: "Delete the backup",
    text: `${backup.filename || backup.id} of ${new Date(backup.uploaded_at).toLocaleString()}, ${bytes(backup.size)}. It cannot be brought back.` });
  if (!sure) return;
  await ask("DELETE", `${pathOf(system)}/backups/${encodeURIComponent(backup.id)}`);
  notice("The backup is deleted.");
}

export function showSystem(into, id) {
  const head = h("h2", id), about = h("div"), list = h("div", note("Loading…"));
  put(into, h("p", h("a", { href: "#/systems" }, "← Systems")), head, about,
    h("h3", "Backups"), h("p.actions", button("Reload", (control) => attempt(control, read))), list);
  function rowOf(b) {
    const name = b.filename || b.id;
    const act = (label, what, kind, needs) => button(label, (control) => attempt(control, what), kind, { needs, "aria-label": `${label}: ${name}` });
    return [ago(b.uploaded_at), name, bytes(b.size), h("code.small", { title: b.sha256 }, b.sha256.slice(0, 12)),
      h("span.actions", act("Download", () => saveSystemBackup(`${pathOf(id)}/backups/${encodeURIComponent(b.id)}/download`), "", "read:systems"),
        act("Delete", async () => { await remove(id, b); await read(); }, "danger", "manage:systems"))];
  }
  async function read() {
    try {
      const [system, stored] = await Promise.all([dataOf(pathOf(id)), dataOf(`${pathOf(id)}/backups`)]);
      put(head, titleOf(system), " ", system.suspended && h("span.badge.is-parked", "suspended"));
      put(about, facts(["Id", h("code", system.id)], ["Organisation", system.organization], ["Since", ago(system.created_at)],
        ["Newest backup", stored.backups.length ? ago(stored.backups[0].uploaded_at) : h("span.bad", "none")], ["Backups", `${stored.slots_used} of ${stored.slots}`]),
      h("p", fill(stored.quota_used_bytes, stored.quota_bytes, ".wide")),
      h("p.small", "Encrypted by the appliance before it sends them; the node cannot read them. The oldest is removed when there are too many, never the newest."));
      put(list, stored.backups.length
        ? table("Backups", ["Sent", "File", "Size", "SHA-256", ""], stored.backups.map(rowOf))
        : note("None: the appliance has sent nothing yet."));
    } catch (error) {
      put(list, note(error.message, "bad"));
    }
  }
  read();
  return onNews(read);
}
