// Draws mrkdwn as DOM nodes. Data never becomes HTML: every piece of text is a text node.

const ENTITIES = { "&amp;": "&", "&lt;": "<", "&gt;": ">" };
const EMOJI = { white_check_mark: "✅", x: "❌", warning: "⚠️", hourglass: "⌛" };

export const plain = (text) => text.replace(/&(amp|lt|gt);/g, (found) => ENTITIES[found]);

const element = (tag, className, ...children) => {
  const node = document.createElement(tag);
  if (className) node.className = className;
  node.append(...children);
  return node;
};

function date(stamp, show, fallback, zone) {
  if (!/\{(date|time|ago|day)/.test(show)) return document.createTextNode(plain(fallback));
  const moment = new Date(Number(stamp) * 1000);
  const told = (options) => new Intl.DateTimeFormat("en-GB", { timeZone: zone, ...options }).format(moment);
  const day = told({ day: "numeric", month: "short", year: "numeric" });
  const text = show
    .replace(/\{time(_secs)?\}/g, told({ hour: "2-digit", minute: "2-digit" }))
    .replace(/\{date[a-z_]*\}/g, day);
  const node = element("time", "", text);
  node.title = plain(fallback);
  return node;
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
    const link = element("a", "", plain(label ?? head));
    link.href = plain(head);
    link.target = "_blank";
    link.rel = "noreferrer";
    return link;
  }
  return document.createTextNode(plain(label ?? head));
}

const MARK = /`([^`\n]+)`|<([^<>]+)>|(?<![\p{L}\p{N}])([*_~])(?=\S)((?:(?!\3)[^\n])*?\S)\3(?![\p{L}\p{N}])|:([a-z0-9_+]+):/u;
const TAGS = { "*": "strong", _: "em", "~": "s" };

export function mrkdwn(text, context) {
  const fragment = document.createDocumentFragment();
  let rest = text;
  for (let found = MARK.exec(rest); found; found = MARK.exec(rest)) {
    fragment.append(plain(rest.slice(0, found.index)));
    const [whole, code, inner, mark, marked, emoji] = found;
    if (code !== undefined) fragment.append(element("code", "", plain(code)));
    else if (inner !== undefined) fragment.append(angled(inner, context));
    else if (mark) fragment.append(element(TAGS[mark], "", mrkdwn(marked, context)));
    else fragment.append(EMOJI[emoji] ?? whole);
    rest = rest.slice(found.index + whole.length);
  }
  fragment.append(plain(rest));
  return fragment;
}

export { element };
