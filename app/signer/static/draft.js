// What is entered is kept on the server for when the signer comes back; signatures and the consent are not.

import { announce, texts } from "./texts.js";

const PAUSE = 700; // milliseconds without a change

export function keepDraft(form) {
  const note = document.getElementById("kept");
  let timer = 0;

  const save = async ({ leaving }) => {
    clearTimeout(timer);
    timer = 0;
    const entered = new FormData(form);
    for (const name of [...entered.keys()]) if (name.startsWith("ink.") || name === "consent") entered.delete(name);
    const body = new URLSearchParams(entered);
    const kept = await isKept(form.dataset.draft, body, leaving);
    if (!kept && note.textContent !== texts.notKept) announce(texts.notKept);
    note.textContent = kept ? texts.kept : texts.notKept;
  };

  form.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(save, PAUSE, { leaving: false });
  });
  document.addEventListener("visibilitychange", () => {
    if (timer && document.visibilityState === "hidden") save({ leaving: true });
  });
  form.addEventListener("submit", () => clearTimeout(timer));
}

async function isKept(address, body, leaving) {
  try {
    // A page that goes away may still send 64 KiB.
    return (await fetch(address, { method: "POST", body, keepalive: leaving })).ok;
  } catch {
    return false;
  }
}
