// The frame of the page: languages, looks, addresses, and actions declared in the HTML. It gets
// finished, sanitised HTML from the server and never builds any from text. `element` and
// `trigger` come from Gradio. How pages use it: tutor/web/pages/__init__.py.
const $ = (selector, root = element) => root.querySelector(selector);
const $$ = (selector, root = element) => [...root.querySelectorAll(selector)];
const app = $("#kt");
const TITLE = document.title;
const calm = matchMedia("(prefers-reduced-motion: reduce)");
const smooth = () => (calm.matches ? "auto" : "smooth");
const store = {
  get(key) { try { return localStorage.getItem("kube-tutor-" + key); } catch { return null; } },
  set(key, value) {
    try {
      if (value) localStorage.setItem("kube-tutor-" + key, value);
      else localStorage.removeItem("kube-tutor-" + key);
    } catch {}
  },
};

// Language and looks --------------------------------------------------------------------------
const lang = () => app.dataset.lang;
function translate(root) {
  for (const name of ["placeholder", "aria-label", "title"])
    for (const node of $$(`[data-${name}-${lang()}]`, root))
      node.setAttribute(name, node.getAttribute(`data-${name}-${lang()}`));
}
function speak(chosen) {
  app.dataset.lang = chosen;
  document.documentElement.lang = chosen === "zh" ? "zh-CN" : "en";
  for (const button of $$("[data-set-lang]"))
    button.setAttribute("aria-pressed", String(button.dataset.setLang === chosen));
  translate(element);
  store.set("lang", chosen);
  entitle();
}
function entitle() {
  const name = $(`[aria-current="page"] .kt-${lang()}`, $(".kt-nav"))?.textContent;
  document.title = name ? `${name} · ${TITLE}` : TITLE;
}
function firstLanguage() {
  const kept = store.get("lang");
  if (kept === "zh" || kept === "en") return kept;
  return (navigator.language || "en").toLowerCase().startsWith("zh") ? "zh" : "en";
}
const dark = matchMedia("(prefers-color-scheme: dark)");
function paint(look) {
  document.documentElement.dataset.look = look || (dark.matches ? "dark" : "light");
}
dark.addEventListener("change", () => paint(store.get("look")));
function turnLook() {
  const look = document.documentElement.dataset.look === "dark" ? "light" : "dark";
  store.set("look", look);
  paint(look);
}

// Actions -------------------------------------------------------------------------------------
const acts = new Map(); // number -> {page, source, drafts, at}; of each page one runs, others wait
const waiting = [];
let lastAct = 0, begun = 0, ended = 0, shownPage = "", toasting = 0;

function act(page, action, data = {}, source = null, drafts = []) {
  if (source) hush(); // whoever goes on has read it
  const number = ++lastAct;
  waiting.push([number, { page, action, data, source, drafts, at: location.hash }]);
  busyWith(source, true);
  pump();
  return number;
}
function pump() {
  for (const [number, call] of [...waiting]) {
    if ([...acts.values()].some(({ page }) => page === call.page)) continue;
    waiting.splice(waiting.findIndex(([n]) => n === number), 1);
    acts.set(number, call);
    begun++;
    const { page, action, data } = call;
    trigger("apply", { run: number, page, action, data, lang: lang() });
  }
}
function busyWith(source, busy) {
  if (!source) return;
  source.classList.toggle("kt-acting", busy);
  source.setAttribute("aria-busy", String(busy));
}
function place(html) {
  for (const [id, part] of Object.entries(html)) {
    const node = $("#kt-" + CSS.escape(id));
    if (!node || node.kept === part) continue;
    node.kept = part; // what didn't change stays as it is, with focus and selection
    node.innerHTML = part;
    translate(node);
    restoreDrafts(node);
  }
}
document.addEventListener("kt-act", ({ detail: message }) => {
  const call = acts.get(message?.run);
  if (!call) return;
  known(message.user, message.account);
  // Before its form may come back empty: what was sent is no draft any more.
  if (message.done && !message.error) for (const key of call.drafts) store.set("draft-" + key, "");
  place(message.html);
  if (message.done) finishAct(message.run, message);
});
function finishAct(number, message) {
  const { page, action, data, source, at } = acts.get(number);
  acts.delete(number);
  busyWith(source, false);
  for (const progress of source ? $$("progress", source) : []) progress.hidden = true;
  if (!message.error) for (const input of source ? $$('input[type="file"]', source) : []) {
    input.value = ""; // what was sent is not chosen any more
    input.dispatchEvent(new Event("change", { bubbles: true }));
  }
  if (message.error) fail(page, message.error);
  else finished[page]?.(action, data, message);
  if (message.toast) toast(message.toast, 4000, message.route.split("/")[0] || shownPage);
  if (message.download) save(message.download);
  if (page === shownPage || !shownPage) {
    if (message.route && !("live" in (source?.dataset ?? {}))) go(message.route);
    else if (message.route && at === location.hash) {
      history.replaceState(null, "", "#/" + message.route);
      for (const [, call] of waiting) if (call.at === at) call.at = location.hash;
    }
    if (action === "open" && at === location.hash) $("#kt-" + page).scrollTop = leftAt.get(at) ?? 0;
    standing = location.hash;
    if (message.focus) focusOn($("#kt-" + CSS.escape(message.focus)));
  }
  // A section forgets what was put into it from here on: its elements may change by hand.
  for (const node of $$("*", $("#kt-" + page))) delete node.kept;
  delete $("#kt-" + page).kept;
  pump();
}
function fail(page, html) {
  const section = $("#kt-" + page);
  if (!$("*", section) || $(".kt-waiting", section)) section.innerHTML = `<div class="kt-page">${html}</div>`;
  else toast(html, 12000);
}

// Failures ------------------------------------------------------------------------------------
// Gradio is done with an action: if no message said so, something broke on the way.
document.addEventListener("kt-act-end", () => {
  ended++;
  setTimeout(() => { if (ended >= begun) loseActs(); }, 800);
});
function loseActs() {
  for (const number of [...acts.keys()]) loseAct(number);
}
function loseAct(number) {
  if (!acts.has(number)) return;
  finishAct(number, { error: $("#kt-gone").innerHTML });
  stillIn();
}
// A session that has ended, or is somebody else's by now, answers nothing: from the start then.
// Resolves to whether the server is there.
async function stillIn() {
  try {
    const answer = await fetch("kt/who", { cache: "no-store" });
    if (answer.status === 401 || (answer.ok && user !== null && (await answer.text()) !== user))
      location.reload();
    return true;
  } catch { return false; }
}
// Whoever leaves breaks off the stream of messages, and Gradio calls that an error. Its listener
// comes before any of ours, so what is an error is known only a moment later.
const complain = console.error;
let leaving = false;
addEventListener("beforeunload", () => {
  leaving = true;
  setTimeout(() => { leaving = false; }, 5000); // nobody left after all
});
console.error = (...words) => { setTimeout(() => { if (!leaving) complain(...words); }); };
// Gradio tells nobody that the server refused a request, or couldn't be reached.
const plainFetch = window.fetch;
window.fetch = async (...call) => {
  let answer = null;
  try { return (answer = await plainFetch(...call)); }
  finally {
    if (!answer?.ok && String(call[0]?.url ?? call[0]).includes("/queue/join")) {
      let sent = {};
      try { sent = JSON.parse(call[1].body).event_data ?? {}; } catch {}
      if (sent.run) { begun--; loseAct(sent.run); }
      else if (sent.turn) document.dispatchEvent(new CustomEvent("kt-lost", { detail: sent.turn }));
    }
  }
};
// And a server that dies takes the stream of its messages along.
setInterval(async () => {
  if (!acts.size && !app.classList.contains("kt-busy")) return;
  if (await stillIn()) return;
  ended = begun;
  loseActs();
  document.dispatchEvent(new CustomEvent("kt-lost"));
}, 5000);
function focusOn(node) {
  if (!node) return;
  if (!node.matches("a[href], button, input, select, textarea, summary")) node.tabIndex = -1;
  node.focus({ preventScroll: true });
  node.scrollIntoView({ block: "nearest", behavior: smooth() });
}
let toasted = ""; // the page that the toast belongs to
function hush() { $("#kt-toast").hidden = true; }
function toast(html, time = 4000, page = shownPage) {
  const node = $("#kt-toast");
  toasted = page;
  node.innerHTML = html;
  node.hidden = false;
  clearTimeout(toasting);
  toasting = setTimeout(hush, time);
}
// A form that opens below the edge, or under a bar that stays, comes into view.
element.addEventListener("toggle", ({ target }) => {
  const form = target.open && $("form", target);
  if (form && !target.matches(".kt-menu")) form.scrollIntoView({ block: "nearest", behavior: smooth() });
}, true);
function save({ name, type, content }) {
  const bytes = Uint8Array.from(atob(content), (char) => char.charCodeAt(0));
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([bytes], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
}

// Forms and buttons ---------------------------------------------------------------------------
function extra(node) { // data-arg-key="value" -> {key: value}
  const data = {};
  for (const { name, value } of node.attributes)
    if (name.startsWith("data-arg-")) data[name.slice(9)] = value;
  return data;
}
async function fields(form, button) {
  const data = extra(form);
  if (button) Object.assign(data, extra(button));
  const many = new Map();
  for (const control of form.elements) {
    if (!control.name || control.disabled || control.type === "submit" && control !== button) continue;
    if (control.type === "button") continue;
    if ((control.type === "checkbox" || control.type === "radio") && !control.checked) continue;
    if (control.type === "file") { data[control.name] = { uploads: await send_files(control, form) }; continue; }
    const values = control.multiple ? [...control.selectedOptions].map((o) => o.value) : [control.value];
    many.set(control.name, [...(many.get(control.name) || []), ...values]);
  }
  for (const [name, values] of many)
    data[name.replace(/\[\]$/, "")] = values.length > 1 || name.endsWith("[]") ? values : values[0];
  return data;
}
class Refused extends Error {} // its message is HTML of the server's
async function send_files(control, form) {
  const progress = $("progress", form), tokens = [];
  const files = [...control.files], all = files.reduce((sum, file) => sum + file.size, 0) || 1;
  let before = 0;
  for (const file of files) {
    tokens.push(await new Promise((resolve, reject) => {
      const request = new XMLHttpRequest();
      request.open("POST", "kt/upload?name=" + encodeURIComponent(file.name));
      request.setRequestHeader("content-type", "application/octet-stream");
      request.upload.addEventListener("progress", ({ loaded }) => {
        if (progress) { progress.hidden = false; progress.value = (before + loaded) / all; }
      });
      request.addEventListener("load", () =>
        request.status === 200 ? resolve(request.responseText)
          : reject(new Refused(request.status === 400 ? request.responseText
            : $(request.status === 413 ? "#kt-large" : "#kt-gone").innerHTML)));
      request.addEventListener("error", () => reject(new Refused($("#kt-gone").innerHTML)));
      request.send(file);
    }));
    before += file.size;
  }
  if (progress) progress.hidden = true; // from here on it is the server's work, which shows its own
  return tokens;
}
function sure(node) {
  const question = node.getAttribute("data-confirm-" + lang());
  return !question || confirm(question);
}
async function submit(said, form, button) {
  const [page, action] = said.split(".");
  if (form.classList.contains("kt-acting")) {
    if ("live" in form.dataset) typing = setTimeout(() => form.requestSubmit(), 150);
    return;
  }
  if (!sure(button || form)) return;
  form.classList.add("kt-acting");
  const drafts = $$("textarea[data-draft]", form).map((box) => box.dataset.draft);
  try {
    act(page, action, await fields(form, button), form, drafts);
  } catch (error) {
    form.classList.remove("kt-acting");
    for (const progress of $$("progress", form)) progress.hidden = true;
    toast(error instanceof Refused ? error.message : $("#kt-gone").innerHTML, 12000);
  }
}
element.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.id === "kt-logout") forgetDrafts();
  const said = event.submitter?.dataset.act || form.dataset.act;
  if (!said) return;
  event.preventDefault();
  submit(said, form, event.submitter);
});
element.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button || !element.contains(button)) return;
  if (button.dataset.setLang) {
    speak(button.dataset.setLang);
    if (shownPage !== "ask" && $("[data-relang]", $("#kt-" + shownPage))) open();
  } else if (button.id === "kt-theme") turnLook();
  else if ("print" in button.dataset) print();
  else if ("copy" in button.dataset || button.classList.contains("kt-copy")) copy(button);
  else if (button.dataset.act && !(button.type === "submit" && button.form)) {
    if (button.classList.contains("kt-acting") || !sure(button)) return;
    const [page, action] = button.dataset.act.split(".");
    act(page, action, extra(button), button);
  }
});
function copy(button) {
  const text = button.dataset.copy ?? $("pre", button.parentElement).innerText;
  navigator.clipboard?.writeText(text).then(() => {
    button.classList.add("kt-done");
    setTimeout(() => button.classList.remove("kt-done"), 1500);
  }, () => {});
}

// Drafts --------------------------------------------------------------------------------------
let user = null; // who the server says it is; before that no draft is shown
function known(name, account) {
  if (user === name) return;
  if (user !== null) location.reload();
  user = name;
  if (store.get("user") !== name) forgetDrafts(); // of somebody else in this browser
  store.set("user", name);
  $("#kt-user").textContent = name;
  $("#kt-logout").hidden = !account;
  restoreDrafts(element);
}
function forgetDrafts() {
  try {
    for (const key of Object.keys(localStorage))
      if (key.startsWith("kube-tutor-draft-")) localStorage.removeItem(key);
  } catch {}
}
function restoreDrafts(root) {
  if (user === null) return;
  for (const box of $$("textarea[data-draft]", root)) {
    const kept = store.get("draft-" + box.dataset.draft);
    if (kept && !box.value) {
      box.value = kept;
      box.dispatchEvent(new Event("input", { bubbles: true })); // whoever listens makes it grow
    }
  }
}
function growBox(box) {
  box.style.height = "auto";
  box.style.height = Math.min(Math.max(box.scrollHeight + 2, 72), innerHeight / 2) + "px";
}
let typing = 0;
element.addEventListener("input", ({ target }) => {
  if (target.form && "live" in target.form.dataset) {
    clearTimeout(typing);
    typing = setTimeout(() => target.form.requestSubmit(), 250);
  }
  if (target.dataset?.draft) store.set("draft-" + target.dataset.draft, target.value);
  if (target.dataset && "grow" in target.dataset) growBox(target);
});
element.addEventListener("change", ({ target }) => { // the browser's own words are in its language, not ours
  const chosen = target.type === "file" && $("[data-chosen]", target.form);
  if (chosen) chosen.textContent = [...target.files].map((file) => file.name).join(" · ");
});
document.addEventListener("keydown", (event) => {
  const field = event.target.closest?.("input:not([type=radio]):not([type=checkbox]), textarea, select");
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && field?.form?.dataset.act) {
    event.preventDefault();
    field.form.requestSubmit();
  } else if (event.key === "Escape" && field?.matches("textarea") && !event.isComposing) {
    field.blur(); // so that the keys of the buttons work
  } else if (!field && !event.ctrlKey && !event.metaKey && !event.altKey && shownPage) {
    const button = $(`[data-key="${CSS.escape(event.key)}"]:not([disabled])`, $("#kt-" + shownPage));
    if (!button || button.closest("[hidden]")) return;
    event.preventDefault();
    button.click();
  }
});

// Addresses -----------------------------------------------------------------------------------
const opened = {}; // page -> what happens instead of its action "open"; filled by ask.js
const finished = {}; // page -> what happens after one of its actions
const leftAt = new Map(); // address -> how far down it was left
let standing = ""; // the address of what is shown
function address() {
  const [page, ...rest] = location.hash.replace(/^#\/?/, "").split("/");
  let id = rest.join("/");
  try { id = decodeURIComponent(id); } catch {}
  return $(`.kt-view[data-page="${CSS.escape(page)}"]`) ? [page, id] : ["ask", ""];
}
function open() {
  const [page, id] = address(), section = $("#kt-" + page);
  if (location.hash && location.hash.split("/")[1] !== page) // an address that there isn't
    history.replaceState(null, "", "#/" + page);
  const arrived = shownPage !== page;
  if (shownPage) leftAt.set(standing, $("#kt-" + shownPage).scrollTop);
  standing = location.hash;
  shownPage = page;
  if (toasted !== page) hush();
  for (const other of $$(".kt-view")) other.hidden = other !== section;
  for (const link of $$("[data-nav]"))
    if (link.dataset.nav === page) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  app.dataset.page = page;
  entitle();
  if (opened[page]) return opened[page](id);
  if (!$("*", section)) {
    section.append($("#kt-loading").content.cloneNode(true));
    section.firstElementChild.classList.add("kt-waiting");
  }
  if (arrived) section.scrollTop = 0;
  act(page, "open", { id });
}
function go(route) {
  if (route.split("/")[0] === shownPage) history.pushState(null, "", "#/" + route);
  else location.hash = "#/" + route;
}
addEventListener("hashchange", open);
window.kt = { act, go, toast };
