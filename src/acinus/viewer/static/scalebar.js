// A bar of a round length: 1, 2 or 5 times a power of ten.

const LONGEST_PX = 130;

export function roundLength(longest) {
  const power = 10 ** Math.floor(Math.log10(longest));
  return power * ([5, 2, 1].find((factor) => factor * power <= longest) ?? 1);
}

export function lengthText(length, unit) {
  if (unit === "µm" && length >= 1000) return `${length / 1000} mm`;
  return `${length} ${unit}`;
}

// `mpp` null: the slide has no resolution, so the bar counts its pixels.
export function drawScaleBar(scale, mpp) {
  const unit = mpp ? "µm" : "px";
  const perScreenPx = scale * (mpp ?? 1);
  const length = roundLength(LONGEST_PX * perScreenPx);
  document.getElementById("scale-bar").style.width = `${length / perScreenPx}px`;
  document.getElementById("scale-text").textContent = lengthText(length, unit);
}
