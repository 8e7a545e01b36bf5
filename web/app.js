// The frame: asks for the token, shows the view that the address names.

import { learnWho, may, onUnauthorized, token } from "./api.js";
import { h, note, notice, put, say, withCode } from "./dom.js";
import { begin, end, jobs } from "./live.js";
import { stateName } from "./words.js";
import { showJob, showJobs, titleOf } from "./jobs.js";
import { showServer, showServers } from "./servers.js";
import { showBackups, showBrowser } from "./backups.js";
import { showSystem, showSystems } from "./systems.js";
import { showNode } from "./node.js";

// With what somebody needs to see anything there.
const sections = [["jobs", "Jobs"], ["servers", "Servers"], ["backups", "Backups"], ["systems", "Systems", "read:systems"], ["node", "Node"]];
const views = [
  [/^jobs$/, showJobs], [/^jobs\/([^/]+)$/, showJob],
  [/^servers$/, showServers], [/^servers\/([^/]+)$/, showServer],
  [/^backups$/, showBackups], [/^backups\/([^/]+)\/([^/]+)(?:\/(.*))?$/, showBrowser],
  [/^systems$/, showSystems], [/^systems\/([^/]+)$/, showSystem],
  [/^node$/, showNode],
];

const content = document.getElementById("content");
const tabs = document.getElementById("tabs");
const link = document.getElementById("link");
const leave = document.getElementById("leave");
let closeView = () => {};
let isSigningIn = false; // a wrong token is said there, not as one that was good

function showTabs(here) {
  put(tabs, h("ul", sections.filter(([, , needs]) => !needs || may(needs)).map(([name, label]) =>
    h("li", h("a", { href: `#/${name}`, "aria-current": here === name ? "page" : null }, label)))));
}

function route(event) {
  if (!token.get()) return signIn();
  const path = location.hash.replace(/^#\/?/, "") || "jobs";
  if (path === "content") return content.focus();
  closeView();
  closeView = () => {};
  showTabs(path.split("/")[0]);
  for (const [pattern, show] of views) {
    const match = path.match(pattern);
    if (!match) continue;
    put(content);
    closeView = show(content, ...match.slice(1).map((part) => part && decodeURIComponent(part))) ?? (() => {});
    document.title = `${content.querySelector("h2")?.textContent ?? path} · alula`;
    if (event) content.focus({ preventScroll: true });
    window.scrollTo(0, 0);
    return;
  }
  put(content, h("h2", "Nothing is here"), h("p", h("a", { href: "#/jobs" }, "To the jobs")));
}

function signIn(why = "") {
  closeView();
  closeView = () => {};
  end();
  put(tabs);
  say(link, "");
  leave.hidden = true;
  const field = h("input", { id: "token", name: "token", type: "password", required: true, autocomplete: "off", spellcheck: "false" });
  const problem = h("p.bad", { role: "alert", hidden: !why }, why);
  put(content, h("form.sign-in", { onsubmit: async (event) => {
      event.preventDefault();
      token.set(field.value.trim());
      isSigningIn = true;
      try {
        await learnWho();
        enter();
      } catch (error) {
        if (error.status === 403) return enter(); // a token that may see less
        token.forget();
        problem.hidden = false;
        say(problem, error.status === 401 ? "The node does not know this token." : error.message);
      } finally {
        isSigningIn = false;
      }
    } },
    h("h2", "Sign in to this node"), problem,
    h("p.field", h("label", { for: "token" }, "Token"), field,
      h("small", withCode("The node's token: `token` of its config.yml, or the file `token` in its data directory; or one made with `alula token create`. It is kept in this tab only and forgotten when the tab is closed."))),
    h("p.actions", h("button.primary", { type: "submit" }, "Sign in"))));
  document.title = "Sign in · alula";
  field.focus();
}

function enter() {
  leave.hidden = false;
  begin();
  route();
}

const linkText = { live: "Live", lost: "No connection; trying again", connecting: "Connecting…", forbidden: "This token may not follow jobs" };
jobs.listen((news) => {
  if (news.state) {
    const [state, why] = jobs.state();
    say(link, linkText[state] ?? state);
    link.title = why;
    link.className = `is-${state}`;
  }
  // Progress is not read out; ends, and what needs somebody, are.
  const { job, before } = news;
  if (!job || !before || before.state === job.state) return;
  const which = h("a", { href: `#/jobs/${job.id}` }, titleOf(job));
  if (job.state === "parked") notice([which, ` needs you: ${job.message ?? job.reason ?? ""}`], "bad");
  else if (job.state === "failed") notice([which, ` failed: ${job.error?.detail ?? ""}`], "bad");
  else if (job.done) notice([which, `: ${stateName(job.state)}`]);
});

onUnauthorized(() => {
  if (!token.get() || isSigningIn) return;
  token.forget();
  signIn("The node does not know this token any more. Sign in again.");
});
leave.addEventListener("click", () => { token.forget(); signIn(); });
window.addEventListener("hashchange", route);

async function open() {
  if (!token.get()) return signIn();
  try {
    await learnWho();
  } catch (error) {
    if (error.status === 401) return;
    if (error.status !== 403) put(content, note(error.message, "bad"));
  }
  enter();
}
open();
