// The page's behaviour. It gets finished, sanitised HTML from the server and never builds any
// from text. `element` and `trigger` come from Gradio.
const $ = (selector, root = element) => root.querySelector(selector);
const $$ = (selector, root = element) => [...root.querySelectorAll(selector)];
const app = $("#kt"), log = $("#kt-log"), box = $("#kt-q"), side = $("#kt-evidence");
const nothing = $("#kt-none").cloneNode(true), welcome = $("#kt-welcome");
const calm = matchMedia("(prefers-reduced-motion: reduce)");
const smooth = () => (calm.matches ? "auto" : "smooth");
const turns = new Map(); // number -> {node, state, model, body, evidence, count}
let latest = 0, shown = 0;

// Language ------------------------------------------------------------------------------------
function speak(lang) {
  app.dataset.lang = lang;
  document.documentElement.lang = lang === "zh" ? "zh-CN" : "en";
  for (const button of $$("[data-set-lang]"))
    button.setAttribute("aria-pressed", String(button.dataset.setLang === lang));
  for (const name of ["placeholder", "aria-label"])
    for (const node of $$(`[data-${name}-${lang}]`))
      node.setAttribute(name, node.getAttribute(`data-${name}-${lang}`));
  try { localStorage.setItem("kube-tutor-lang", lang); } catch {}
}
function firstLanguage() {
  try {
    const kept = localStorage.getItem("kube-tutor-lang");
    if (kept === "zh" || kept === "en") return kept;
  } catch {}
  return (navigator.language || "en").toLowerCase().startsWith("zh") ? "zh" : "en";
}

// Asking --------------------------------------------------------------------------------------
const asking = () => turns.get(latest)?.state === "asking";
function busy() { app.classList.toggle("kt-busy", asking()); }

function ask(question) {
  question = question.trim().slice(0, 4000);
  if (!question || asking()) return;
  welcome.remove();
  const node = document.createElement("article");
  node.className = "kt-turn";
  node.dataset.turn = ++latest;
  const asked = document.createElement("div");
  asked.className = "kt-question";
  asked.textContent = question;
  const [draft, body] = ["kt-said", "kt-body"].map((name) =>
    Object.assign(document.createElement("div"), { className: name }));
  draft.append($("#kt-looking").content.cloneNode(true));
  node.append(asked, draft, body);
  log.append(node);
  turns.set(latest, { node, state: "asking", model: null, body: "", evidence: "", count: 0 });
  show(latest);
  busy();
  node.scrollIntoView({ block: "start", behavior: smooth() });
  trigger("submit", { question, turn: latest });
}

function stop() {
  if (!asking()) return;
  const turn = latest;
  trigger("stop", { turn });
  setTimeout(() => lost(turn), 3000); // the server answers at once unless it is gone
}

function lost(number) {
  const turn = turns.get(number);
  if (turn?.state !== "asking") return;
  turn.state = "error";
  $(".kt-said", turn.node).replaceChildren($("#kt-broken").content.cloneNode(true));
  busy();
}

document.addEventListener("kt-frame", ({ detail: frame }) => {
  const turn = turns.get(frame?.turn);
  if (!turn || turn.state !== "asking") return;
  turn.state = turn.node.dataset.state = frame.state;
  // Each part is replaced only when it changed, so that what is read can be selected meanwhile.
  for (const [part, place] of [["model", ".kt-said"], ["body", ".kt-body"]])
    if (frame[part] !== turn[part]) {
      turn[part] = frame[part];
      $(place, turn.node).innerHTML = frame[part];
    }
  if (frame.evidence !== turn.evidence) {
    turn.evidence = frame.evidence;
    turn.count = frame.count;
    if (shown === frame.turn) show(frame.turn);
  }
  if (!asking()) $("#kt-live").textContent = turn.node.innerText.slice(0, 400);
  busy();
});
// Gradio is done with a question: if no frame said so, something broke on the way.
document.addEventListener("kt-end", () => { const turn = latest; setTimeout(() => lost(turn), 500); });

function restart() {
  trigger("clear", {});
  for (const { node } of turns.values()) node.remove();
  turns.clear();
  latest++; // late frames of what was asked before find no turn
  log.append(welcome);
  show(0);
  busy();
  box.value = "";
  grow();
  box.focus();
}

// Evidence ------------------------------------------------------------------------------------
function show(number) {
  const turn = turns.get(number);
  const same = shown === number;
  const open = same ? $$("details", side).map((card) => card.open) : [];
  shown = number;
  $("#kt-count").textContent = turn?.count ? String(turn.count) : "";
  for (const other of turns.values()) other.node.classList.toggle("kt-shown", other === turn);
  if (!turn) side.replaceChildren(nothing.cloneNode(true));
  else if (!turn.evidence) side.replaceChildren();
  else side.innerHTML = turn.evidence;
  $$("details", side).forEach((card, at) => { if (open[at]) card.open = true; });
  if (!same) side.scrollTop = 0;
}

function reveal(number, cite) {
  if (shown !== number) show(number);
  for (const node of $$(".kt-active")) node.classList.remove("kt-active");
  for (const chip of $$(`[data-cite="${Number(cite)}"]`, turns.get(number).node))
    chip.classList.add("kt-active");
  const marks = $$(`mark[data-cites~="${Number(cite)}"]`, side);
  if (!marks.length) return;
  marks[0].closest("details").open = true;
  for (const mark of marks) mark.classList.add("kt-active");
  marks[0].tabIndex = -1;
  marks[0].focus({ preventScroll: true });
  marks[0].scrollIntoView({ block: "center", behavior: smooth() });
}

// Hands ---------------------------------------------------------------------------------------
function grow() {
  box.style.height = "auto";
  box.style.height = Math.min(box.scrollHeight, 200) + "px";
  app.classList.toggle("kt-typed", box.value.trim() !== "");
}
function send() {
  if (asking() || !box.value.trim()) return;
  ask(box.value);
  box.value = "";
  grow();
}

element.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button || !element.contains(button)) return;
  if (button.id === "kt-stop") stop();
  else if (button.id === "kt-new") restart();
  else if (button.dataset.setLang) speak(button.dataset.setLang);
  else if (button.classList.contains("kt-ask")) ask(button.textContent);
  else if (button.dataset.cite) {
    const turn = button.closest(".kt-turn");
    reveal(turn ? Number(turn.dataset.turn) : shown, button.dataset.cite);
  } else if (button.classList.contains("kt-back"))
    turns.get(shown)?.node.scrollIntoView({ block: "start", behavior: smooth() });
  else if (button.classList.contains("kt-copy"))
    navigator.clipboard?.writeText($("pre", button.parentElement).innerText).then(() => {
      button.classList.add("kt-done");
      setTimeout(() => button.classList.remove("kt-done"), 1500);
    }, () => {});
});
$("#kt-form").addEventListener("submit", (event) => { event.preventDefault(); send(); });
box.addEventListener("input", grow);
box.addEventListener("keydown", (event) => {
  event.stopPropagation();
  // While an input method composes Chinese, Enter picks a word and sends nothing.
  if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.keyCode === 229) return;
  event.preventDefault();
  send();
});

speak(firstLanguage());
grow();
if (matchMedia("(hover: hover)").matches) box.focus();
app.dataset.ready = "yes";
