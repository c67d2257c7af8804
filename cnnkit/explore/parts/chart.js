// The view of cnnkit.explore.chart.Chart: labeled lines as SVG, drawn anew for the width there is.
// Stands after shared.js in one module.

const SVG = "http://www.w3.org/2000/svg";
const HEIGHT = 210;
const MARGIN = { top: 8, right: 12, bottom: 36, left: 46 };
// Blue, orange, green, pink that common color blindness keeps apart, on white and on dark ground.
const STROKES = ["#2f8fd8", "#e0721c", "#1aa179", "#c76aa6"];
const TABLE_POINTS = 12; // in a row of the table view
const TRAITS = ["lines", "markers", "x_names", "y_log", "interactive", "focus", "alt", "title", "x_label", "x_range", "y_range", "name"];
const DASHES = ["", "7 4", "2 3", "9 3 2 3"];

/** An SVG element with attributes and text. */
function shape(tag, attributes, text) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  if (text !== undefined) node.textContent = text;
  return node;
}

/** About `count` round numbers from low to high. */
function ticks(low, high, count) {
  const rough = Math.max((high - low) / count, 1e-12);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find((factor) => factor * power >= rough);
  const first = Math.ceil(low / step - 1e-9);
  const amount = Math.floor(high / step + 1e-9) - first + 1;
  return Array.from({ length: amount }, (_, i) => Number(((first + i) * step).toPrecision(12)));
}

/** Smallest and largest of `values`, never equal. */
function extent(values) {
  if (!values.length) return [0, 1];
  const [low, high] = [Math.min(...values), Math.max(...values)];
  return high > low ? [low, high] : [low - 0.5, high + 0.5];
}

function render({ model, el }) {
  const figure = make("figure", "cnnkit-chart");
  const title = make("figcaption", "cnnkit-title");
  const legend = make("div", "cnnkit-legend");
  const plot = shape("svg", { role: "img", height: HEIGHT });
  const details = make("details", "cnnkit-details");
  const tableBox = make("div", "cnnkit-tablebox");
  details.append(make("summary", "", "Show as table"), tableBox);
  figure.append(title, legend, plot, details);
  el.append(figure);

  let room = 0; // the figure's width
  let across = null; // the map from x to pixels that was drawn last
  const clip = `cnnkit-clip-${Math.random().toString(36).slice(2)}`; // ids are shared by the whole page

  function stroke(index) {
    return { fill: "none", stroke: STROKES[index], "stroke-width": 2, "stroke-dasharray": DASHES[index] };
  }

  function drawLegend(lines) {
    legend.replaceChildren(
      ...lines.map(({ label, width }, index) => {
        const entry = make("span");
        const sample = shape("svg", { width: 30, height: 10 });
        sample.append(
          width
            ? shape("rect", { x: 9, width: 12, y: 0, height: 10, fill: STROKES[index], "fill-opacity": 0.75 })
            : shape("line", { x1: 0, x2: 30, y1: 5, y2: 5, ...stroke(index) }),
        );
        entry.append(sample, label);
        return entry;
      }),
    );
  }

  function drawAxes(x, y, width) {
    for (const at of y.marks) {
      plot.append(shape("line", { class: "cnnkit-axis", x1: MARGIN.left, x2: width - MARGIN.right, y1: y(at), y2: y(at) }));
      plot.append(shape("text", { x: MARGIN.left - 6, y: y(at) + 4, "text-anchor": "end" }, number(at)));
    }
    const names = model.get("x_names");
    const places = names.length ? names.map((name, at) => [at, name]) : x.marks.map((at) => [at, number(at)]);
    for (const [at, text] of places) {
      plot.append(shape("text", { x: x(at), y: HEIGHT - MARGIN.bottom + 16, "text-anchor": "middle" }, text));
    }
    plot.append(shape("text", { x: (MARGIN.left + width) / 2, y: HEIGHT - 4, "text-anchor": "middle" }, model.get("x_label")));
  }

  /** A map from `range` to pixels, linear or logarithmic, with round numbers for the axis as `marks`. */
  function scale(range, from, to, count, logarithmic = false) {
    const [low, high] = logarithmic ? range.map(Math.log10) : range;
    const own = logarithmic ? (value) => Math.log10(Math.max(value, 1e-300)) : (value) => value;
    const map = (value) => from + ((own(value) - low) / (high - low)) * (to - from);
    // Whole powers of ten, where two of them fit; else the range is short enough for round numbers.
    const powers = ticks(Math.ceil(low), Math.floor(high), count).filter(Number.isInteger).map((at) => 10 ** at);
    map.marks = logarithmic && powers.length > 1 ? powers : ticks(...range, count);
    return map;
  }

  /** The range of the y axis: fixed, or what the lines need; bars start at 0. */
  function heights(lines) {
    const fixed = model.get("y_range");
    if (fixed) return fixed;
    const all = lines.flatMap((line) => (line.width && !model.get("y_log") ? [0, ...line.y] : line.y));
    if (!model.get("y_log")) return extent(all);
    const [low, high] = extent(all.filter((value) => value > 0));
    return [low > 0 ? low : high / 10, high];
  }

  /** Where the lines reach along x: bars need half their width on both sides. */
  function reach(lines) {
    return lines.flatMap(({ x, width = 0 }) => x.flatMap((at) => [at - width / 2, at + width / 2]));
  }

  function drawBars({ x: places, y: values, width }, index, x, y) {
    const ground = model.get("y_log") ? HEIGHT - MARGIN.bottom : y(0);
    places.forEach((at, i) => {
      const [left, right] = [x(at - width / 2), x(at + width / 2)];
      const [top, bottom] = [Math.min(y(values[i]), ground), Math.max(y(values[i]), ground)];
      plot.append(shape("rect", { x: left, width: Math.max(0.5, right - left), y: top, height: bottom - top, fill: STROKES[index], "fill-opacity": 0.75 }));
    });
  }

  function drawLine({ x: places, y: values, dots }, index, x, y) {
    const points = places.map((at, i) => `${x(at).toFixed(1)},${y(values[i]).toFixed(1)}`);
    plot.append(shape("polyline", { points: points.join(" "), "clip-path": `url(#${clip})`, ...stroke(index) }));
    for (const point of dots ? points : []) {
      const [cx, cy] = point.split(",");
      plot.append(shape("circle", { cx, cy, r: 3.5, fill: STROKES[index] }));
    }
  }

  /** An upright line, or a dot with a ring, and its words on the side that has room. */
  function drawMarker({ x: at, y: value, label }, x, y, width) {
    const [px, top, bottom] = [x(at), MARGIN.top, HEIGHT - MARGIN.bottom];
    if (px < MARGIN.left - 1 || px > width - MARGIN.right + 1) return;
    if (value === null) plot.append(shape("line", { class: "cnnkit-marker", x1: px, x2: px, y1: top, y2: bottom }));
    else plot.append(shape("circle", { class: "cnnkit-marker", cx: px, cy: y(value), r: 5 }));
    const left = px > (MARGIN.left + width) / 2;
    const height = value === null ? top + 12 : Math.max(top + 12, y(value) - 9);
    plot.append(shape("text", { class: "cnnkit-markername", x: px + (left ? -8 : 8), y: height, "text-anchor": left ? "end" : "start" }, label));
  }

  function draw() {
    const lines = model.get("lines");
    const width = Math.max(180, room || 320);
    const interactive = model.get("interactive");
    figure.dataset.name = model.get("name");
    say(title, model.get("title"));
    plot.setAttribute("role", interactive ? "application" : "img");
    plot.setAttribute("aria-label", model.get("alt") + (interactive ? ". Left and right keys move along the curve." : ""));
    if (interactive) plot.setAttribute("tabindex", 0);
    plot.setAttribute("viewBox", `0 0 ${width} ${HEIGHT}`);
    const frame = shape("clipPath", { id: clip });
    frame.append(shape("rect", { x: MARGIN.left, y: 0, width: width - MARGIN.left - MARGIN.right, height: HEIGHT - MARGIN.bottom + 1 }));
    plot.replaceChildren(frame);
    drawLegend(lines);
    const x = (across = scale(model.get("x_range") || extent(reach(lines)), MARGIN.left, width - MARGIN.right, Math.max(2, width / 50)));
    const y = scale(heights(lines), HEIGHT - MARGIN.bottom, MARGIN.top, 4, model.get("y_log"));
    drawAxes(x, y, width);
    lines.forEach((line, index) => (line.width ? drawBars : drawLine)(line, index, x, y));
    for (const one of model.get("markers")) drawMarker(one, x, y, width);
    figure.dataset.points = lines.map((line) => line.x.length).join(" ");
    if (details.open) drawTable(lines);
  }

  /** Put the focus on the point of the first line that is nearest to `at`, or `steps` points further. */
  function setFocus(at, steps = 0) {
    const places = model.get("lines")[0]?.x || [];
    if (!places.length) return;
    let nearest = 0;
    places.forEach((place, i) => {
      if (Math.abs(place - at) < Math.abs(places[nearest] - at)) nearest = i;
    });
    const focus = places[Math.min(places.length - 1, Math.max(0, nearest + steps))];
    if (focus === model.get("focus")) return;
    model.set("focus", focus);
    model.save_changes();
  }

  function onPointer(event) {
    if (!model.get("interactive") || !across) return;
    const box = plot.getBoundingClientRect();
    const [from, to] = [across(0), across(1)];
    const px = ((event.clientX - box.left) / box.width) * plot.viewBox.baseVal.width;
    setFocus((px - from) / (to - from));
  }

  function onKey(event) {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step || !model.get("interactive")) return;
    event.preventDefault();
    const places = model.get("lines")[0]?.x || [0];
    setFocus(model.get("focus") ?? places[places.length >> 1], step * (event.shiftKey ? 10 : 1));
  }

  /** Numbers of every line: around the focus, else the last points. */
  function drawTable(lines) {
    const table = make("table", "cnnkit-table");
    const names = model.get("x_names");
    const focus = model.get("focus");
    for (const line of lines) {
      const row = make("tr");
      row.append(make("th", "", line.label));
      const at = focus === null ? line.x.length : line.x.findIndex((place) => place >= focus) + TABLE_POINTS / 2;
      const last = Math.min(line.x.length, Math.max(TABLE_POINTS, at));
      for (let i = Math.max(0, last - TABLE_POINTS); i < last; i += 1) {
        row.append(make("td", "", `${names[line.x[i]] ?? number(line.x[i])}: ${number(line.y[i])}`));
      }
      table.append(row);
    }
    tableBox.replaceChildren(table);
  }

  const silence = listen(model, TRAITS, draw);
  plot.addEventListener("pointermove", onPointer);
  plot.addEventListener("pointerdown", onPointer);
  plot.addEventListener("keydown", onKey);
  details.addEventListener("toggle", draw);
  const resize = new ResizeObserver(([entry]) => {
    attend(figure);
    if (room === entry.contentRect.width) return; // its height alone changed
    room = entry.contentRect.width;
    draw();
  });
  resize.observe(figure);
  draw();
  return () => {
    resize.disconnect();
    silence();
  };
}

export default { render };
