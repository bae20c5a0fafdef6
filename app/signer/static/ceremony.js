// The signing page: ties the fields, the guide and the dialogs together.

import { keepDraft } from "./draft.js";
import { showPictures } from "./entered.js";
import { layOut, offerToday, openByTouch, toSteps } from "./fields.js";
import { Guide } from "./guide.js";
import { readPagesAloud } from "./page-texts.js";
import { InkDialog, Inks } from "./signing.js";

const form = document.getElementById("ceremony");
const fields = layOut(form);
const inks = new Inks(form, fields);
const inkDialog = new InkDialog(document.getElementById("ink-dialog"), inks);

document.querySelectorAll("[data-needs-script]").forEach((element) => { element.hidden = false; });
inks.paintAll();
showPictures(form);
const guide = new Guide(form, toSteps(fields));
fields.forEach(openByTouch);
fields.forEach(offerToday);
readPagesAloud(form);
keepDraft(form);

let byKeyboard = false;
addEventListener("keydown", () => { byKeyboard = true; }, { capture: true });
addEventListener("pointerdown", () => { byKeyboard = false; }, { capture: true });

for (const field of fields.filter((each) => each.ink)) {
  field.entry.addEventListener("click", () => {
    if (inks.get(field.ink) && !field.filled) inks.put(field);
    else inkDialog.open(field, { byKeyboard });
  });
}

const declineDialog = document.getElementById("decline-dialog");
document.getElementById("decline").addEventListener("click", () => declineDialog.showModal());
document.getElementById("decline-cancel").addEventListener("click", () => declineDialog.close());
if ("open" in declineDialog.dataset) declineDialog.showModal();
else guide.showRefusal();

// The bar and a field's sheet stay above the on-screen keyboard, where the browser does not see to it itself.
const viewport = window.visualViewport;
viewport?.addEventListener("resize", () => {
  const covered = viewport.scale === 1 ? Math.max(0, window.innerHeight - viewport.height - viewport.offsetTop) : 0;
  document.documentElement.style.setProperty("--keyboard", `${covered}px`);
});

new ResizeObserver(([bar]) => {
  document.documentElement.style.setProperty("--bar", `${bar.target.offsetHeight}px`);
}).observe(document.querySelector(".bar"));
