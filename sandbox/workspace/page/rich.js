// Draws rich text and tables: blocks whose parts are typed, not marked.

import { date, element, emoji, link } from "./mrkdwn.js";

const STYLES = { bold: "strong", italic: "em", strike: "s", code: "code", underline: "u" };

function styled(node, style) {
  return Object.entries(style ?? {}).reduce((inner, [name, on]) => (on && STYLES[name] ? element(STYLES[name], "", inner) : inner), node);
}

const PARTS = {
  text: (part) => document.createTextNode(part.text),
  link: (part) => link(part.url, part.text ?? part.url),
  emoji: (part) => document.createTextNode(emoji(part.name) ?? `:${part.name}:`),
  user: (part, context) => element("span", "mention", `@${context.names[part.user_id] ?? part.user_id}`),
  usergroup: (part) => element("span", "mention", `@${part.usergroup_id}`),
  channel: (part) => element("span", "mention", `#${part.channel_id}`),
  broadcast: (part) => element("span", "mention", `@${part.range}`),
  date: (part, context) => date(part.timestamp, part.format, part.fallback ?? "", context.zone),
};

const inline = (parts, context) => parts.map((part) => (PARTS[part.type] ? styled(PARTS[part.type](part, context), part.style) : ""));

function list(part, context) {
  const node = element(part.style === "ordered" ? "ol" : "ul", "");
  node.append(...part.elements.map((one) => element("li", "", ...inline(one.elements, context))));
  return node;
}

const SECTIONS = {
  rich_text_section: (part, context) => element("div", "rich", ...inline(part.elements, context)),
  rich_text_preformatted: (part, context) => element("pre", "rich", ...inline(part.elements, context)),
  rich_text_quote: (part, context) => element("blockquote", "rich", ...inline(part.elements, context)),
  rich_text_list: list,
};

export function richText(block, context) {
  const node = element("div", "");
  for (const part of block.elements) {
    const drawn = SECTIONS[part.type]?.(part, context);
    if (!drawn) continue;
    drawn.dir = "auto";
    node.append(drawn);
  }
  return node;
}

function cell(part, place, first, settings, context) {
  const node = element(first ? "th" : "td", "", part.type === "rich_text" ? richText(part, context) : document.createTextNode(part.text ?? String(part.value ?? "")));
  if (first) node.scope = "col";
  node.dir = "auto";
  const { align, is_wrapped: wrapped } = settings[place] ?? {};
  if (align && align !== "left") node.classList.add(align);
  if (wrapped) node.classList.add("wrapped");
  return node;
}

export function table(block, context) {
  const settings = block.column_settings ?? [];
  const rows = block.rows.map((row, number) => element("tr", "", ...row.map((one, place) => cell(one, place, number === 0, settings, context))));
  return element("div", "scroller", element("table", "", element("thead", "", rows[0]), element("tbody", "", ...rows.slice(1))));
}

// A little of Markdown, as the markdown block takes it: headings, lists, bold, code, links.
export function markdown(block) {
  const node = element("div", "");
  let listed = null;
  for (const line of block.text.split("\n")) {
    const [, marks, heading] = /^(#{1,6}) (.*)$/.exec(line) ?? [];
    const [, item] = /^[-*] (.*)$/.exec(line) ?? [];
    if (item === undefined) listed = null;
    if (marks) node.append(element(`h${Math.min(marks.length + 2, 6)}`, "", ...marked(heading)));
    else if (item !== undefined) {
      if (!listed) node.append((listed = element("ul", "")));
      listed.append(element("li", "", ...marked(item)));
    } else if (line.trim()) node.append(element("p", "", ...marked(line)));
  }
  node.dir = "auto";
  return node;
}

function marked(line) {
  return line.split(/(\*\*[^*]+\*\*|`[^`]+`|\[[^\]]+\]\([^)\s]+\))/).map((piece) => {
    if (piece.startsWith("**")) return element("strong", "", piece.slice(2, -2));
    if (piece.startsWith("`")) return element("code", "", piece.slice(1, -1));
    const [, text, url] = /^\[([^\]]+)\]\(([^)\s]+)\)$/.exec(piece) ?? [];
    return url ? link(url, text) : piece;
  });
}
