// What stands on the pages, for those who cannot see the pictures: fetched once the pictures in view have their turn.

import { texts } from "./texts.js";

/** Put each page's text behind its picture. */
export function readPagesAloud(form) {
  const places = form.querySelectorAll(".page-text");
  addEventListener("load", async () => {
    const answer = await fetch(form.dataset.texts);
    if (!answer.ok) return; // over or not opened: the page says so with the next step
    const pages = await answer.json();
    places.forEach((place, index) => place.append(...paragraphs(pages[index] || texts.noText)));
  });
}

function paragraphs(text) {
  return text.split("\n").map((line) => {
    const paragraph = document.createElement("p");
    paragraph.textContent = line;
    return paragraph;
  });
}
