// The app's Home: a page of blocks for one person.

import { blocks } from "./blocks.js";
import { element } from "./mrkdwn.js";

export const HOME = "HOME";

export function drawHome(view, context) {
  return element("article", "home", blocks(view.blocks, context));
}
