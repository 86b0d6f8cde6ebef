// The side panel: puts what is known into the page's elements; decides nothing.

import * as api from "./api.js";

export const element = (id) => document.getElementById(id);

// Three digits that mean something: 1234.5 → 1,235; 0.98765 → 0.988.
export function numberText(value) {
  if (value === null || !Number.isFinite(value)) return "–";
  const digits = Math.abs(value) >= 100 ? { maximumFractionDigits: 0 } : { maximumSignificantDigits: 3 };
  return value.toLocaleString("en", digits);
}

const withUnit = (text, unit) => (unit && text !== "–" ? `${text} ${unit}` : text);

export function showNotices(notices) {
  element("notices").replaceChildren(...notices.map((text) => made("li", text)));
}

export function showSlides(slides, session, chosen) {
  element("slides-section").hidden = slides.length < 2;
  const items = slides.map(({ name }) => {
    const button = made("button");
    const picture = Object.assign(new Image(), { loading: "lazy", alt: "", src: api.thumbnailAddress(name, session) });
    button.type = "button";
    button.title = name;
    button.dataset.slide = name;
    button.append(picture, made("span", name));
    button.addEventListener("click", () => chosen(name));
    const item = made("li");
    item.append(button);
    return item;
  });
  element("slides").replaceChildren(...items);
  const search = element("slide-search");
  search.hidden = slides.length < 12;
  search.addEventListener("input", () => {
    const wanted = search.value.toLowerCase();
    slides.forEach(({ name }, i) => { items[i].hidden = !name.toLowerCase().includes(wanted); });
  });
}

export function showCurrentSlide(slide, several) {
  element("subtitle").textContent = [
    several ? slide.name : slide.file,
    `${slide.width_px.toLocaleString("en")} × ${slide.height_px.toLocaleString("en")} px`,
    slide.mpp ? `${Number(slide.mpp.toPrecision(3))} µm/px` : "no µm/px",
  ].join(" · ");
  for (const button of element("slides").querySelectorAll("button")) {
    button.setAttribute("aria-current", String(button.dataset.slide === slide.name));
    if (button.dataset.slide === slide.name) button.scrollIntoView({ block: "nearest" });
  }
}

export function showStatistics(glands) {
  for (const id of ["glands-section", "gland-section", "marks-section"]) element(id).hidden = !glands;
  if (!glands) return;
  const options = glands.statistics.map(({ label, unit }, i) => new Option(unit ? `${label} (${unit})` : label, String(i)));
  element("statistic").replaceChildren(...options, new Option("Nothing (one colour)", "-1"));
}

export function showStatistic(index, statistic) {
  element("statistic").value = String(index);
  element("distribution").hidden = !statistic;
  const meaning = statistic?.meaning ?? "";
  element("meaning").textContent = meaning.charAt(0).toUpperCase() + meaning.slice(1);
  if (!statistic) return;
  element("low").textContent = `≤ ${withUnit(numberText(statistic.low), statistic.unit)}`;
  element("high").textContent = `≥ ${withUnit(numberText(statistic.high), statistic.unit)}`;
  element("histogram").setAttribute("aria-label", `Histogram of ${statistic.label}; drag to filter`);
}

export function showFilter(filter, shown, count) {
  const field = (value) => (Number.isFinite(value) ? String(Number(value.toPrecision(4))) : "");
  for (const [id, value] of [["from", filter?.from], ["to", filter?.to]]) {
    if (document.activeElement !== element(id)) element(id).value = field(value);
  }
  element("clear").disabled = !filter;
  const all = `${count.toLocaleString("en")} ${count === 1 ? "gland" : "glands"}`;
  element("count").textContent = filter ? `${shown.toLocaleString("en")} of ${all} shown` : all;
}

export function showGland(gland, statistics, current, mark) {
  element("gland").hidden = !gland;
  element("gland-hint").hidden = Boolean(gland);
  if (!gland) return;
  element("gland-name").textContent = gland.name;
  const rows = statistics.map(({ label, unit, meaning }, i) => {
    const row = made("tr");
    row.title = meaning;
    row.classList.toggle("current", i === current);
    const head = made("th", label);
    head.scope = "row";
    row.append(head, made("td", withUnit(numberText(gland.numbers[i]), unit)));
    return row;
  });
  element("numbers").tBodies[0].replaceChildren(...rows);
  for (const kind of ["right", "wrong"]) {
    const button = document.querySelector(`[data-do="mark-${kind}"]`);
    button.setAttribute("aria-pressed", String(mark === kind));
  }
}

export function showMarks(marks, slide) {
  const count = { right: 0, wrong: 0 };
  for (const mark of marks.values()) count[mark]++;
  element("marks-count").textContent = marks.size ? `${count.right} right, ${count.wrong} wrong` : "No marks yet";
  const link = element("export");
  if (marks.size) link.href = api.exportAddress(slide);
  else link.removeAttribute("href");
  link.setAttribute("aria-disabled", String(!marks.size));
}

let toastTimer;
export function toast(text) {
  const shown = element("toast");
  shown.textContent = text;
  shown.classList.add("shown");
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => shown.classList.remove("shown"), 3500);
}

// Shows what takes long, but only once it does.
export async function busy(text, action) {
  const timer = setTimeout(() => { element("busy").textContent = text; }, 400);
  try {
    return await action();
  } finally {
    clearTimeout(timer);
    element("busy").textContent = "";
  }
}

export function message(text) {
  element("message").textContent = text;
  element("message").hidden = !text;
}

function made(name, text) {
  const result = document.createElement(name);
  if (text !== undefined) result.textContent = text;
  return result;
}
