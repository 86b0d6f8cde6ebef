// The keyboard: what each key does, in the one list that the help shows too.

const SHORTCUTS = [
  { keys: ["+", "="], shown: "+", does: "zoom-in", text: "Zoom in" },
  { keys: ["-", "_"], shown: "−", does: "zoom-out", text: "Zoom out" },
  { keys: ["0", "Home"], shown: "0", does: "home", text: "Whole slide" },
  { keys: ["ArrowLeft"], shown: "←", does: "left" },
  { keys: ["ArrowRight"], shown: "→", does: "right" },
  { keys: ["ArrowUp"], shown: "↑", does: "up" },
  { keys: ["ArrowDown"], shown: "↓", does: "down", group: "← ↑ → ↓", text: "Move" },
  { keys: ["j"], shown: "J", does: "next-gland", text: "Next gland, in order of the statistic" },
  { keys: ["k"], shown: "K", does: "previous-gland", text: "Previous gland" },
  { keys: ["r"], shown: "R", does: "mark-right", text: "Mark the gland as right (again: unmark)" },
  { keys: ["w"], shown: "W", does: "mark-wrong", text: "Mark the gland as wrong (again: unmark)" },
  { keys: ["h"], shown: "H", does: "toggle-glands", text: "Hide or show the outlines" },
  { keys: ["f"], shown: "F", does: "clear-filter", text: "Clear the filter" },
  { keys: ["]"], shown: "]", does: "next-slide", text: "Next slide" },
  { keys: ["["], shown: "[", does: "previous-slide", text: "Previous slide" },
  { keys: ["c"], shown: "C", does: "copy-link", text: "Copy a link to this position" },
  { keys: ["s"], shown: "S", does: "toggle-panel", text: "Side panel" },
  { keys: ["Escape"], shown: "Esc", does: "deselect", text: "Deselect the gland" },
  { keys: ["?"], shown: "?", does: "help", text: "Show this list" },
];

export function listen(actions) {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    const typing = event.target.closest?.("input, select, textarea");
    if (typing && event.key !== "Escape") return;
    if (typing) typing.blur();
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const found = SHORTCUTS.find(({ keys }) => keys.includes(key));
    if (!found) return;
    event.preventDefault();
    actions[found.does]();
  });
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-do]");
    if (button) actions[button.dataset.do]();
  });
}

export function fillHelp(list) {
  for (const { shown, group, text } of SHORTCUTS) {
    if (!text) continue;
    const [key, meaning] = [document.createElement("dt"), document.createElement("dd")];
    for (const one of (group ?? shown).split(" ")) {
      const cap = document.createElement("kbd");
      cap.textContent = one;
      key.append(cap);
    }
    meaning.textContent = text;
    list.append(key, meaning);
  }
}
