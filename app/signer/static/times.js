// Times in the reader's own zone, named; without scripts, or on paper, they stand there in UTC.

const { lang } = document.documentElement;
const inWords = new Intl.DateTimeFormat(navigator.language.startsWith(lang) ? navigator.language : lang, {
  day: "numeric",
  month: "long",
  year: "numeric",
  hour: "2-digit",
  minute: "2-digit",
  hourCycle: "h23",
  timeZoneName: "short",
});

for (const time of document.querySelectorAll("time[datetime]")) {
  time.title = time.textContent;
  time.textContent = inWords.format(new Date(time.dateTime));
}
