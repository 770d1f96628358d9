// Draws Block Kit as DOM nodes; `press(element, block)` is called for whatever is pressed.

import { field, valueOf } from "./fields.js";
import { menu } from "./menu.js";
import { element, mrkdwn } from "./mrkdwn.js";
import { markdown, richText, table } from "./rich.js";

function text(object, context) {
  if (!object) return "";
  return object.type === "mrkdwn" ? mrkdwn(object.text, context) : document.createTextNode(object.text);
}

function told(tag, className, object, context) {
  const node = element(tag, className, text(object, context));
  node.dir = "auto";
  return node;
}

async function sure(confirm, context) {
  if (!confirm) return true;
  const veil = element("div", "veil");
  const box = element("div", "modal");
  box.setAttribute("role", "alertdialog");
  const footer = element("footer");
  box.append(element("header", "", told("h2", "", confirm.title, context)), told("div", "body", confirm.text, context), footer);
  veil.append(box);
  document.body.append(veil);
  return new Promise((resolve) => {
    for (const [object, answer] of [[confirm.deny, false], [confirm.confirm, true]]) {
      const button = told("button", answer ? `press ${confirm.style ?? "primary"}` : "press", object, context);
      button.onclick = () => { veil.remove(); resolve(answer); };
      footer.append(button);
      if (answer) button.focus();
    }
  });
}

function button(part, block, context) {
  const node = told(part.url ? "a" : "button", `press ${part.style ?? ""}`, part.text, context);
  if (part.url) { node.href = part.url; node.target = "_blank"; node.rel = "noreferrer"; }
  if (part.accessibility_label) node.setAttribute("aria-label", part.accessibility_label);
  node.dataset.action = part.action_id;
  if (part.value) node.dataset.value = part.value;
  if (context.warned?.includes(`${block.block_id}:${part.action_id}`)) {
    node.classList.add("warned");
    node.title = "The app did not acknowledge this press";
  }
  node.onclick = () => send(node, part, block, part.value, context);
  return node;
}

// Sends a press; what was pressed turns until the app acknowledges, and is marked where it does not.
async function send(node, part, block, value, context, more) {
  if (!(await sure(part.confirm, context))) return;
  node.setAttribute("aria-busy", "true");
  const answer = await context.press(part, block, value, more);
  node.removeAttribute("aria-busy");
  if (!answer.ok) { node.classList.add("warned"); node.title = answer.error; }
}

function chosen(part, block, context) {
  const node = field(part, block, context.kept?.[block.block_id]?.[part.action_id], (text) => context.search(part, block, text));
  node.onchange = () => {
    const { value, selected_option: one, selected_date: day, selected_options: some } = valueOf(node);
    send(node, part, block, some ? some.map((option) => option.value) : (one?.value ?? day ?? value), context, { label: one?.text.text });
  };
  return node;
}

function part(given, block, context) {
  if (given.type === "button") return button(given, block, context);
  if (given.type === "image") return picture(given);
  if (given.type === "overflow") return menu(given, (value, opener) => send(opener, given, block, value, context));
  return chosen(given, block, context);
}

const picture = (given) => Object.assign(element("img"), { src: given.image_url, alt: given.alt_text });

function input(block, context) {
  const node = element("div", "input");
  const label = told("label", "", block.label, context);
  if (block.optional) label.append(element("span", "optional", " (optional)"));
  const search = (text) => context.search(block.element, block, text);
  const control = field(block.element, block, context.kept?.[block.block_id]?.[block.element.action_id], search);
  control.id = label.htmlFor = `f-${block.block_id}`;
  control.setAttribute("aria-label", block.label.text);
  node.append(label, control);
  const error = context.errors?.[block.block_id];
  if (error) {
    control.setAttribute("aria-invalid", "true");
    node.append(Object.assign(element("p", "error", error), { role: "alert" }));
  }
  if (block.hint) node.append(told("p", "hint", block.hint, context));
  return node;
}

const DRAW = {
  header: (block, context) => told("h3", "", block.text, context),
  divider: () => element("hr"),
  context: (block, context) => element("div", "context", ...block.elements.map((one) => (one.type === "image" ? picture(one) : told("span", "", one, context)))),
  actions: (block, context) => element("div", "actions", ...block.elements.map((one) => part(one, block, context))),
  section: (block, context) => {
    const node = element("div", "section");
    if (block.text) node.append(told("div", "text", block.text, context));
    if (block.accessory) node.append(part(block.accessory, block, context));
    if (block.fields) node.append(element("div", "fields", ...block.fields.map((one) => told("div", "", one, context))));
    return node;
  },
  image: (block) => element("figure", "", ...(block.title ? [element("figcaption", "quiet", block.title.text)] : []), picture(block)),
  table, markdown, rich_text: richText,
  input,
  alert: (block, context) => told("div", `notice ${block.level ?? ""}`, block.text, context),
};

export function blocks(list, context) {
  const node = element("div", "blocks");
  for (const block of list) {
    const draw = DRAW[block.type];
    node.append(draw ? draw(block, context) : element("p", "quiet", `(${block.type} is not drawn here)`));
  }
  return node;
}
