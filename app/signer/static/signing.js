// Signatures and initials: drawn or typed once in the dialog, then used wherever they are asked for.

import { Drawing } from "./drawing.js";
import { readPicture } from "./picture.js";
import { announce, texts } from "./texts.js";

const ADOPTED = "adopted"; // what a field posts that takes the ink of its kind
const TYPED = "typed:";
const SCRIPT_FONT = '1em "Signature Script"';

/** What the signer has drawn or typed, in the form's hidden inputs, and its pictures on the pages. */
export class Inks {
  constructor(form, fields) {
    this.form = form;
    this.fields = fields.filter((field) => field.ink);
  }

  get(ink) {
    return this.input(ink).value;
  }

  input(ink) {
    return this.form.elements[`ink.${ink}`];
  }

  /** Keep the ink and put it on this field; fields of the kind that were signed before change with it. */
  adopt(field, value) {
    this.input(field.ink).value = value;
    this.put(field);
    this.fields.filter((other) => other.ink === field.ink && other.filled).forEach((other) => this.paint(other));
  }

  put(field) {
    field.stored.value = ADOPTED;
    this.paint(field);
    field.stored.dispatchEvent(new Event("input", { bubbles: true }));
  }

  remove(field) {
    field.stored.value = "";
    this.paint(field);
    field.stored.dispatchEvent(new Event("input", { bubbles: true }));
  }

  paintAll() {
    this.fields.forEach((field) => this.paint(field));
  }

  paint(field) {
    const preview = field.root.querySelector(".preview");
    const value = field.filled ? this.get(field.ink) : "";
    preview.replaceChildren(...(value ? [picture(value, texts.ink[field.ink].alt)] : []));
    shrink(preview);
  }
}

function picture(value, alt) {
  if (value.startsWith(TYPED)) {
    const text = document.createElement("span");
    text.textContent = value.slice(TYPED.length);
    return text;
  }
  const image = new Image();
  image.src = value;
  image.alt = alt;
  return image;
}

/** Make a typed name as small as its field needs. */
async function shrink(preview) {
  const text = preview.querySelector("span");
  if (!text) return;
  await document.fonts.load(SCRIPT_FONT);
  const ratio = preview.clientWidth / text.offsetWidth;
  text.style.setProperty("--fit", Math.min(1, ratio || 1));
}

export class InkDialog {
  constructor(dialog, inks) {
    this.dialog = dialog;
    this.inks = inks;
    this.typed = { signature: dialog.dataset.name, initial: initials(dialog.dataset.name) };
    this.title = dialog.querySelector("#ink-title");
    this.tabs = [...dialog.querySelectorAll("[role=tab]")];
    this.text = dialog.querySelector("#ink-text");
    this.preview = dialog.querySelector("#ink-preview");
    this.error = dialog.querySelector("#ink-error");
    this.removeButton = dialog.querySelector("#ink-remove");
    this.drawing = new Drawing(dialog.querySelector("#ink-canvas"));
    this.file = dialog.querySelector("#ink-file");
    this.picture = dialog.querySelector("#ink-picture");
    this.uploaded = "";
    this.tab = "draw";

    for (const tab of this.tabs) {
      tab.addEventListener("click", () => this.choose(tab));
      tab.addEventListener("keydown", (event) => this.switchByKey(event));
    }
    this.text.addEventListener("input", () => this.showPreview());
    this.file.addEventListener("change", () => this.read());
    this.drawing.pad.addEventListener("beginStroke", () => this.showError(""));
    dialog.querySelector("#ink-clear").addEventListener("click", () => this.drawing.clear());
    dialog.querySelector("#ink-cancel").addEventListener("click", () => dialog.close());
    this.removeButton.addEventListener("click", () => this.remove());
    dialog.querySelector("form").addEventListener("submit", (event) => this.adopt(event));
  }

  /** Ask for the ink of this field; with the keyboard, typing is the way that works. */
  open(field, { byKeyboard }) {
    if (field.ink !== this.field?.ink) {
      this.drawing.clear();
      this.showPicture("");
    }
    this.field = field;
    const words = texts.ink[field.ink];
    this.title.textContent = words.title;
    this.dialog.querySelector("#ink-text-label").textContent = words.type;
    this.dialog.querySelector("#ink-adopt").textContent = words.adopt;
    this.dialog.querySelector("#ink-hint").textContent = texts.inkOnce;
    this.removeButton.hidden = !field.filled;
    this.text.value = this.typed[field.ink];
    this.showPreview();
    this.dialog.showModal();
    const tab = byKeyboard && this.tab === "draw" ? "type" : this.tab;
    this.choose(this.tabs.find((each) => each.id === `tab-${tab}`));
    this.tabs.find((tab) => tab.tabIndex === 0).focus();
  }

  choose(chosen) {
    this.tab = chosen.id.replace("tab-", "");
    for (const tab of this.tabs) {
      const isChosen = tab === chosen;
      tab.setAttribute("aria-selected", String(isChosen));
      tab.tabIndex = isChosen ? 0 : -1;
      document.getElementById(tab.getAttribute("aria-controls")).hidden = !isChosen;
    }
    this.fitPreview();
    this.showError("");
  }

  switchByKey(event) {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step) return;
    const other = this.tabs[(this.tabs.indexOf(event.target) + step + this.tabs.length) % this.tabs.length];
    this.choose(other);
    other.focus();
  }

  showPreview() {
    this.preview.textContent = this.text.value;
    this.fitPreview();
    this.showError("");
  }

  /** Show a long name whole; nothing can be measured while its tab is hidden. */
  async fitPreview() {
    await document.fonts.load(SCRIPT_FONT);
    this.preview.style.removeProperty("--fit");
    this.preview.style.setProperty("--fit", this.preview.clientWidth / this.preview.scrollWidth || 1);
  }

  /** Take the ink out of the chosen file; what is no picture is said at once. */
  async read() {
    const [file] = this.file.files;
    if (!file) return;
    this.showPicture(await readPicture(file));
    this.showError(this.uploaded ? "" : texts.inkUnreadable);
  }

  showPicture(url) {
    this.uploaded = url;
    if (!url) this.file.value = "";
    this.picture.replaceChildren(...(url ? [picture(url, texts.ink[this.field.ink].alt)] : []));
  }

  showError(message) {
    this.error.textContent = message;
  }

  adopt(event) {
    event.preventDefault();
    const value = { draw: () => this.readDrawn(), type: () => this.readTyped(), upload: () => this.readUploaded() }[this.tab]();
    if (!value) return;
    this.dialog.close();
    this.inks.adopt(this.field, value);
    this.field.focus(); // the window may have been turned meanwhile
    announce(texts.placed);
  }

  readTyped() {
    const text = this.text.value.trim();
    if (!text) {
      this.showError(texts.inkUntyped);
      this.text.focus();
      return "";
    }
    this.typed[this.field.ink] = text;
    return TYPED + text;
  }

  readDrawn() {
    if (!this.drawing.isEmpty) return this.drawing.toPng();
    this.showError(texts.inkEmpty);
    return "";
  }

  readUploaded() {
    if (!this.uploaded) this.showError(texts.inkNoFile);
    return this.uploaded;
  }

  remove() {
    this.dialog.close();
    this.inks.remove(this.field);
  }
}

function initials(name) {
  return name.split(/\s+/).filter(Boolean).map((word) => [...word][0]).join("");
}
