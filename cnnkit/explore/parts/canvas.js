// The view of cnnkit.explore.canvas.Canvas: paints an array, draws marks over it, reports the focus.
// Stands after shared.js in one module. The color rule mirrors cnnkit/explore/colors.py.

const LENS_SIDE = 100; // CSS pixels at most, and
const LENS_SHARE = 0.36; // this share of the picture's width at most
const LENS_BELOW = 10; // the magnifier appears while one array pixel is narrower than this many CSS pixels
const LINES_FROM = 14; // CSS pixels: an array pixel as wide as this has lines around it
const NUMBERS_FROM = 20; // CSS pixels: an array pixel as wide as this has room for its number, if wished for
const NUMBER_SIZES = [14, 8]; // CSS pixels: the largest and the smallest letters of such a number
const LETTER = 0.6; // width of a digit, in letter heights
const HIGHEST = 1.6; // a picture is at most this many times higher than its figure is wide
const TABLE_REACH = 3; // rows and columns on each side of the focus in the table view

// The color bar's own picture: every entry of a table once.
const RAMP = { width: 256, height: 1, channels: 1, low: 0, high: 255, values: Uint8Array.from({ length: 256 }, (_, i) => i) };

/** The picture with its values as a typed array, or null when there is nothing to show. */
function decode(picture, view) {
  if (!picture || !picture.shape) return null;
  const [height, width, channels = 1] = picture.shape;
  // Copied because a Float32Array must start at a multiple of four bytes.
  const bytes = view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength);
  const values = picture.dtype === "float32" ? new Float32Array(bytes) : new Uint8Array(bytes);
  return { height, width, channels, values, low: picture.low, high: picture.high };
}

/** The 256 colors of a table (red, green, blue of each), as whole pixels. */
function wholePixels(table) {
  const bytes = new Uint8Array(1024).fill(255);
  for (let entry = 0; entry < 256; entry += 1) bytes.set(table.subarray(3 * entry, 3 * entry + 3), 4 * entry);
  return new Uint32Array(bytes.buffer);
}

/**
 * Paint `picture`, one canvas pixel per array pixel; values that are not finite stay transparent. Returns the
 * pixels, and whether values lie below or above the color range.
 */
function paint(canvas, picture, colors) {
  const { width, height, values, channels, low, high } = picture;
  // Setting a size, even the same one, empties a canvas and lays the page out anew.
  if (canvas.width !== width) canvas.width = width;
  if (canvas.height !== height) canvas.height = height;
  const context = canvas.getContext("2d");
  const image = context.createImageData(width, height);
  const out = image.data;
  let [below, above] = [false, false];
  if (channels === 3) {
    for (let i = 0, o = 0; o < out.length; i += 3, o += 4) {
      out[o] = values[i];
      out[o + 1] = values[i + 1];
      out[o + 2] = values[i + 2];
      out[o + 3] = 255;
    }
  } else {
    const whole = new Uint32Array(out.buffer);
    const span = high - low || 1;
    for (let i = 0; i < whole.length; i += 1) {
      const value = values[i];
      if (!Number.isFinite(value)) continue;
      below ||= value < low;
      above ||= value > high;
      const index = Math.floor(((value - low) / span) * 255 + 0.5);
      whole[i] = colors[index < 0 ? 0 : index > 255 ? 255 : index];
    }
  }
  context.putImageData(image, 0, 0);
  return { painted: out, below, above };
}

/** The value at a pixel in words; `gap` is what stands for one that is not a number. */
function valueText(picture, row, col, gap) {
  const at = (row * picture.width + col) * picture.channels;
  if (picture.channels === 1) return Number.isNaN(picture.values[at]) ? gap : number(picture.values[at]);
  return `red ${picture.values[at]}, green ${picture.values[at + 1]}, blue ${picture.values[at + 2]}`;
}

/**
 * The numbers to write into pixels that are `room` CSS pixels wide: their texts, row by row, and the height
 * of their letters; null where they would be too small to read. cnnkit/explore/parts/canvas.py does the same.
 */
function fitNumbers(picture, room) {
  const [largest, smallest] = NUMBER_SIZES;
  if (picture.channels !== 1 || room < NUMBERS_FROM) return null;
  for (const digits of [3, 2]) {
    const texts = Array.from(picture.values, (value) => (Number.isFinite(value) ? number(value, digits) : ""));
    const letters = texts.reduce((most, text) => Math.max(most, text.length), 1);
    const size = Math.min(largest, (0.92 * room) / (LETTER * letters));
    if (size >= smallest) return { texts, size };
  }
  return null;
}

/** Black or white, whichever stands out more from a color [red, green, blue]. */
function inkOn([red, green, blue]) {
  const linear = [red, green, blue].map((part) => (part / 255 <= 0.03928 ? part / 255 / 12.92 : ((part / 255 + 0.055) / 1.055) ** 2.4));
  return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2] > 0.179 ? "#000" : "#fff";
}

function render({ model, el }) {
  const figure = make("figure", "cnnkit-canvas");
  const title = make("figcaption", "cnnkit-title");
  const stage = make("div", "cnnkit-stage");
  const pixels = make("canvas", "cnnkit-pixels");
  const numbers = make("canvas", "cnnkit-numbers");
  const overlay = make("div", "cnnkit-overlay");
  const lens = make("canvas", "cnnkit-lens");
  const bar = make("div", "cnnkit-bar");
  const [lowest, ramp, highest] = [make("span"), make("canvas"), make("span")];
  const readout = make("div", "cnnkit-readout");
  const caption = make("div", "cnnkit-caption");
  const details = make("details", "cnnkit-details");
  const tableBox = make("div", "cnnkit-tablebox");
  bar.append(lowest, ramp, highest);
  stage.append(pixels, numbers, overlay, lens);
  details.append(make("summary", "", "Show as table"), tableBox);
  figure.append(title, stage, bar, readout, caption, details);
  readout.setAttribute("role", "status");
  lens.setAttribute("aria-hidden", "true");
  numbers.setAttribute("aria-hidden", "true"); // the readout and the table say them
  el.append(figure);

  let picture = null;
  let painted = null; // its pixels
  let [view, colors] = [null, null]; // the color table and its whole pixels
  let size = { width: 0, height: 0 }; // of the picture on the page; asking the page would lay it out anew each time
  const tones = {}; // the colors of marks and the font, for what is drawn in a canvas
  let held = false; // a click holds the focus, so that the pointer may leave

  function drawPicture() {
    picture = decode(model.get("_picture"), model.get("_data"));
    stage.classList.toggle("cnnkit-empty", picture === null);
    if (picture) {
      if (view !== model.get("_table")) {
        view = model.get("_table");
        colors = wholePixels(new Uint8Array(view.buffer, view.byteOffset, view.byteLength));
        paint(ramp, RAMP, colors);
      }
      const done = paint(pixels, picture, colors);
      painted = done.painted;
      say(lowest, (done.below ? "\u2264 " : "") + number(picture.low));
      say(highest, (done.above ? "\u2265 " : "") + number(picture.high));
    }
    // A picture of a few long rows is as wide as the figure; one of a few long columns is not, or it would
    // be as high as the page.
    stage.style.width = picture ? `${Math.min(100, (100 * HIGHEST * picture.width) / picture.height)}%` : "";
    bar.hidden = !picture || picture.channels === 3 || !model.get("bar");
    figure.dataset.painted = Number(figure.dataset.painted || 0) + 1;
    drawLines();
    drawNumbers();
    drawMarks();
  }

  /** Every value written into its pixel, where wished for and where there is room. */
  function drawNumbers() {
    const fitting = picture && model.get("numbers") ? fitNumbers(picture, size.width / picture.width) : null;
    numbers.hidden = !fitting;
    numbers.dataset.texts = fitting ? fitting.texts.join(" ") : "";
    if (!fitting) return;
    const density = window.devicePixelRatio || 1;
    numbers.width = Math.round(size.width * density); // which empties it
    numbers.height = Math.round(size.height * density);
    const [across, down] = [numbers.width / picture.width, numbers.height / picture.height];
    const context = numbers.getContext("2d");
    context.font = `${fitting.size * density}px ${tone("font")}`;
    context.textAlign = "center";
    context.textBaseline = "middle";
    fitting.texts.forEach((text, i) => {
      const [row, col] = [Math.floor(i / picture.width), i % picture.width];
      context.fillStyle = inkOn(painted.subarray(4 * i, 4 * i + 3));
      context.fillText(text, (col + 0.5) * across, (row + 0.54) * down);
    });
  }

  /** Lines between the pixels of a small picture, where wished for. */
  function drawLines() {
    const apart = picture && model.get("lines") && size.width / picture.width >= LINES_FROM;
    overlay.classList.toggle("cnnkit-lines", Boolean(apart));
    if (apart) overlay.style.backgroundSize = `${100 / picture.width}% ${100 / picture.height}%`;
  }

  function drawTexts() {
    figure.dataset.name = model.get("name");
    say(title, model.get("title"));
    say(caption, model.get("caption"));
    figure.style.setProperty("--cnnkit-width", `${model.get("width")}px`);
    const interactive = model.get("interactive");
    stage.setAttribute("role", interactive ? "application" : "img");
    stage.setAttribute("aria-label", model.get("alt") + (interactive ? `. Arrow keys move over the pixels${model.get("picks") ? ", Enter chooses" : ""}.` : ""));
    if (interactive) stage.tabIndex = 0;
    else stage.removeAttribute("tabindex");
  }

  /** The marks set from Python and the focused pixel itself. */
  function allMarks() {
    const focus = model.get("focus");
    const marks = [...model.get("marks")];
    if (focus) marks.push({ row: focus[0], col: focus[1], height: 1, width: 1, kind: "focus" });
    return marks;
  }

  function drawMarks() {
    overlay.replaceChildren();
    tableBox.replaceChildren();
    let pointed = "";
    const focus = model.get("focus");
    const marks = picture ? allMarks() : [];
    const hatched = picture ? model.get("hatched").map((mark) => ({ ...mark, kind: "hatched" })) : [];
    for (const { row, col, height, width, kind } of [...hatched, ...marks]) {
      const box = make("div", `cnnkit-mark cnnkit-${kind}`);
      box.style.left = `${(100 * col) / picture.width}%`;
      box.style.top = `${(100 * row) / picture.height}%`;
      box.style.width = `${(100 * width) / picture.width}%`;
      box.style.height = `${(100 * height) / picture.height}%`;
      overlay.append(box);
    }
    drawPath();
    if (picture && focus && focus[0] < picture.height && focus[1] < picture.width) {
      const hint = held ? " (held: click or Esc to let go)" : "";
      const [row, col] = focus.map((at, i) => number(at + model.get("origin")[i]));
      const value = valueText(picture, ...focus, model.get("gap"));
      pointed = `row ${row}, column ${col}: ${value}${hint}`;
    }
    say(readout, pointed);
    if (details.open && picture) tableBox.append(buildTable(focus, marks[0]));
    drawLens(marks);
  }

  /** The way over the picture, a line with a dot at every point, the last one larger; and single dots. */
  function drawPath() {
    const [path, single] = [model.get("path"), model.get("dots")];
    if (!picture || !(path.length || single.length)) return;
    const [across, down] = [size.width / picture.width, size.height / picture.height];
    const place = ([row, col]) => [(col * across).toFixed(1), (row * down).toFixed(1)];
    const points = path.map(place);
    const way = points.map((point) => point.join(",")).join(" ");
    const dots = points.map(([x, y], i) => {
      const last = i === points.length - 1;
      return `<circle cx="${x}" cy="${y}" r="${last ? 6 : 2.5}" class="${last ? "cnnkit-pathend" : ""}"/>`;
    });
    dots.push(...single.map(place).map(([x, y]) => `<circle cx="${x}" cy="${y}" r="2.5" class="cnnkit-dot"/>`));
    const lines = ["halo", "line"].map((kind) => `<polyline class="cnnkit-path${kind}" points="${way}"/>`);
    const box = make("div");
    box.innerHTML = `<svg class="cnnkit-path">${lines.join("")}${dots.join("")}</svg>`; // numbers alone
    overlay.append(box.firstChild);
  }

  /** The color of a kind of mark, and the font: the page is asked once. */
  function tone(kind) {
    return (tones[kind] ??= getComputedStyle(overlay).getPropertyValue(`--cnnkit-${kind}`));
  }

  /** Magnify what the marks enclose, in the corner that is farthest from them. */
  function drawLens(marks) {
    const scale = picture ? size.width / picture.width : 0;
    lens.hidden = !marks.length || scale >= LENS_BELOW || scale === 0 || !model.get("lens");
    if (lens.hidden) return;
    const subject = marks.find((mark) => mark.kind !== "cell");
    const cover = Math.max(11, 2 * Math.max(subject.height, subject.width) + 5);
    const middle = { row: subject.row + subject.height / 2, col: subject.col + subject.width / 2 };
    const [top, left] = [middle.row - cover / 2, middle.col - cover / 2];
    const density = window.devicePixelRatio || 1;
    const side = Math.min(LENS_SIDE, LENS_SHARE * size.width);
    lens.style.width = lens.style.height = `${side}px`;
    lens.width = lens.height = Math.round(side * density);
    const zoom = lens.width / cover;
    const context = lens.getContext("2d");
    context.imageSmoothingEnabled = false;
    context.drawImage(pixels, -left * zoom, -top * zoom, picture.width * zoom, picture.height * zoom);
    for (const { row, col, height, width, kind } of marks) {
      const box = [(col - left) * zoom, (row - top) * zoom, width * zoom, height * zoom];
      const thick = (kind === "cell" ? 1 : 2.5) * density;
      context.lineWidth = thick + 1.5 * density;
      context.strokeStyle = tone("halo");
      context.strokeRect(...box);
      context.lineWidth = thick;
      context.strokeStyle = tone(kind);
      context.strokeRect(...box);
    }
    lens.classList.toggle("cnnkit-lens-left", middle.col > picture.width / 2);
    lens.classList.toggle("cnnkit-lens-top", middle.row > picture.height / 2);
  }

  /** The numbers around the focus, else around a mark, else in the middle of the picture, as a table. */
  function buildTable(focus, mark) {
    const middle = mark ? [mark.row + (mark.height >> 1), mark.col + (mark.width >> 1)] : [picture.height >> 1, picture.width >> 1];
    const [row, col] = focus || middle;
    const [down, right] = model.get("origin");
    const gap = model.get("gap");
    const range = (at, end) => {
      const first = Math.max(0, at - TABLE_REACH);
      return Array.from({ length: Math.min(end, at + TABLE_REACH + 1) - first }, (_, i) => first + i);
    };
    const columns = range(col, picture.width);
    const table = make("table", "cnnkit-table");
    const heading = make("tr");
    heading.append(make("th", "", "row \\ column"), ...columns.map((c) => make("th", "", number(c + right))));
    table.append(heading);
    for (const r of range(row, picture.height)) {
      const line = make("tr");
      const cells = columns.map((c) => make("td", r === row && c === col ? "cnnkit-here" : "", valueText(picture, r, c, gap)));
      line.append(make("th", "", number(r + down)), ...cells);
      table.append(line);
    }
    return table;
  }

  function setFocus(row, col) {
    const focus = model.get("focus");
    if (!picture || (focus && focus[0] === row && focus[1] === col)) return;
    model.set("focus", [row, col]);
    model.save_changes();
  }

  /** Tell Python that a pixel was chosen, where the picture is there to choose from. */
  function pick(row, col) {
    if (!model.get("picks")) return;
    model.set("picked", [row, col]);
    model.save_changes();
  }

  function pixelUnder(event) {
    const box = pixels.getBoundingClientRect();
    const clip = (share, count) => Math.min(count - 1, Math.max(0, Math.floor(share * count)));
    return [
      clip((event.clientY - box.top) / box.height, picture.height),
      clip((event.clientX - box.left) / box.width, picture.width),
    ];
  }

  function onPointer(event) {
    if (!picture || !model.get("interactive")) return;
    if (event.type === "pointerdown") held = !held && event.pointerType === "mouse" && !model.get("picks");
    if (!held || event.type === "pointerdown") setFocus(...pixelUnder(event));
    if (event.type === "pointerdown") drawMarks();
    if (event.type === "pointerdown") pick(...pixelUnder(event));
  }

  function onKey(event) {
    const steps = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
    const step = steps[event.key];
    if (!picture || !model.get("interactive")) return;
    if (event.key === "Escape") held = false;
    if (event.key === "Escape") drawMarks();
    if (event.key === "Enter" || event.key === " ") {
      if (model.get("picks") && model.get("focus")) {
        event.preventDefault();
        pick(...model.get("focus"));
      }
      return;
    }
    if (!step) return;
    event.preventDefault();
    const far = event.shiftKey ? 10 : 1;
    const [row, col] = model.get("focus") || [picture.height >> 1, picture.width >> 1];
    setFocus(
      Math.min(picture.height - 1, Math.max(0, row + far * step[0])),
      Math.min(picture.width - 1, Math.max(0, col + far * step[1])),
    );
  }

  stage.addEventListener("pointermove", onPointer);
  stage.addEventListener("pointerdown", onPointer);
  stage.addEventListener("keydown", onKey);
  details.addEventListener("toggle", drawMarks);
  const resize = new ResizeObserver(([entry]) => {
    size = entry.contentRect;
    attend(figure);
    drawLines();
    drawNumbers();
    drawMarks();
  });
  resize.observe(pixels);

  const silence = [
    listen(model, ["_picture", "_data", "_table", "lines", "numbers", "bar"], drawPicture),
    listen(model, ["focus", "marks", "lens", "path", "dots", "hatched", "origin", "gap"], drawMarks),
    listen(model, ["name", "title", "caption", "alt", "width", "interactive", "picks"], drawTexts),
  ];
  drawTexts();
  drawPicture();

  return () => {
    resize.disconnect();
    for (const stop of silence) stop();
  };
}

export default { render };
