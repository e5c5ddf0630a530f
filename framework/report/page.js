// What a report does beyond showing itself: values under the pointer, images behind points.
"use strict";
(() => {
  const read = (id) => {
    const block = document.getElementById(id);
    return block ? JSON.parse(block.textContent) : null;
  };
  const svgElement = (name, attributes) => {
    const made = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const key in attributes) made.setAttribute(key, attributes[key]);
    return made;
  };
  /** Where an event is in an SVG's own coordinates. */
  const pointIn = (svg, event) =>
    new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
  const short = (value) => {
    if (value === null) return "not finite";
    if (Math.abs(value) >= 1e4) return Math.round(value).toLocaleString("en");
    return String(Number(value.toPrecision(4)));
  };

  // The frame of line_chart.cpp.
  const frame = { left: 52, right: 392, top: 8, bottom: 182 };
  const scaled = (value, range, from, to) =>
    from + (value - range[0]) / (range[1] - range[0]) * (to - from);
  const nearest = (sorted, wanted) => {
    let low = 0;
    let high = sorted.length - 1;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (sorted[middle] < wanted) low = middle; else high = middle;
    }
    return Math.abs(sorted[low] - wanted) <= Math.abs(sorted[high] - wanted) ? low : high;
  };

  const curves = read("curve-data") || {};
  const charts = [...document.querySelectorAll(".chart")].map((figure) => {
    const svg = figure.querySelector("svg");
    const cursor = svgElement("g", { class: "cursor" });
    svg.append(cursor);
    return { svg, cursor, data: curves[figure.dataset.chart], reading: figure.querySelector(".reading") };
  });
  /** Shows the values at a step on every chart; null clears them. */
  const showStep = (step) => {
    for (const { cursor, data, reading } of charts) {
      cursor.replaceChildren();
      reading.textContent = "";
      if (step === null) continue;
      const words = [];
      let shown = step;
      data.series.forEach((series, i) => {
        const at = nearest(series.step, step);
        const value = series.value[at];
        shown = series.step[at];
        words.push((data.series.length > 1 ? series.name + " " : "") + short(value));
        if (value === null) return;
        cursor.append(svgElement("circle", {
          class: "s" + i % 4, r: 3.2, cx: scaled(shown, data.x, frame.left, frame.right),
          cy: scaled(value, data.y, frame.bottom, frame.top) }));
      });
      const x = scaled(shown, data.x, frame.left, frame.right);
      cursor.prepend(svgElement("line", { x1: x, x2: x, y1: frame.top, y2: frame.bottom }));
      reading.textContent = "step " + shown.toLocaleString("en") + " · " + words.join(" · ");
    }
  };
  for (const { svg, data } of charts) {
    const follow = (event) => {
      const x = Math.min(Math.max(pointIn(svg, event).x, frame.left), frame.right);
      showStep(data.x[0] + (x - frame.left) / (frame.right - frame.left) * (data.x[1] - data.x[0]));
    };
    svg.addEventListener("pointermove", follow);
    svg.addEventListener("pointerdown", follow);
    svg.addEventListener("pointerleave", () => showStep(null));
  }

  const map = read("map-data");
  if (!map) return;
  const plane = document.querySelector(".plane");
  const marks = [...plane.querySelectorAll("use")];
  const card = document.getElementById("map-hover");
  const [thumbnail] = card.getElementsByClassName("thumbnail");
  const [name, place] = card.getElementsByTagName("p");
  const layout = () => map.layouts[
    [...document.getElementsByName("layout")].findIndex((choice) => choice.checked)];
  const chosen = new Set();
  let passing = null;
  const visible = (i) => (chosen.size === 0 && passing === null) || chosen.has(map.label[i]) ||
    passing === map.label[i];
  const fade = () => marks.forEach((mark, i) => mark.classList.toggle("faded", !visible(i)));

  let near = -1;
  const show = (i) => {
    if (near >= 0) marks[near].classList.remove("near");
    near = i;
    card.hidden = i < 0;
    if (i < 0) return;
    marks[i].classList.add("near");
    name.textContent = map.classes[map.label[i]] || "";
    place.textContent = map.place[i];
    const side = 122;
    const column = i % map.columns;
    const row = Math.floor(i / map.columns);
    thumbnail.style.backgroundSize = map.columns * side + "px auto";
    thumbnail.style.backgroundPosition = -column * side + "px " + -row * side + "px";
    const box = plane.getBoundingClientRect();
    const extent = plane.viewBox.baseVal;
    const x = (layout().x[i] - extent.x) / extent.width * box.width;
    const y = (layout().y[i] - extent.y) / extent.height * box.height;
    card.style.left = (x + 160 > box.width ? Math.max(x - 154, 0) : x + 14) + "px";
    card.style.top = Math.max(Math.min(y - 20, box.height - card.offsetHeight), 0) + "px";
  };
  const search = (event) => {
    const at = pointIn(plane, event);
    const { x, y } = layout();
    let best = -1;
    let least = 40 * 40;
    for (let i = 0; i < x.length; ++i) {
      const distance = (x[i] - at.x) ** 2 + (y[i] - at.y) ** 2;
      if (distance < least && visible(i)) { best = i; least = distance; }
    }
    if (best !== near) show(best);
  };
  plane.addEventListener("pointermove", search);
  plane.addEventListener("pointerdown", search);
  plane.addEventListener("pointerleave", () => show(-1));
  for (const choice of document.getElementsByName("layout")) {
    choice.addEventListener("change", () => show(-1));
  }
  for (const button of document.querySelectorAll(".legend button")) {
    const label = Number(button.dataset.class);
    const pass = (entering) => () => { passing = entering ? label : null; fade(); };
    button.addEventListener("pointerenter", pass(true));
    button.addEventListener("pointerleave", pass(false));
    button.addEventListener("focus", pass(true));
    button.addEventListener("blur", pass(false));
    button.addEventListener("click", () => {
      if (!chosen.delete(label)) chosen.add(label);
      button.setAttribute("aria-pressed", String(chosen.has(label)));
      fade();
    });
  }
})();
