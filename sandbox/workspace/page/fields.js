// Draws what people type into or choose from, and reads it back as `state.values` wants it.

import { element } from "./mrkdwn.js";

const READERS = new WeakMap();
let numbers = 0;

const labelled = (option) => {
  const label = element("span", "", option.text.text);
  label.dir = "auto";
  if (option.description) label.append(element("small", "", option.description.text));
  return label;
};

function typed(part, kept) {
  const node = element(part.multiline ? "textarea" : "input");
  if (part.multiline) node.rows = 4;
  node.dir = "auto";
  node.placeholder = part.placeholder?.text ?? "";
  node.value = kept?.value ?? part.initial_value ?? "";
  if (part.min_length) node.minLength = part.min_length;
  if (part.max_length) node.maxLength = part.max_length;
  return [node, () => ({ value: node.value || null })];
}

function day(part, kept) {
  const node = Object.assign(element("input"), { type: "date" });
  node.value = kept?.selected_date ?? part.initial_date ?? "";
  return [node, () => ({ selected_date: node.value || null })];
}

const everyOption = (part) => [...(part.options ?? []), ...(part.option_groups ?? []).flatMap((group) => group.options)];

function choice(option, first) {
  const node = Object.assign(element("option", "", option.text.text), { value: option.value });
  node.selected = option.value === first;
  return node;
}

function select(part, kept) {
  const node = element("select");
  const first = (kept?.selected_option ?? part.initial_option)?.value;
  node.append(Object.assign(element("option", "", part.placeholder?.text ?? "Choose…"), { value: "" }));
  node.append(...(part.options ?? []).map((one) => choice(one, first)));
  for (const group of part.option_groups ?? []) {
    const held = Object.assign(element("optgroup"), { label: group.label.text });
    held.append(...group.options.map((one) => choice(one, first)));
    node.append(held);
  }
  return [node, () => ({ selected_option: everyOption(part).find((one) => one.value === node.value) ?? null })];
}

// A select whose options the app finds while one types.
function searched(part, kept, search) {
  let found = [kept?.selected_option ?? part.initial_option].filter(Boolean);
  const node = Object.assign(element("input"), { autocomplete: "off", placeholder: part.placeholder?.text ?? "Type to search" });
  const list = Object.assign(element("datalist"), { id: `l-${++numbers}` });
  const wrap = element("div", "search", node, list);
  node.setAttribute("list", list.id);
  node.value = found[0]?.text.text ?? "";
  const offer = async () => {
    if (node.value.length < (part.min_query_length ?? 3)) return;
    const { options } = await search(node.value);
    found = options ?? [];
    list.replaceChildren(...found.map((one) => element("option", "", one.text.text)));
  };
  const picked = () => found.find((one) => one.text.text === node.value) ?? null;
  node.oninput = () => { if (!picked()) offer(); };
  node.onchange = (event) => { if (!picked()) event.stopPropagation(); };
  return [wrap, () => ({ selected_option: picked() })];
}

function ticks(part, kept) {
  const kind = part.type === "checkboxes" ? "checkbox" : "radio";
  const group = `g-${++numbers}`;
  const first = kept?.selected_options ?? part.initial_options ?? [kept?.selected_option ?? part.initial_option];
  const chosen = new Set(first.filter(Boolean).map((one) => one.value));
  const node = element("div", "ticks");
  node.setAttribute("role", kind === "radio" ? "radiogroup" : "group");
  for (const option of part.options) {
    const box = Object.assign(element("input"), { type: kind, name: group, value: option.value, checked: chosen.has(option.value) });
    node.append(element("label", "", box, labelled(option)));
  }
  const ticked = () => part.options.filter((one) => [...node.querySelectorAll("input")].some((box) => box.checked && box.value === one.value));
  return [node, () => (kind === "radio" ? { selected_option: ticked()[0] ?? null } : { selected_options: ticked() })];
}

const DRAW = {
  plain_text_input: typed, datepicker: day, static_select: select, external_select: searched,
  checkboxes: ticks, radio_buttons: ticks,
};

// Returns the control of `part`; `kept` is what the person had chosen before it was drawn anew.
export function field(part, block, kept, search) {
  const [node, read] = DRAW[part.type](part, kept, search);
  node.dataset.block = block.block_id;
  node.dataset.action = part.action_id ?? "";
  node.classList.add("field");
  READERS.set(node, () => ({ type: part.type, ...read() }));
  return node;
}

export const valueOf = (node) => READERS.get(node)();

// Returns `state.values` of everything in `box`.
export function values(box) {
  const found = {};
  for (const node of box.querySelectorAll(".field[data-block]")) {
    if (READERS.has(node)) (found[node.dataset.block] ??= {})[node.dataset.action] = valueOf(node);
  }
  return found;
}

const empty = (value) => value === null || value === undefined || (Array.isArray(value) && !value.length);

// Marks the required inputs that are empty, and tells whether there are any.
export function missing(box, blocks) {
  const given = values(box);
  for (const old of box.querySelectorAll(".error.required")) old.remove();
  const lacking = blocks.filter((block) => block.type === "input" && !block.optional).filter((block) => {
    const { type, ...chosen } = Object.values(given[block.block_id] ?? {})[0] ?? {};
    return Object.values(chosen).every(empty);
  });
  for (const block of lacking) {
    const error = element("p", "error required", "Please complete this required field.");
    error.setAttribute("role", "alert");
    box.querySelector(`.field[data-block="${CSS.escape(block.block_id)}"]`).after(error);
  }
  return lacking.length > 0;
}
