// Draws mrkdwn as DOM nodes. Data never becomes HTML: every piece of text is a text node.

const ENTITIES = { "&amp;": "&", "&lt;": "<", "&gt;": ">" };
const EMOJI = {
  white_check_mark: "✅", x: "❌", warning: "⚠️", hourglass: "⌛", tada: "🎉", arrows_counterclockwise: "🔄", eyes: "👀",
  red_circle: "🔴", large_green_circle: "🟢", large_yellow_circle: "🟡", information_source: "ℹ️", bell: "🔔", lock: "🔒",
};

export const emoji = (name) => EMOJI[name];

export const plain = (text) => text.replace(/&(amp|lt|gt);/g, (found) => ENTITIES[found]);

const element = (tag, className, ...children) => {
  const node = document.createElement(tag);
  if (className) node.className = className;
  node.append(...children);
  return node;
};

export function date(stamp, show, fallback, zone) {
  if (!/\{(date|time|ago|day)/.test(show)) return document.createTextNode(plain(fallback));
  const moment = new Date(Number(stamp) * 1000);
  const told = (options) => new Intl.DateTimeFormat("en-GB", { timeZone: zone, ...options }).format(moment);
  const day = told({ day: "numeric", month: "short", year: "numeric" });
  const age = Math.round((moment - Date.now()) / 60000);
  const words = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
  const ago = Math.abs(age) < 90 ? words.format(age, "minute") : Math.abs(age) < 2160 ? words.format(Math.round(age / 60), "hour") : words.format(Math.round(age / 1440), "day");
  const text = show
    .replace(/\{ago\}/g, ago)
    .replace(/\{time(_secs)?\}/g, told({ hour: "2-digit", minute: "2-digit" }))
    .replace(/\{date[a-z_]*\}/g, day);
  const node = element("time", "", text);
  node.title = plain(fallback);
  return node;
}

export function link(address, text) {
  if (!/^(https?|mailto):/.test(address)) return document.createTextNode(text);
  const node = element("a", "", text);
  return Object.assign(node, { href: address, target: "_blank", rel: "noreferrer" });
}

function angled(inner, context) {
  const [head, label] = inner.split("|");
  if (head.startsWith("!date^")) {
    const [, stamp, show] = head.split("^");
    return date(stamp, show, label ?? "", context.zone);
  }
  if (head.startsWith("@")) return element("span", "mention", `@${context.names[head.slice(1)] ?? head.slice(1)}`);
  if (head.startsWith("!")) return element("span", "mention", `@${label ?? head.slice(1)}`);
  if (/^https?:/.test(head)) {
    return link(plain(head), plain(label ?? head));
  }
  if (head.startsWith("#")) return element("span", "mention", `#${label ?? head.slice(1)}`);
  return document.createTextNode(plain(label ?? head));
}

const MARK = /`([^`\n]+)`|<([^<>]+)>|(?<![\p{L}\p{N}])([*_~])(?=\S)((?:(?!\3)[^\n])*?\S)\3(?![\p{L}\p{N}])|:([a-z0-9_+]+):/u;
const TAGS = { "*": "strong", _: "em", "~": "s" };

// Code blocks and quotes stand by themselves; everything between them is drawn in lines.
const STANDING = /```\n?([\s\S]*?)\n?```\n?|(?:^|(?<=\n))((?:&gt;|>) ?[^\n]*(?:\n(?:&gt;|>) ?[^\n]*)*)\n?/g;

export function mrkdwn(text, context) {
  const fragment = document.createDocumentFragment();
  let end = 0;
  for (const found of text.matchAll(STANDING)) {
    const [whole, code, quote] = found;
    fragment.append(inline(text.slice(end, found.index).replace(/\n$/, ""), context));
    if (quote === undefined) fragment.append(element("pre", "", plain(code)));
    else fragment.append(element("blockquote", "", inline(quote.replace(/^(?:&gt;|>) ?/gm, ""), context)));
    end = found.index + whole.length;
  }
  fragment.append(inline(text.slice(end), context));
  return fragment;
}

function inline(text, context) {
  const fragment = document.createDocumentFragment();
  let rest = text;
  for (let found = MARK.exec(rest); found; found = MARK.exec(rest)) {
    fragment.append(plain(rest.slice(0, found.index)));
    const [whole, code, inner, mark, marked, emoji] = found;
    if (code !== undefined) fragment.append(element("code", "", plain(code)));
    else if (inner !== undefined) fragment.append(angled(inner, context));
    else if (mark) fragment.append(element(TAGS[mark], "", inline(marked, context)));
    else fragment.append(EMOJI[emoji] ?? whole);
    rest = rest.slice(found.index + whole.length);
  }
  fragment.append(plain(rest));
  return fragment;
}

export { element };
