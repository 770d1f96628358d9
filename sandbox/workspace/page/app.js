// The page: who you are, where you look, what you type. Everything goes through the driver's API.

import { blocks } from "./blocks.js";
import { missing, values } from "./fields.js";
import { HOME, drawHome } from "./home.js";
import { element, mrkdwn } from "./mrkdwn.js";

const $ = (id) => document.getElementById(id);
const COMMANDS = [
  ["/invsync", "how things stand"], ["/invsync failed", "what failed, newest first"], ["/invsync log", "the sync log, 20 a page"],
  ["/invsync show ", "NUMBER: one document"], ["/invsync retry ", "NUMBER...: send again"], ["/invsync sync ", "ORDER...: fetch and sync"],
  ["/invsync digest preview", "what the next digest says"], ["/invsync digest now", "post it"], ["/invsync help", "what there is"],
];
const KNOBS = [
  ["Acknowledge the next payload 4 s late", { late_ack_s: 4 }], ["Drop the socket", { drop_socket: true }],
  ["429 to the next chat.update", { rate_limit_next: { method: "chat.update", retry_after: 2 } }],
  ["429 to the next chat.postEphemeral", { rate_limit_next: { method: "chat.postEphemeral", retry_after: 2 } }],
  ["Expire the next trigger", { expire_trigger: 1 }], ["Lose the answer of the next post", { lose_answer: 1 }], ["Deliver the last payload again", { redeliver_last: 1 }],
  ["End QuickBooks' token, 312 documents wait behind it", { expire_token: "quickbooks" }],
];
const state = { people: [], channels: [], user: null, channel: "C0FINANCE", version: 0, drawn: "", views: "", home: null, drawer: null, messages: [], thread: null };

const get = async (path) => (await fetch(path)).json();
const post = async (path, body) =>
  (await fetch(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) })).json();
const person = () => state.people.find((one) => one.id === state.user);
const context = () => ({
  zone: person().tz,
  names: Object.fromEntries(state.people.map((one) => [one.id, one.name])),
});

function channelButton(channel, title) {
  const button = element("button", channel.id === state.channel ? "here" : "", title);
  button.onclick = () => { state.channel = channel.id; state.drawn = ""; sidebar(); refresh(); if (channel.id === HOME) post("/driver/home", { user: state.user }); };
  return element("li", "", button);
}

function sidebar() {
  const shown = state.channels.filter((one) => !one.direct_with && !one.archived);
  $("channels").replaceChildren(...shown.map((one) => channelButton(one, `# ${one.name}`)));
  const home = state.home ? [channelButton({ id: HOME }, "invsync Home")] : [];
  const directs = state.channels.filter((one) => one.direct_with === state.user);
  $("directs").replaceChildren(...home, ...(directs.length ? directs.map((one) => channelButton(one, "invsync")) : [element("li", "", element("span", "", "invsync"))]));
  const here = state.channels.find((one) => one.id === state.channel) ?? { name: "invsync", direct_with: state.user, topic: "Home" };
  $("composer").hidden = state.channel === HOME;
  $("title").textContent = here.direct_with ? "invsync" : `# ${here.name}`;
  $("topic").textContent = here.topic || "";
  const me = person();
  $("who").textContent = `${me.title} · ${me.tz} · ${me.locale}`;
}

function drawMessage(message) {
  const node = element("article", message.ephemeral ? "message only" : "message");
  const body = element("div");
  const by = element("div", "by", element("strong", "", "invsync"), element("span", "badge", "APP"));
  const time = new Date(Number(message.ts.split(".")[0]) * 1000);
  by.append(element("time", "", new Intl.DateTimeFormat("en-GB", { timeZone: person().tz, hour: "2-digit", minute: "2-digit" }).format(time)));
  if (message.edited) by.append(element("span", "quiet", "(edited)"));
  if (message.ephemeral) by.append(element("span", "quiet", "Only visible to you"));
  const asked = (part, block, value) => ({
    user: state.user, channel: state.channel, ts: message.ts, action_id: part.action_id, block_id: block.block_id, value,
  });
  const press = (part, block, value, more) => post("/driver/click", { ...asked(part, block, value), ...more });
  const search = (part, block, text) => post("/driver/suggest", asked(part, block, text));
  const drawing = { ...context(), press, search, warned: message.warned };
  body.append(by, message.blocks.length ? blocks(message.blocks, drawing) : element("div", "blocks", mrkdwn(message.text, drawing)));
  node.append(element("div", "avatar", "iv"), body);
  node.dataset.ts = message.ts;
  return node;
}

function drawWithReplies(message, all) {
  const node = drawMessage(message);
  const replies = all.filter((one) => one.thread_ts === message.ts);
  const link = element("button", "replies", replies.length ? `${replies.length} repl${replies.length > 1 ? "ies" : "y"}` : "Thread");
  if (!replies.length) link.classList.add("hint");
  link.onclick = () => { state.thread = message.ts; if (state.drawer !== "thread") drawer("thread"); else thread(); };
  if (!message.ephemeral) node.lastElementChild.append(link);
  return node;
}

function thread() {
  const all = state.messages.filter((one) => one.ts === state.thread || one.thread_ts === state.thread);
  const form = element("form", "reply");
  const text = Object.assign(element("input"), { placeholder: "Reply...", ariaLabel: "Reply in the thread" });
  const answer = element("p", "quiet");
  form.append(text, answer);
  form.onsubmit = async (event) => {
    event.preventDefault();
    const body = { user: state.user, channel: state.channel, text: text.value, thread_ts: state.thread };
    answer.textContent = (await post("/driver/command", body)).error ?? "";
  };
  $("drawer-body").replaceChildren(...all.map(drawMessage), form);
}

async function refreshHome() {
  const { view } = await get(`/driver/home?user=${state.user}`);
  if (Boolean(view) !== Boolean(state.home)) { state.home = view; sidebar(); }
  state.home = view;
  if (state.channel !== HOME) return false;
  const press = (part, block, value, more) => post("/driver/click", { user: state.user, view_id: view.id, action_id: part.action_id, block_id: block.block_id, value, ...more });
  if (view) $("messages").replaceChildren(drawHome(view, { ...context(), press }));
  return true;
}

async function refresh() {
  if (await refreshHome()) return refreshViews();
  const { messages } = await get(`/driver/channels/${state.channel}/messages?user=${state.user}`);
  state.messages = messages;
  const sum = JSON.stringify(messages) + state.user;
  if (sum !== state.drawn) {
    const pane = $("messages");
    const atEnd = pane.scrollHeight - pane.scrollTop - pane.clientHeight < 120 || !state.drawn;
    const kept = pane.scrollTop;
    const shown = messages.filter((one) => !one.thread_ts);
    const grown = pane.childElementCount < shown.length;
    pane.replaceChildren(...(shown.length ? shown.map((one) => drawWithReplies(one, messages)) : [element("p", "empty", "Nothing here yet. Type /invsync to begin.")]));
    if (atEnd || grown) pane.lastElementChild.scrollIntoView({ block: pane.lastElementChild.offsetHeight > pane.clientHeight ? "start" : "end" });
    else pane.scrollTop = kept;
    state.drawn = sum;
  }
  await refreshViews();
  if (state.drawer === "exchanges") await exchanges();
  if (state.drawer === "thread" && !document.activeElement?.closest(".reply")) thread();
}

async function refreshViews() {
  const { views } = await get(`/driver/views?user=${state.user}`);
  const sum = JSON.stringify(views);
  if (sum === state.views) return;
  state.views = sum;
  const kept = $("modals").firstElementChild ? values($("modals")) : {};
  $("modals").replaceChildren(...views.slice(-1).map((view) => drawView(view, kept)));
  $("modals").querySelector(".modal")?.focus();
}

function drawView(view, kept) {
  const veil = element("div", "veil");
  const box = element("div", "modal");
  box.setAttribute("role", "dialog");
  box.setAttribute("aria-label", view.title.text);
  box.tabIndex = -1;
  const close = () => post("/driver/close", { user: state.user, view_id: view.id });
  const shut = element("button", "shut", "✕");
  shut.setAttribute("aria-label", "Close");
  shut.onclick = close;
  const asked = (part, block, value) => ({ user: state.user, view_id: view.id, action_id: part.action_id, block_id: block.block_id, value, values: values(box) });
  const press = (part, block, value, more) => post("/driver/click", { ...asked(part, block, value), ...more });
  const search = (part, block, text) => post("/driver/suggest", asked(part, block, text));
  const body = element("div", "body", blocks(view.blocks, { ...context(), press, search, errors: view.errors, kept: { ...view.state.values, ...kept } }));
  const footer = element("footer");
  const trouble = Object.assign(element("p", "trouble"), { role: "alert" });
  footer.append(trouble);
  const cancel = element("button", "press", view.close?.text ?? "Close");
  cancel.onclick = close;
  footer.append(cancel);
  if (view.submit) {
    const submit = element("button", "press primary", view.submit.text);
    submit.onclick = () => submitted(view, box, submit, trouble);
    footer.append(submit);
  }
  box.append(element("header", "", element("h2", "", view.title.text), shut), body, footer);
  veil.append(box);
  veil.onkeydown = (event) => { if (event.key === "Escape") close(); };
  return veil;
}

async function submitted(view, box, button, trouble) {
  trouble.textContent = "";
  if (missing(box, view.blocks)) return;
  button.setAttribute("aria-busy", "true");
  const answer = await post("/driver/submit", { user: state.user, view_id: view.id, values: values(box) });
  button.removeAttribute("aria-busy");
  if (!answer.ok) trouble.textContent = `We had some trouble connecting. Try again? (${answer.error})`;
}

async function exchanges() {
  const found = (await get("/driver/exchanges")).exchanges.slice(-120).reverse();
  const open = new Set([...$("drawer-body").querySelectorAll("details[open]")].map((one) => one.dataset.n));
  $("drawer-body").replaceChildren(...found.map((one) => {
    const node = element("details", "exchange");
    node.dataset.n = one.n;
    node.open = open.has(String(one.n));
    const mark = one.kind === "to app" ? "→" : "←";
    node.append(
      element("summary", "", `${mark} `, element("b", "", one.title), element("span", "quiet", `${one.ms} ms`)),
      element("pre", "", JSON.stringify(one.sent, null, 1)), element("pre", "", JSON.stringify(one.answer, null, 1)),
    );
    return node;
  }));
}

function knobs() {
  $("drawer-body").replaceChildren(element("p", "quiet", "Each does its mischief once."), ...KNOBS.map(([title, body]) => {
    const button = element("button", "plain", title);
    button.onclick = async () => { await post("/driver/knobs", body); button.textContent = `${title} ✓`; };
    return button;
  }));
}

function drawer(kind) {
  state.drawer = state.drawer === kind ? null : kind;
  $("drawer").hidden = !state.drawer;
  $("drawer-title").textContent = { knobs: "Knobs", exchanges: "Exchanges", thread: "Thread" }[kind];
  if (state.drawer === "knobs") knobs();
  if (state.drawer === "exchanges") exchanges();
  if (state.drawer === "thread") thread();
}

function suggest() {
  tell("");
  const typed = $("text").value;
  const fitting = typed.startsWith("/") ? COMMANDS.filter(([command]) => command.startsWith(typed) && command !== typed) : [];
  $("suggestions").hidden = !fitting.length;
  $("suggestions").replaceChildren(...fitting.map(([command, hint]) => {
    const button = element("button", "", element("b", "", command), element("span", "", hint));
    button.type = "button";
    button.tabIndex = -1;
    button.setAttribute("role", "option");
    button.onclick = () => { $("text").value = command; $("text").focus(); suggest(); };
    return button;
  }));
}

// Arrows walk through what is suggested, Tab or Enter takes it, Escape puts it away.
function choose(event) {
  const offered = $("suggestions").hidden ? [] : [...$("suggestions").children];
  const place = offered.findIndex((one) => one.classList.contains("here"));
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!offered.length || event.isComposing) return;
  if (step) {
    const next = offered[(place + (place < 0 && step < 0 ? 0 : step) + offered.length) % offered.length];
    offered[place]?.classList.remove("here");
    next.classList.add("here");
    for (const one of offered) one.setAttribute("aria-selected", String(one === next));
  } else if (place >= 0 && ["Tab", "Enter"].includes(event.key)) offered[place].click();
  else if (event.key === "Escape") $("suggestions").hidden = true;
  else return;
  event.preventDefault();
}

async function send(event) {
  event.preventDefault();
  const text = $("text").value.trim();
  if (!text) return;
  if (!text.startsWith("/")) return tell("Nobody reads along here: type a command, such as /invsync log.");
  $("text").value = "";
  suggest();
  const answer = await post("/driver/command", { user: state.user, channel: state.channel, text });
  if (!answer.ok && answer.error !== "operation_timeout") tell(answer.error);
}

// Says what became of what was typed, until somebody types again.
function tell(words) {
  $("told").textContent = words;
}

async function watch() {
  for (;;) {
    try {
      state.version = (await get(`/driver/changes?after=${state.version}`)).version;
      await people();
      await refresh();
    } catch {
      $("connection").className = "off";
      await new Promise((resolve) => setTimeout(resolve, 1000));
    }
  }
}

async function people() {
  const found = await get("/driver/people");
  const more = found.channels.length !== state.channels.length;
  Object.assign(state, { people: found.people, channels: found.channels });
  $("connection").textContent = found.connected ? "app connected" : "app away";
  $("connection").className = found.connected ? "" : "off";
  if (more && state.user) sidebar();
}

async function begin() {
  await people();
  state.user = new URLSearchParams(location.search).get("user") ?? state.people[0].id;
  $("person").replaceChildren(...state.people.map((one) => Object.assign(element("option", "", `${one.name}, ${one.title.toLowerCase()}`), { value: one.id, selected: one.id === state.user })));
  $("person").onchange = () => { state.user = $("person").value; state.drawn = ""; state.views = ""; if (/^[DH]/.test(state.channel)) state.channel = "C0FINANCE"; sidebar(); refresh(); };
  const { links } = await get("/page/systems");
  $("systems").replaceChildren(...links.map((one) => element("li", "", Object.assign(element("a", "", `${one.title} ↗`), { href: one.url, target: "_blank" }))));
  $("composer").onsubmit = send;
  $("text").oninput = suggest;
  $("text").onkeydown = choose;
  $("open-knobs").onclick = () => drawer("knobs");
  $("open-exchanges").onclick = () => drawer("exchanges");
  $("close-drawer").onclick = () => drawer(state.drawer);
  sidebar();
  await refresh();
  watch();
}

begin();
