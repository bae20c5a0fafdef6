// What others entered before: pictures, and texts as large as their place allows, as on the signed document.

const LARGEST = { text: 12, text_area: 12, signature: 48, tick: 48 }; // points
const SMALLEST = 2;
const STEP = 0.9;

/** Give each drawn signature its picture, which the page holds once for all its places. */
export function showPictures(form) {
  const pictures = JSON.parse(document.getElementById("pictures").textContent);
  form.querySelectorAll("[data-picture]").forEach((image) => { image.src = pictures[image.dataset.picture]; });
}

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
