// Draws Block Kit as DOM nodes; `press(element, block)` is called for whatever is pressed.

import { element, mrkdwn } from "./mrkdwn.js";

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
      const button = told("button", answer ? "press primary" : "press", object, context);
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
  node.onclick = async () => {
    if (!(await sure(part.confirm, context))) return;
    node.setAttribute("aria-busy", "true");
    const answer = await context.press(part, block, part.value);
    node.removeAttribute("aria-busy");
    if (!answer.ok) { node.classList.add("warned"); node.title = answer.error; }
  };
  return node;
}

function select(part, block, context) {
  const node = element("select", "press");
  node.append(element("option", "", part.placeholder?.text ?? "…"));
  for (const option of part.options ?? []) {
    const choice = element("option", "", option.text.text);
    choice.value = option.value;
    node.append(choice);
  }
  node.onchange = () => context.press(part, block, node.value);
  return node;
}

const part = (given, block, context) =>
  given.type === "button" ? button(given, block, context) : select(given, block, context);

function input(block, context) {
  const node = element("div", "input");
  const label = told("label", "", block.label, context);
  const kind = block.element.multiline ? "textarea" : "input";
  const field = element(kind);
  field.dataset.block = block.block_id;
  field.dataset.action = block.element.action_id;
  field.value = block.element.initial_value ?? "";
  field.id = label.htmlFor = `f-${block.block_id}`;
  node.append(label, field);
  if (context.errors?.[block.block_id]) node.append(element("p", "error", context.errors[block.block_id]));
  return node;
}

const DRAW = {
  header: (block, context) => told("h3", "", block.text, context),
  divider: () => element("hr"),
  context: (block, context) => element("div", "context", ...block.elements.map((one) => told("span", "", one, context))),
  actions: (block, context) => element("div", "actions", ...block.elements.map((one) => part(one, block, context))),
  section: (block, context) => {
    const node = element("div", "section");
    if (block.text) node.append(told("div", "text", block.text, context));
    if (block.accessory) node.append(part(block.accessory, block, context));
    if (block.fields) node.append(element("div", "fields", ...block.fields.map((one) => told("div", "", one, context))));
    return node;
  },
  image: (block) => Object.assign(element("img"), { src: block.image_url, alt: block.alt_text }),
  input,
  alert: (block, context) => told("div", "section", block.text, context),
};

export function blocks(list, context) {
  const node = element("div", "blocks");
  for (const block of list) {
    const draw = DRAW[block.type];
    node.append(draw ? draw(block, context) : element("p", "quiet", `(${block.type} is not drawn here)`));
  }
  return node;
}
