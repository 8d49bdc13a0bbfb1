// The page "Ask": questions, answers as they come, evidence beside them. Runs after page.js.
const log = $("#kt-log"), box = $("#kt-q"), side = $("#kt-evidence");
const nothing = $("#kt-none").cloneNode(true), welcome = $("#kt-welcome");
const turns = new Map(); // number -> {node, state, evidence, count, ...parts}
let latest = 0, shown = 0;
let chat = ""; // the conversation on the page, "" for a new one; kept for a reload on another page
const tab = {
  get chat() { try { return sessionStorage.getItem("kube-tutor-chat") ?? ""; } catch { return ""; } },
  set chat(id) { try { sessionStorage.setItem("kube-tutor-chat", id); } catch {} },
};

// Asking --------------------------------------------------------------------------------------
const PARTS = [["model", ".kt-said"], ["body", ".kt-body"], ["bar", ".kt-tools-after"]];
const asking = () => turns.get(latest)?.state === "asking";
function busy() { app.classList.toggle("kt-busy", asking()); }

function ask(question) {
  question = question.trim();
  if (!question || asking()) return;
  welcome.remove();
  const node = document.createElement("article");
  node.className = "kt-turn";
  node.dataset.turn = ++latest;
  const asked = document.createElement("div");
  asked.className = "kt-question";
  asked.textContent = question;
  node.append(asked, ...PARTS.map(([, name]) =>
    Object.assign(document.createElement("div"), { className: name.slice(1) })));
  $(".kt-said", node).append($("#kt-looking").content.cloneNode(true));
  log.append(node);
  turns.set(latest, { node, state: "asking", model: null, body: "", bar: "", evidence: "", count: 0 });
  show(latest);
  busy();
  node.scrollIntoView({ block: "start", behavior: smooth() });
  trigger("submit", { question, turn: latest, chat });
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
  $(".kt-tools-after", turn.node).replaceChildren($("#kt-again").content.cloneNode(true));
  busy();
  stillIn();
}

document.addEventListener("kt-frame", ({ detail: frame }) => {
  const turn = turns.get(frame?.turn);
  if (!turn || turn.state !== "asking") return;
  turn.state = turn.node.dataset.state = frame.state;
  // Each part is replaced only when it changed, so that what is read can be selected meanwhile.
  for (const [part, place] of PARTS)
    if (frame[part] !== turn[part]) {
      turn[part] = frame[part];
      const node = $(place, turn.node);
      node.innerHTML = frame[part];
      translate(node);
    }
  if (frame.evidence !== turn.evidence) {
    turn.evidence = frame.evidence;
    turn.count = frame.count;
    if (shown === frame.turn) show(frame.turn);
  }
  if (frame.chat && frame.chat !== chat) {
    chat = tab.chat = frame.chat;
    if (shownPage === "ask") history.replaceState(null, "", "#/ask/" + chat);
  }
  if (!asking()) {
    $("#kt-live").textContent = turn.node.innerText.slice(0, 400);
    relist();
  }
  busy();
});
// Gradio is done with a question: if no frame said so, something broke on the way.
document.addEventListener("kt-end", () => { const turn = latest; setTimeout(() => lost(turn), 500); });

document.addEventListener("kt-lost", ({ detail: turn }) => lost(turn ?? latest));

// Conversations -------------------------------------------------------------------------------
const chats = $("#kt-chats"), query = $("#kt-chatlist [name=query]");
function relist() { act("ask", "list", { query: query.value }); }
function current() {
  for (const link of $$("li > a", chats))
    if (link.parentElement.dataset.chat === chat) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
}
function clear() {
  if (asking()) trigger("clear", {});
  for (const { node } of turns.values()) node.remove();
  turns.clear();
  latest++; // late frames of what was asked before find no turn
  log.append(welcome);
  show(0);
  busy();
}
function restart() {
  clear();
  chat = tab.chat = "";
  current();
  showChats(false);
  if (address()[1]) history.pushState(null, "", "#/ask");
  box.focus();
}
function restore(id) { // the server has put the conversation's turns into #kt-kept
  clear();
  for (const node of $$("#kt-kept > .kt-turn")) {
    node.dataset.turn = ++latest;
    const beside = $(".kt-beside", node);
    turns.set(latest, {
      node, state: node.dataset.state, evidence: beside.innerHTML, count: Number(node.dataset.count),
    });
    beside.remove();
    log.append(node);
  }
  chat = tab.chat = turns.size ? id : ""; // it may be gone, or somebody else's
  if (!chat) return;
  welcome.remove();
  show(latest);
  busy();
  turns.get(latest).node.scrollIntoView({ block: "start" });
}
function closeMenus(but = null) {
  for (const menu of $$(".kt-menu[open]", chats)) if (!menu.contains(but)) menu.open = false;
}
function showChats(on) {
  app.classList.toggle("kt-chats-open", on);
  $("#kt-showchats").setAttribute("aria-expanded", String(on));
}
opened.ask = (id) => {
  const wanted = id || chat || tab.chat; // "" too when one comes back from another page
  if (!id && wanted) history.replaceState(null, "", "#/ask/" + wanted);
  if (wanted === chat && chats.firstChild) return;
  if (wanted !== chat) welcome.remove();
  act("ask", "open", { id: wanted });
};
finished.ask = (action, data) => {
  if (action === "open" && data.id && data.id === address()[1]) restore(data.id);
  if (action === "open") showChats(false);
  if (action === "delete" && data.chat === chat) restart();
  if (action === "export") closeMenus();
  current();
};

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

// Once the log is at rest, the evidence is that of the turn in its middle, unless one is being answered.
let settling = 0;
log.addEventListener("scroll", () => {
  clearTimeout(settling);
  settling = setTimeout(follow, 200);
}, { passive: true });
function follow() {
  if (asking()) return;
  const { top, height } = log.getBoundingClientRect(), middle = top + height / 2;
  for (const [number, { node }] of turns) {
    const box = node.getBoundingClientRect();
    if (box.top <= middle && middle < box.bottom && number !== shown) show(number);
  }
}

// Hands ---------------------------------------------------------------------------------------
function grow() {
  box.style.height = "auto";
  box.style.height = Math.min(box.scrollHeight, 200) + "px";
  app.classList.toggle("kt-typed", box.value.trim() !== "");
}
function send() {
  if (asking() || !box.value.trim()) return;
  // Refused here already, so that nothing of it is lost; `maxlength` would cut what is pasted.
  if (box.value.trim().length > Number(box.dataset.most)) return toast($("#kt-long").innerHTML, 12000);
  ask(box.value);
  box.value = "";
  store.set("draft-ask", "");
  grow();
}

element.addEventListener("click", (event) => {
  closeMenus(event.target);
  const button = event.target.closest("button");
  if (!button || !element.contains(button)) {
    if (event.target.closest(".kt-chat")) showChats(false);
    return;
  }
  const turn = button.closest(".kt-turn");
  if (button.id === "kt-stop") stop();
  else if (button.classList.contains("kt-new")) restart();
  else if (button.id === "kt-showchats") showChats(!app.classList.contains("kt-chats-open"));
  else if (button.classList.contains("kt-ask")) {
    if (shownPage !== "ask") { // on another page: a conversation of its own
      clear();
      chat = "";
      go("ask");
    }
    ask(button.textContent);
  }
  else if (button.classList.contains("kt-again")) ask($(".kt-question", turn).textContent);
  else if (button.dataset.cite && (turn || side.contains(button)))
    reveal(turn ? Number(turn.dataset.turn) : shown, button.dataset.cite);
  else if (button.classList.contains("kt-back"))
    turns.get(shown)?.node.scrollIntoView({ block: "start", behavior: smooth() });
});
$("#kt-chatlist").addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  const menu = event.target.closest(".kt-menu[open]");
  closeMenus();
  if (menu) $("summary", menu).focus();
  else showChats(false);
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

// Begin ---------------------------------------------------------------------------------------
paint(store.get("look"));
speak(firstLanguage());
open();
if (shownPage !== "ask") act("ask", "open", { id: "" }); // the list, and who is here
grow();
if (shownPage === "ask" && matchMedia("(hover: hover)").matches) box.focus();
app.dataset.ready = "yes";
