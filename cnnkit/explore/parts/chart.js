// The view of cnnkit.explore.chart.Chart: labeled lines as SVG, drawn anew for the width there is.
// Stands after shared.js in one module.

const SVG = "http://www.w3.org/2000/svg";
const HEIGHT = 210;
const MARGIN = { top: 8, right: 12, bottom: 36, left: 46 };
// Blue, orange, green, pink that common color blindness keeps apart, on white and on dark ground.
const STROKES = ["#2f8fd8", "#e0721c", "#1aa179", "#c76aa6"];
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

  function stroke(index) {
    return { fill: "none", stroke: STROKES[index], "stroke-width": 2, "stroke-dasharray": DASHES[index] };
  }

  function drawLegend(lines) {
    legend.replaceChildren(
      ...lines.map(({ label }, index) => {
        const entry = make("span");
        const sample = shape("svg", { width: 30, height: 10 });
        sample.append(shape("line", { x1: 0, x2: 30, y1: 5, y2: 5, ...stroke(index) }));
        entry.append(sample, label);
        return entry;
      }),
    );
  }

  function drawAxes(x, y, width) {
    const [xRange, yRange] = [x.range, y.range];
    for (const at of ticks(...yRange, 4)) {
      plot.append(shape("line", { class: "cnnkit-axis", x1: MARGIN.left, x2: width - MARGIN.right, y1: y(at), y2: y(at) }));
      plot.append(shape("text", { x: MARGIN.left - 6, y: y(at) + 4, "text-anchor": "end" }, number(at)));
    }
    for (const at of ticks(...xRange, Math.max(2, width / 50))) {
      plot.append(shape("text", { x: x(at), y: HEIGHT - MARGIN.bottom + 16, "text-anchor": "middle" }, number(at)));
    }
    plot.append(shape("text", { x: (MARGIN.left + width) / 2, y: HEIGHT - 4, "text-anchor": "middle" }, model.get("x_label")));
  }

  /** A linear map from `range` to pixels. */
  function scale(range, from, to) {
    const map = (value) => from + ((value - range[0]) / (range[1] - range[0])) * (to - from);
    map.range = range;
    return map;
  }

  function draw() {
    const lines = model.get("lines");
    const width = Math.max(180, figure.clientWidth || 320);
    figure.dataset.name = model.get("name");
    title.textContent = model.get("title");
    plot.setAttribute("aria-label", model.get("alt"));
    plot.setAttribute("viewBox", `0 0 ${width} ${HEIGHT}`);
    plot.replaceChildren();
    drawLegend(lines);
    const x = scale(model.get("x_range") || extent(lines.flatMap((line) => line.x)), MARGIN.left, width - MARGIN.right);
    const y = scale(model.get("y_range") || extent(lines.flatMap((line) => line.y)), HEIGHT - MARGIN.bottom, MARGIN.top);
    drawAxes(x, y, width);
    lines.forEach((line, index) => {
      const points = line.x.map((at, i) => `${x(at).toFixed(1)},${y(line.y[i]).toFixed(1)}`);
      plot.append(shape("polyline", { points: points.join(" "), ...stroke(index) }));
      if (!line.dots) return;
      for (const point of points) {
        const [cx, cy] = point.split(",");
        plot.append(shape("circle", { cx, cy, r: 3.5, fill: STROKES[index] }));
      }
    });
    figure.dataset.points = lines.map((line) => line.x.length).join(" ");
    if (details.open) drawTable(lines);
  }

  /** The last points of every line as numbers. */
  function drawTable(lines) {
    const table = make("table", "cnnkit-table");
    for (const line of lines) {
      const row = make("tr");
      row.append(make("th", "", line.label));
      row.append(...line.y.slice(-12).map((value, i) => make("td", "", `${number(line.x.slice(-12)[i])}: ${number(value)}`)));
      table.append(row);
    }
    tableBox.replaceChildren(table);
  }

  const silence = listen(model, ["lines", "alt", "title", "x_label", "x_range", "y_range", "name"], draw);
  details.addEventListener("toggle", draw);
  const resize = new ResizeObserver(() => {
    attend(figure);
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
