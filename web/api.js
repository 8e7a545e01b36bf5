// The node's API: the token, requests, problems, and server-sent events.
// EventSource cannot send a bearer, so streams are read from fetch.

const KEY = "alula.token";

/** Kept for this tab only, until it is closed. */
export const token = {
  get: () => sessionStorage.getItem(KEY),
  set: (text) => sessionStorage.setItem(KEY, text),
  forget: () => sessionStorage.removeItem(KEY),
};

/** What a request answered when it was not what was asked for. */
export class Problem extends Error {
  constructor(status, body) {
    super(body.detail || body.title || body.message || `the node answered ${status}`);
    this.status = status;
    this.code = body.code || "";
    this.owner = body.owner_job || null;
  }
}

let permissions = null;
/** Asks the node who has this token, and what that may do. */
export async function learnWho() {
  permissions = null;
  const who = await get("/api/tokens/self");
  permissions = new Set(who.permissions);
  return who;
}
/** What is not allowed is not offered; the node refuses it all the same. */
export const may = (permission) => !permissions || permissions.has(permission);

let unauthorized = () => {};
/** `then` is called when a token is not good, or not any more. */
export const onUnauthorized = (then) => { unauthorized = then; };

const headersWith = (more) => ({ Authorization: `Bearer ${token.get() || ""}`, ...more });

/** A Response that is ok; anything else is thrown as a Problem. */
export async function ask(method, path, { body, headers, signal } = {}) {
  let answer;
  try {
    answer = await fetch(path, {
      method, signal, cache: "no-store", credentials: "omit",
      headers: headersWith({ ...(body === undefined ? {} : { "Content-Type": "application/json" }), ...headers }),
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(0, { detail: "The node does not answer.", code: "unreachable" });
  }
  if (answer.ok) return answer;
  let said = {};
  try { said = await answer.json(); } catch { /* not of alula: a proxy's page */ }
  if (answer.status === 401) unauthorized();
  throw new Problem(answer.status, said);
}

export async function get(path, options) {
  return (await ask("GET", path, options)).json();
}

/** Starts something: the job it became, or null. */
export async function start(method, path, body) {
  const answer = await ask(method, path, { body, headers: { Prefer: "respond-async" } });
  const at = answer.headers.get("Location");
  return at ? at.split("/").pop() : null;
}

/** One path with the parameters that are given. */
export function url(path, parameters) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters))
    if (value !== undefined && value !== null && value !== "") query.set(name, value);
  const text = query.toString();
  return text ? `${path}?${text}` : path;
}

/**
 * Reads /api/events for as long as `signal` lets it; comes back with its last
 * id when the connection breaks, so that nothing is missed.
 * on.event({type, id, data}), on.state("live" | "lost", why)
 */
export async function follow(path, on, signal) {
  let last = null, wait = 500;
  while (!signal.aborted) {
    try {
      const answer = await ask("GET", path, { signal, headers: last ? { "Last-Event-ID": last } : {} });
      if (answer.status === 204) return;
      on.state("live");
      wait = 500;
      for await (const event of eventsOf(answer.body)) {
        if (event.id) last = event.id;
        if (event.data) on.event(event);
        else if (event.id) on.begun?.();
      }
    } catch (error) {
      if (signal.aborted || error.status === 401) return;
      on.state("lost", error.message);
      if (error.status === 403) return;
    }
    await new Promise((go) => {
      const timer = setTimeout(go, wait);
      signal.addEventListener("abort", () => { clearTimeout(timer); go(); }, { once: true });
    });
    wait = Math.min(wait * 2, 15_000);
  }
}

async function* eventsOf(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    rest += value;
    for (let end = rest.indexOf("\n\n"); end >= 0; end = rest.indexOf("\n\n")) {
      const event = { id: null, type: "message", data: "" };
      for (const line of rest.slice(0, end).split("\n")) {
        const colon = line.indexOf(":");
        if (colon <= 0) continue; // a comment: the node is alive
        const text = line.slice(colon + 1).replace(/^ /, "");
        const name = line.slice(0, colon);
        if (name === "id") event.id = text;
        else if (name === "event") event.type = text;
        else if (name === "data") event.data += (event.data && "\n") + text;
      }
      rest = rest.slice(end + 2);
      yield event;
    }
  }
}

/** Saves what `path` answers as a file; in memory meanwhile. */
export async function save(path, name) {
  const blob = await (await ask("GET", path)).blob();
  clickLink(URL.createObjectURL(blob), name, true);
}

function clickLink(href, name, revoke) {
  const link = document.createElement("a");
  link.href = href;
  link.download = name;
  document.body.append(link);
  link.click();
  link.remove();
  if (revoke) setTimeout(() => URL.revokeObjectURL(href), 60_000);
}

const base64url = (bytes) =>
  btoa(String.fromCharCode(...bytes)).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

/** A link that works once, signed as a Panel signs one. */
async function linkTo(server, backup) {
  const text = (value) => new TextEncoder().encode(value);
  const now = Math.floor(Date.now() / 1000);
  const claims = { server_uuid: server, backup_uuid: backup, unique_id: newUuid(), iat: now, nbf: now - 60, exp: now + 300 };
  const signed = base64url(text('{"alg":"HS256","typ":"JWT"}')) + "." + base64url(text(JSON.stringify(claims)));
  const key = await crypto.subtle.importKey("raw", text(token.get()), { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  const mac = new Uint8Array(await crypto.subtle.sign("HMAC", key, text(signed)));
  return `/download/backup?token=${signed}.${base64url(mac)}`;
}

/**
 * An archive may be larger than memory, and a plain link cannot send a bearer:
 * so the page signs a link that works once, as a Panel does, and the browser
 * takes it from there. Where it has no cryptography (plain HTTP from another
 * machine), the archive goes through memory after all. What only a store has
 * is behind a redirect, which the browser may follow and this page may not.
 */
export async function saveArchive(server, backup, name) {
  const path = `/api/servers/${server}/backup/${backup}/download`;
  if (!globalThis.crypto?.subtle) {
    const look = await fetch(path, { cache: "no-store", redirect: "manual", headers: headersWith({}) });
    await look.body?.cancel();
    if (look.type !== "opaqueredirect") return save(path, name);
    throw new Problem(0, { detail: "This archive lies in a store. Over plain HTTP the page cannot fetch it: use HTTPS, or `alula backups get`." });
  }
  const link = await linkTo(server, backup);
  // HEAD leaves the link good, and tells of a token that may not sign.
  const look = await fetch(link, { method: "HEAD", cache: "no-store" });
  if (look.ok) return clickLink(link, name);
  return save(path, name);
}

/** A link that is good for a while, which the browser takes from there. */
export async function saveSystemBackup(path) {
  const { data } = await get(path);
  clickLink(data.download_url, "");
}

/** Also where crypto.randomUUID is not: on plain HTTP from another machine. */
export function newUuid() {
  const b = crypto.getRandomValues(new Uint8Array(16));
  b[6] = (b[6] & 0x0f) | 0x40;
  b[8] = (b[8] & 0x3f) | 0x80;
  const hex = [...b].map((x) => x.toString(16).padStart(2, "0")).join("");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
