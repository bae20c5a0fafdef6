// What others entered before: texts as large as their place allows, as on the signed document.

const LARGEST = { text: 12, text_area: 12, signature: 48, tick: 48 }; // points
const SMALLEST = 2;
const STEP = 0.9;

/** Make the texts on a sheet fit, now and once the script typeface is there. */
export function fitEntered(sheet) {
  const fit = () => sheet.querySelectorAll(".entered > span").forEach(fitText);
  fit();
  document.fonts.ready.then(fit);
}

function fitText(text) {
  const { clientWidth, clientHeight, dataset } = text.parentElement;
  let size = LARGEST[dataset.look];
  do {
    text.style.setProperty("--size", size);
    size *= STEP;
  } while (size > SMALLEST && (text.offsetWidth > clientWidth || text.offsetHeight > clientHeight));
}
