// The way through the document: from field to field, then to the consent, then the end.

import { announce, fill, texts } from "./texts.js";

export class Guide {
  constructor(form, steps) {
    this.form = form;
    this.steps = steps;
    this.last = -1;
    this.progress = document.getElementById("progress");
    this.progressText = document.getElementById("progress-text");
    this.todo = document.getElementById("todo");
    this.next = document.getElementById("next");
    this.finish = document.getElementById("finish");
    this.consent = document.getElementById("consent");
    this.consentCard = this.consent.closest(".consent");
    this.consentError = document.getElementById("consent-error");
    this.wasComplete = this.isComplete;

    this.next.addEventListener("click", () => this.goOn());
    form.addEventListener("submit", (event) => this.submit(event));
    form.addEventListener("input", (event) => this.entered(event.target));
    form.addEventListener("change", (event) => this.entered(event.target));
    form.addEventListener("focusin", (event) => this.focused(event.target));
    form.addEventListener("focusout", (event) => this.left(event));
    form.addEventListener("keydown", (event) => this.pressed(event));
    this.show();
  }

  get isComplete() {
    return this.steps.every((step) => step.filled || !step.required);
  }

  /** Bring everything that tells how far the signer is up to date. */
  show() {
    const required = this.steps.filter((step) => step.required);
    const done = required.filter((step) => step.filled).length;
    const left = required.length - done;
    this.progress.max = Math.max(required.length, 1);
    this.progress.value = required.length ? done : 1;
    this.progressText.textContent = fill(this.progressSentence(required.length), { done, total: required.length });
    this.todo.textContent = this.todoSentence(left);
    this.next.hidden = this.steps.every((step) => step.filled);
    this.next.classList.toggle("primary", left > 0);
    this.finish.classList.toggle("primary", left === 0);
    for (const step of this.steps) step.showFilled();
    if (left === 0 && !this.wasComplete && required.length) announce(texts.allFilled);
    this.wasComplete = left === 0;
  }

  progressSentence(required) {
    if (required === 0) return texts.progressNone;
    return required === this.steps.length ? texts.progress : texts.progressRequired;
  }

  todoSentence(left) {
    if (left > 1) return fill(texts.todoMany, { count: left });
    if (left === 1) return texts.todoOne;
    return this.consent.checked ? texts.todoReady : texts.todoConsent;
  }

  /** Go to the next step that is still open, after the one where the signer is, and round again. */
  goOn() {
    const order = [...this.steps.keys()].map((offset) => (this.last + 1 + offset) % this.steps.length);
    const next = order.find((index) => !this.steps[index].filled);
    if (next !== undefined) this.steps[next].focus();
  }

  stepOf(element) {
    const root = element.closest?.(".field");
    return root ? this.steps.findIndex((step) => step.fields.some((field) => field.root === root)) : -1;
  }

  focused(element) {
    const here = element.closest(".field");
    if (!here && element.closest(".bar")) return;
    for (const step of this.steps) for (const field of step.fields) field.markCurrent(field.root === here);
    if (here) this.last = this.stepOf(element);
  }

  /** Leaving for nowhere (a touch on the paper) closes the sheet; the bar belongs to the field. */
  left(event) {
    const to = event.relatedTarget;
    if (to || document.querySelector("dialog[open]")) return;
    requestAnimationFrame(() => {
      if (document.hasFocus() && document.activeElement === document.body) this.focused(document.body);
    });
  }

  entered(element) {
    const step = this.steps[this.stepOf(element)];
    if (step) for (const field of step.fields) field.showError("");
    if (element === this.consent) this.showConsentError("");
    this.show();
  }

  /** Enter goes on instead of sending the form half filled. */
  pressed(event) {
    if (event.key !== "Enter" || event.isComposing || !event.target.matches("input")) return;
    event.preventDefault();
    if (this.isComplete) this.finish.focus();
    else this.goOn();
  }

  submit(event) {
    const wrong = this.steps.filter((step) => step.fault);
    for (const step of wrong) step.fields[0].showError(step.fault);
    if (wrong.length) {
      event.preventDefault();
      wrong[0].focus();
      announce(wrong[0].fault);
    } else if (!this.consent.checked) {
      event.preventDefault();
      this.showConsentError(texts.consent);
      this.consentCard.scrollIntoView({ block: "center" });
      this.consent.focus({ preventScroll: true });
      announce(texts.consent);
    } else {
      this.finish.disabled = true;
      this.finish.textContent = texts.sending;
    }
  }

  showConsentError(message) {
    this.consentError.textContent = message;
    this.consentCard.classList.toggle("wrong", message !== "");
    this.consent.setAttribute("aria-invalid", String(message !== ""));
  }

  /** Go to the first field that the server refused, if there is one. */
  showRefusal() {
    const wrong = this.steps.find((step) => step.wrongField);
    if (!wrong) return;
    wrong.focus();
    announce(wrong.wrongField.message.textContent);
  }
}
