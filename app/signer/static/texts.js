// The sentences that the scripts show: written in the page, so that each text has one home.

export const texts = JSON.parse(document.getElementById("texts").textContent);

/** Fill the `{names}` of a sentence. */
export function fill(sentence, values) {
  return sentence.replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

const announcer = document.getElementById("announcer");

/** Have a screen reader say a sentence. */
export function announce(sentence) {
  announcer.textContent = "";
  // Emptied first and filled in the next frame: a sentence said twice is read twice.
  requestAnimationFrame(() => { announcer.textContent = sentence; });
}
