// Backups: the lists, and a look inside of one.

import { ask, get, save, saveArchive, start, url } from "./api.js";
import { ago, attempt, badge, button, bytes, count, h, note, notice, put, question } from "./dom.js";
import { jobs, nameOf } from "./live.js";
import { short } from "./words.js";

const baseOf = (b) => `/api/servers/${b.server}/backup/${b.uuid}`;

const told = { waiting: "the Panel is not told yet", told: "the Panel knows", given_up: "the Panel was never told" };

function stateOf(b) {
  if (b.lost) return badge("failed", "lost");
  if (b.damage) return badge("failed", "damaged");
  return badge(b.state, b.state);
}

/** The backup that a question is about, so that nobody answers it for another. */
const about = (b) => ["The backup ", h("code", short(b.uuid)), " of ", h("strong", b.server ? nameOf(b.server) : "nobody yet"),
  ", made ", ago(b.completed_at ?? b.created_at), ` (${new Date(b.completed_at ?? b.created_at).toLocaleString()})`,
  b.size !== null && `, ${bytes(b.size)}`, b.files !== null && `, ${count(b.files)} files`, "."];

const kept = (hours) => hours === undefined ? "What it replaces is kept for a while: the job of the restore says until when it can be undone."
  : hours > 0 ? `What it replaces is kept for ${count(hours)} hours: until then Undo at the job of the restore puts it back.`
    : "What it replaces is removed at once: this node keeps nothing to undo a restore with.";

/** All of it, or `item` of a listing: { path, path64 }. */
async function restore(b, item) {
  const { restore_undo_hours: hours } = await get("/api/system").catch(() => ({}));
  const given = await question({ title: `Restore ${item ? item.path : "all files"} of ${nameOf(b.server)}?`, danger: true, act: "Restore",
    text: [about(b), b.damage && h("span.bad", `It is damaged: ${b.damage}`), item && ["Only ", h("code", item.path), " of it is put back."],
      `${nameOf(b.server)} is stopped, and stays stopped.`, kept(hours)].filter(Boolean),
    fields: [{ name: "truncate", label: "Replace all files of the server", type: "checkbox", checked: !item, hint: "Files that are not in the backup go too. Otherwise the backup's files are put between those that are there." }] });
  if (!given) return;
  const made = await start("POST", `${baseOf(b)}/restore`, { adapter: "wings", truncate_directory: given.truncate, ...(item && (item.path64 ? { paths64: [item.path64] } : { paths: [item.path] })) });
  location.hash = `#/jobs/${made}`;
}

async function remove(b) {
  const copies = b.places.filter((one) => one.place !== "local").map((one) => one.place);
  const sure = await question({ title: `Delete this backup of ${b.server ? nameOf(b.server) : "nobody"}?`, danger: true, act: "Delete the backup",
    text: [about(b), b.pinned && "It is pinned, which keeps it from rotations only.", copies.length > 0 && `Its copies go too: ${copies.join(", ")}.`,
      b.state === "creating" ? "It is still being made: that is cancelled." : "It cannot be brought back."].filter(Boolean) });
  if (sure) await start("DELETE", b.server_lives ? baseOf(b) : `/api/backups/${b.uuid}`);
}

function buttonsOf(b, changed) {
  const act = (label, what, kind, needs = "manage:servers") => button(label, (control) => attempt(control, what), kind, { needs, "aria-label": `${label}: backup ${short(b.uuid)}` });
  const run = (label, path) => act(label, async () => { const made = await start("POST", path); notice(`${label}: under way.`); if (made) location.hash = `#/jobs/${made}`; });
  return [
    b.links.files && h("a.button", { href: `#/backups/${b.server}/${b.uuid}`, "aria-label": `Browse: backup ${short(b.uuid)}` }, "Browse"),
    b.links.restore && act("Restore", () => restore(b)),
    b.links.download && act("Download", () => saveArchive(b.server, b.uuid, `backup-${b.uuid}.tar.gz`), "", "read:servers"),
    b.links.verify && run("Verify", b.links.verify),
    b.links.index && run("Index", b.links.index),
    b.server && act(b.pinned ? "Unpin" : "Pin", async () => { await ask(b.pinned ? "DELETE" : "PUT", `${baseOf(b)}/pin`); changed(); }),
    act("Delete", async () => { await remove(b); changed(); }, "danger")];
}

function cardOf(b, withServer, changed) {
  const facts = [b.size !== null && bytes(b.size), b.files !== null && `${count(b.files)} files, ${bytes(b.content_bytes)}`, b.pinned && "pinned", told[b.panel.state]].filter(Boolean);
  return h("article.card", { "aria-label": `Backup ${short(b.uuid)}` },
    h("h3", ago(b.completed_at ?? b.created_at), " ", stateOf(b), " ", h("code.small", short(b.uuid))),
    withServer && h("p.small", b.server ? ["of ", h("a", { href: `#/servers/${b.server}` }, nameOf(b.server)), !b.server_lives && ", which is not on this node any more"] : "of nobody yet"),
    h("p", facts.join(" · ")), b.damage && note(b.damage, "bad"),
    h("p.small", b.verified_at ? ["Verified ", ago(b.verified_at)] : "Never verified"),
    b.owner_job && h("p.small", h("a", { href: `#/jobs/${b.owner_job}` }, "Its job")),
    h("p.actions", buttonsOf(b, changed)));
}

/** A list with "show more"; `fixed` says whose. */
export function backupsOf(into, fixed, filters) {
  const list = h("div.cards"), more = button("Show more", () => read(), "", { hidden: true });
  put(into, h("h3", fixed.server ? "Backups" : ""), list, h("p", more));
  const path = fixed.server ? `/api/servers/${fixed.server}/backup` : "/api/backups";
  let next = null, rows = [], asked = 0;
  async function read(anew = false) {
    const mine = ++asked;
    if (anew) next = null;
    await attempt(more, async () => {
      let page;
      try {
        page = await get(url(path, { ...filters?.(), limit: 20, cursor: next }));
      } catch (error) {
        if (error.status === 404) page = { items: [], next: null, has_more: false };
        else throw error;
      }
      if (mine !== asked) return;
      rows = anew || !next ? page.items : [...rows, ...page.items];
      next = page.next;
      more.hidden = !page.has_more;
      put(list, rows.length ? rows.map((b) => cardOf(b, !fixed.server, () => read(true))) : note("None."));
    });
  }
  read(true);
  return { fresh: () => { if (rows.length <= 20) read(true); } };
}

export function showBackups(into) {
  const which = h("select", { id: "which", onchange: () => list.fresh() },
    [["", "all backups"], ["orphaned", "those whose server is gone"], ["creating", "being made"], ["ready", "ready"]].map(([v, t]) => h("option", { value: v }, t)));
  const body = h("div");
  put(into, h("h2", "Backups"), h("p.filters", h("label.unseen", { for: "which" }, "Which"), which), body);
  const list = backupsOf(body, {}, () => (which.value === "orphaned" ? { orphaned: "true" } : { state: which.value }));
  let timer = 0;
  const stop = jobs.listen(({ job, before }) => {
    if (!job?.kind.startsWith("backup.") || (before && before.state === job.state)) return;
    timer ||= setTimeout(() => { timer = 0; list.fresh(); }, 500);
  });
  return () => { stop(); clearTimeout(timer); };
}

// -- inside of one -----------------------------------------------------------------------

export function showBrowser(into, server, backup, path = "") {
  const here = (to) => `#/backups/${server}/${backup}${to ? "/" + encodeURIComponent(to) : ""}`;
  const base = `/api/servers/${server}/backup/${backup}`;
  const list = h("div"), more = button("Show more", () => read(), "", { hidden: true });
  const parts = path.split("/").filter(Boolean);
  put(into, h("p", h("a", { href: `#/servers/${server}` }, "← Server")), h("h2", `Inside of backup ${short(backup)}`),
    h("nav", { "aria-label": "Path" }, h("ol.crumbs", h("li", h("a", { href: here("") }, "/")),
      parts.map((part, i) => h("li", h("a", { href: here(parts.slice(0, i + 1).join("/")), "aria-current": i === parts.length - 1 ? "page" : null }, part))))), list, h("p", more));
  let after = null, rows = [];
  const full = (item) => [...parts, item.name].join("/");
  function row(item) {
    const name = item.type === "directory" ? h("a", { href: here(full(item)) }, item.name + "/") : h("span", item.name);
    return h("li", h(`span.kind.is-${item.type}`, { "aria-hidden": "true" }, item.type === "directory" ? "▸" : item.type === "link" ? "↪" : "·"), name,
      item.target && h("span.small", ` → ${item.target}`), h("span.small", item.size !== null && ` ${bytes(item.size)}`, " · ", ago(item.modified_at)),
      h("span.actions", item.type === "file" && item.link && button("Download", (control) => attempt(control, () => save(item.link, item.name)), "", { "aria-label": `Download ${item.name}` }),
        button("Restore", (control) => attempt(control, async () => restore(await get(base), { path: full(item), path64: item.path64 })), "", { needs: "manage:servers", "aria-label": `Restore ${item.name}` })));
  }
  async function read() {
    await attempt(more, async () => {
      try {
        const page = await get(url(`${base}/files`, { path, limit: 200, after }));
        rows = [...rows, ...page.items];
        after = page.next;
        more.hidden = !page.has_more;
        put(list, rows.length ? h("ul.files", rows.map(row)) : note("An empty directory."));
      } catch (error) {
        put(list, note(error.message, "bad"));
      }
    });
  }
  read();
}
