// The "more" menu of a message: a button that opens its choices.

import { element } from "./mrkdwn.js";

function entry(option, choose) {
  const title = element("span", "", option.text.text);
  title.dir = "auto";
  const node = element(option.url ? "a" : "button", "", title);
  if (option.description) node.append(element("small", "", option.description.text));
  if (option.url) Object.assign(node, { href: option.url, target: "_blank", rel: "noreferrer" });
  node.setAttribute("role", "menuitem");
  node.tabIndex = -1;
  node.onclick = () => choose(option.value);
  return node;
}

function steered(list, close) {
  list.onkeydown = (event) => {
    const entries = [...list.children];
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) entries[(entries.indexOf(document.activeElement) + step + entries.length) % entries.length].focus();
    if (event.key === "Escape" || event.key === "Tab") close();
    if (step || event.key === "Escape") { event.preventDefault(); event.stopPropagation(); }
  };
}

// Returns the menu of `part`; `press(value)` is called for what was chosen.
export function menu(part, press) {
  const opener = element("button", "press more", "⋯");
  opener.setAttribute("aria-label", "More actions");
  opener.setAttribute("aria-haspopup", "menu");
  opener.setAttribute("aria-expanded", "false");
  opener.dataset.action = part.action_id;
  const list = element("div", "choices");
  list.setAttribute("role", "menu");
  list.hidden = true;
  const node = element("div", "overflow", opener, list);
  const outside = (event) => { if (!node.contains(event.target)) show(false); };
  const show = (open) => {
    list.hidden = !open;
    opener.setAttribute("aria-expanded", String(open));
    document[open ? "addEventListener" : "removeEventListener"]("pointerdown", outside);
    if (open) list.firstElementChild.focus();
  };
  const close = () => { show(false); opener.focus(); };
  list.append(...part.options.map((option) => entry(option, (value) => { close(); press(value, opener); })));
  steered(list, close);
  opener.onclick = () => show(list.hidden);
  return node;
}
