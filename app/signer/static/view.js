// What is seen of the document between the bars, and above a field's sheet on a phone.

const STEP = 4; // pixels

/**
 * Scroll to a field, so that no edge cuts through another one: the rest would be too small to touch (WCAG 2.2, 2.5.8).
 *
 * The field comes to lie in the middle of what is free, or as near to it as that allows.
 */
export function bringIntoView(root) {
  const edges = [document.querySelector(".top").getBoundingClientRect().bottom, lowerEdge(root)];
  const place = root.getBoundingClientRect();
  const others = [...document.querySelectorAll(".field:not(.current) .control")].map((each) => each.getBoundingClientRect());
  const cutsNone = (by) => others.every(({ top, bottom }) => edges.every((edge) => edge <= top - by || bottom - by <= edge));

  const middle = (place.top + place.bottom - edges[0] - edges[1]) / 2;
  const room = (edges[1] - edges[0] - place.height) / 2;
  const distances = [middle];
  for (let aside = STEP; aside < room; aside += STEP) distances.push(middle - aside, middle + aside);
  const reachable = distances.map(withinDocument);
  window.scrollBy({ top: reachable.find(cutsNone) ?? reachable[0] });
}

/** The sheet's upper edge, where the field has one; else the bar's. */
function lowerEdge(root) {
  const control = root.querySelector(".control");
  const covering = getComputedStyle(control).position === "fixed" ? control : document.querySelector(".bar");
  return covering.getBoundingClientRect().top;
}

function withinDocument(distance) {
  const { scrollHeight, clientHeight } = document.documentElement;
  return Math.min(Math.max(distance, -window.scrollY), scrollHeight - clientHeight - window.scrollY);
}
