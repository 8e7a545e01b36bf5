// The servers: what they are doing, their last good backup, power.

import { get, newUuid, start } from "./api.js";
import { ago, attempt, badge, button, bytes, facts, h, note, notice, pageButtons, put, question, say, table } from "./dom.js";
import { jobs } from "./live.js";
import { kindName, short } from "./words.js";
import { backupsOf } from "./backups.js";
import { pageOfPast } from "./jobs.js";

const PAGE = 25;
const nameOf = (server) => server.configuration.meta.name || short(server.configuration.uuid);

function stateOf(server) {
  if (server.lifecycle !== "active") return badge("waiting", server.lifecycle);
  if (!server.state_known) return badge("unknown", "unknown");
  return badge(server.state, server.state);
}

function troubles(server) {
  return [
    server.is_suspended && h("span.badge.is-parked", "suspended"),
    server.is_transferring && h("span.badge.is-parked", "in transfer"),
    server.unresponsive && h("span.badge.is-failed", { title: server.unresponsive.why }, "unresponsive, first ", ago(server.unresponsive.since)),
    server.quarantined_at && h("span.badge.is-parked", { title: "The Panel says that it has no such server" }, "not in the Panel"),
    server.install.state === "failed" && h("span.badge.is-failed", "install failed"),
    server.last_crash && h("span.small", " crashed ", ago(server.last_crash.at)),
  ];
}

export function showServers(into) {
  const find = h("input", { id: "find", type: "search", placeholder: "Name or uuid", oninput: () => { page = 0; show(); } });
  const list = h("div"), pages = h("p.actions");
  put(into, h("h2", "Servers"), h("p.filters", h("label.unseen", { for: "find" }, "Find a server"), find), list, pages);
  put(list, note("Loading…"));
  let all = [], usage = null, page = 0, closed = false;

  const cells = new Map(); // uuid → the cell of its jobs
  function show() {
    const word = find.value.trim().toLowerCase();
    const fit = all.filter((s) => !word || nameOf(s).toLowerCase().includes(word) || s.configuration.uuid.includes(word));
    const here = fit.slice(page * PAGE, (page + 1) * PAGE);
    cells.clear();
    if (!here.length) put(list, note(all.length ? "No server fits." : "No server is registered on this node."));
    else put(list, table("Servers", ["Server", "State", "Last good backup", "Under way"], here.map((server) => {
      const id = server.configuration.uuid, last = usage?.get(id);
      const state = h("span", stateOf(server)), trouble = h("span", troubles(server));
      if (server.lifecycle === "active") look(id, state, trouble);
      cells.set(id, h("span"));
      return [
        [h("a", { href: `#/servers/${id}` }, nameOf(server)), " ", h("code.small", short(id)), " ", trouble], state,
        last?.newest_at ? [ago(last.newest_at), h("span.small", ` · ${last.backups} in all, ${bytes(last.bytes)}`)] : usage ? h("span.bad", "none") : "not known",
        cells.get(id)];
    })));
    showJobs();
    put(pages, pageButtons(page, PAGE, fit.length, (to) => { page = to; show(); }));
  }
  // The list does not ask Docker; each server that is looked at is asked about.
  async function look(id, state, trouble) {
    const server = await get(`/api/servers/${id}`).catch(() => null);
    if (!server || closed) return;
    put(state, stateOf(server));
    put(trouble, troubles(server));
  }
  function showJobs() {
    for (const [id, cell] of cells) {
      const now = jobs.of(id);
      const text = now.map((job) => `${kindName(job.kind)}${job.progress?.percent != null ? ` ${job.progress.percent} %` : ""}`).join(", ") || "–";
      say(cell, text);
    }
  }
  attempt(null, async () => {
    const [servers, used] = await Promise.all([get("/api/servers"), get("/api/backups/usage").catch(() => null)]);
    if (closed) return;
    all = servers.sort((a, b) => nameOf(a).localeCompare(nameOf(b)));
    usage = used && new Map(used.servers.map((u) => [u.server, u]));
    show();
  }).then((done) => { if (!all.length && done === undefined && list.textContent === "Loading…") put(list, note("The servers cannot be shown.", "bad")); });
  const stop = jobs.listen((news) => { if (!news.state) showJobs(); });
  return () => { closed = true; stop(); };
}

// -- one server --------------------------------------------------------------------

const powers = [["start", "Start"], ["stop", "Stop"], ["restart", "Restart"], ["kill", "Kill"]];

export function showServer(into, id) {
  const head = h("h2", "Server"), body = h("div"), now = h("div"), backups = h("section"), past = h("section");
  put(into, h("p", h("a", { href: "#/servers" }, "← Servers")), head, body, now, backups, past);
  let closed = false, timer = 0, name = short(id);

  const act = (label, what) => button(label, (control) => attempt(control, what), "", { needs: "manage:servers" });
  async function power(action, label) {
    if (action === "kill" || action === "stop" || action === "restart") {
      const sure = await question({ title: `${label} ${name}?`, danger: action === "kill", act: label,
        text: action === "kill" ? `${name} gets no time to save its world, and players are cut off.` : `Players on ${name} are cut off.` });
      if (!sure) return;
    }
    await start("POST", `/api/servers/${id}/power`, { action });
  }
  async function backUp() {
    const given = await question({ title: `Make a backup of ${name}?`, text: "The server keeps running meanwhile.", act: "Make a backup",
      fields: [{ name: "ignore", label: "Leave out", type: "text-area", hint: "One pattern per line, as in .gitignore. Empty: what the server's .pteroignore says." }] });
    if (given) await start("POST", `/api/servers/${id}/backup`, { adapter: "wings", uuid: newUuid(), ignore: given.ignore });
  }
  async function rotate() {
    const plan = await (await import("./api.js")).ask("POST", `/api/servers/${id}/backup/rotate`, { body: { dry_run: true } }).then((a) => a.json());
    if (!plan.would_remove.length) return notice("The configured rotation would remove nothing.");
    const sure = await question({ title: `Rotate the backups of ${name}?`, danger: true, act: `Remove ${plan.would_remove.length}`,
      text: ["These are removed, and cannot be brought back:", ...plan.would_remove.map((w) => `${short(w.backup)}: ${w.why}`)] });
    if (sure) await start("POST", `/api/servers/${id}/backup/rotate`, {});
  }
  async function remove() {
    const given = await question({ title: `Delete ${name}?`, danger: true, act: "Delete the server",
      text: [["The server ", h("strong", name), " (", h("code", id), ")."], "Its container and its files go. Where an undelete window is configured they lie in the trash until it is over."],
      fields: [{ name: "backups", label: "Its backups", options: [["keep", "keep them"], ["delete", "delete them too"]] }] });
    if (given) location.hash = `#/jobs/${await start("DELETE", `/api/servers/${id}?backups=${given.backups}`)}`;
  }

  async function read() {
    try {
      const server = await get(`/api/servers/${encodeURIComponent(id)}`);
      if (closed) return;
      const c = server.configuration;
      name = nameOf(server);
      put(head, name, " ", stateOf(server));
      document.title = `${nameOf(server)} · alula`;
      put(body, h("p.actions", powers.map(([word, label]) => act(label, () => power(word, label))), act("Back up", backUp), act("Rotate backups", rotate),
          button("Delete", (control) => attempt(control, remove), "danger", { needs: "destroy:servers" })),
        facts(["Uuid", h("code", id)], ["Trouble", troubles(server).some(Boolean) ? troubles(server) : null], ["Wanted", server.wanted_power],
          ["Installed", `${server.install.state}`], ["Image", c.container.image], ["Memory", c.build.memory_limit ? `${c.build.memory_limit} MiB` : null],
          ["Disk quota", c.build.disk_space ? `${c.build.disk_space} MiB` : null],
          ["Last crash", server.last_crash && [ago(server.last_crash.at), ` (code ${server.last_crash.exit_code}${server.last_crash.out_of_memory ? ", out of memory" : ""})`]]));
    } catch (error) {
      if (!closed) { put(head, `Server ${short(id)}`); put(body, note(error.message, "bad")); }
    }
  }
  const showNow = () => {
    const live = jobs.of(id);
    put(now, live.length > 0 && [h("h3", "Under way"), h("ul", live.map((job) =>
      h("li", h("a", { href: `#/jobs/${job.id}` }, kindName(job.kind)), " ", badge(job.state), " ", job.message ?? "", job.progress?.percent != null && ` ${job.progress.percent} %`)))]);
  };
  const list = backupsOf(backups, { server: id });
  const ended = pageOfPast(past, { server: id });
  read();
  showNow();
  const stop = jobs.listen((news) => {
    if (news.state) return;
    if (news.job && news.job.server !== id) return;
    showNow();
    if (news.job && news.before && news.before.state === news.job.state) return;
    timer ||= setTimeout(() => { timer = 0; read(); list.fresh(); ended.fresh(); }, 400);
  });
  return () => { closed = true; clearTimeout(timer); stop(); };
}
