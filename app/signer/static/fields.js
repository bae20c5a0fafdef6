// The fields on the pages: where they lie, whether they are filled in, and what is wrong with them.

import { fitEntered } from "./entered.js";
import { texts } from "./texts.js";
import { bringIntoView } from "./view.js";

const LARGEST_TEXT = 12; // points, as on the signed document
const TEXT_PER_HEIGHT = 0.62;
const NARROW = matchMedia("(max-width: 44.99rem)");

export class Field {
  constructor(root) {
    this.root = root;
    this.kind = root.dataset.control;
    this.ink = root.dataset.ink;
    this.group = root.dataset.group;
    this.required = "required" in root.dataset;
    this.entry = root.querySelector(".entry");
    this.stored = root.querySelector("input[type=hidden]") ?? this.entry;
    this.message = root.querySelector(".error");
    this.showError(this.message.textContent);
  }

  /** Put the field where it belongs, with letters of a fitting size. */
  place(pageHeightPoints) {
    place(this.root);
    const { x, height } = this.root.dataset;
    const tall = (Number(height) / 100) * pageHeightPoints;
    const size = this.kind === "text_area" ? LARGEST_TEXT : Math.min(LARGEST_TEXT, tall * TEXT_PER_HEIGHT);
    for (const [name, value] of Object.entries({ tall, size })) this.root.style.setProperty(`--${name}`, value);
    this.root.classList.toggle("at-right", Number(x) > 55);
    this.root.classList.add("placed");
  }

  get filled() {
    if (this.kind === "tick" || this.kind === "radio") return this.entry.checked;
    return this.stored.value.trim() !== "";
  }

  /** A date of which only a part was entered has no value, and would be lost without a word. */
  get halfEntered() {
    return this.entry.validity?.badInput ?? false;
  }

  showError(message) {
    this.message.textContent = message;
    this.root.classList.toggle("wrong", message !== "");
    if (message) this.entry.setAttribute("aria-invalid", "true");
    else this.entry.removeAttribute("aria-invalid");
  }

  markCurrent(isCurrent) {
    this.root.classList.toggle("current", isCurrent);
  }

  focus() {
    this.markCurrent(true);
    bringIntoView(this.root);
    this.entry.focus({ preventScroll: true });
  }
}

/** What a signer does at one stop of the tour: one field, or all that share a group. */
export class Step {
  constructor(fields) {
    this.fields = fields;
  }

  get required() {
    return this.fields.some((field) => field.required);
  }

  get filled() {
    return this.fields.some((field) => field.filled);
  }

  /** What is wrong here, or an empty text. */
  get fault() {
    if (this.fields.some((field) => field.halfEntered)) return texts.badDate;
    return this.required && !this.filled ? texts.required[this.fields[0].ink ?? this.fields[0].kind] : "";
  }

  /** Take the call for attention off what is done; of radio buttons, off those that were not chosen too. */
  showFilled() {
    for (const field of this.fields) field.root.classList.toggle("filled", this.filled);
  }

  get wrongField() {
    return this.fields.find((field) => field.root.classList.contains("wrong"));
  }

  has(field) {
    return this.fields.includes(field);
  }

  focus() {
    (this.wrongField ?? this.fields.find((field) => field.filled) ?? this.fields[0]).focus();
  }
}

/** Put something where it belongs: percent of the page, so it stays right at any width. */
function place(root) {
  for (const name of ["x", "y", "width", "height"]) root.style.setProperty(`--${name}`, root.dataset[name]);
}

/** Put every field in its place and return them in reading order. */
export function layOut(form) {
  const fields = [];
  for (const sheet of form.querySelectorAll(".sheet")) {
    const picture = sheet.querySelector("img");
    const points = Number(sheet.dataset.points);
    const height = points * (picture.getAttribute("height") / picture.getAttribute("width"));
    sheet.querySelectorAll(".blank, .entered").forEach(place);
    for (const root of sheet.querySelectorAll(".field")) {
      const field = new Field(root);
      field.place(height);
      fields.push(field);
    }
    new ResizeObserver(() => {
      sheet.style.setProperty("--point", `${sheet.clientWidth / points}px`);
      fitEntered(sheet);
    }).observe(sheet);
  }
  return fields;
}

/** Join fields of one group (radio buttons, check boxes of which one is enough) into one step. */
export function toSteps(fields) {
  const groups = new Map();
  for (const field of fields) {
    const key = field.group && (field.kind === "tick" || field.kind === "radio") ? field.group : field;
    groups.set(key, [...(groups.get(key) ?? []), field]);
  }
  return [...groups.values()].map((members) => new Step(members));
}

/** A date is mostly today's: in the signer's own time zone, which only the browser knows. */
export function offerToday(field) {
  field.root.querySelector(".today")?.addEventListener("click", () => {
    const now = new Date();
    const parts = [now.getFullYear(), now.getMonth() + 1, now.getDate()];
    field.entry.value = parts.map((part, index) => String(part).padStart(index ? 2 : 4, "0")).join("-");
    field.entry.dispatchEvent(new Event("input", { bubbles: true }));
    field.entry.focus();
  });
}

/** On a phone, touching a marker (the field's enlarged area) does what touching its control would do. */
export function openByTouch(field) {
  field.root.addEventListener("click", (event) => {
    if (event.target !== field.root || !NARROW.matches) return;
    field.focus();
    if (field.kind === "tick" || field.kind === "radio" || field.kind === "ink") field.entry.click();
  });
}
