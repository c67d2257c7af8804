// The view of cnnkit.explore.parts.pad.Pad: a bitmap that is drawn with pointers and keys.
// Stands after shared.js in one module. The rule of a stroke mirrors cnnkit/explore/parts/ink.py.

const SIDE = 32; // cells in a row of the pad
const BLOCKS = 8; // blocks whose ink is counted, in a row of the pad
const MOST_UNDONE = 100; // states that Undo can go back
const PAPER = 24; // gray of a cell without ink: black enough, and yet no hole in a dark page
const PEN_ERASER = 32; // the bit of event.buttons for the other end of a pen
const STEPS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };

const same = (a, b) => a.every((bit, at) => bit === b[at]);

/** Set the cells within `radius` of the line from one point to another, and those that the points lie in. */
function inkLine(bits, [row, col], [toRow, toCol], radius, bit) {
  const [down, right] = [toRow - row, toCol - col];
  const length = down * down + right * right;
  const from = (a, b) => Math.max(0, Math.floor(Math.min(a, b) - radius - 1));
  const until = (a, b) => Math.min(SIDE - 1, Math.ceil(Math.max(a, b) + radius + 1));
  for (let r = from(row, toRow); r <= until(row, toRow); r++) {
    for (let c = from(col, toCol); c <= until(col, toCol); c++) {
      const [dy, dx] = [r + 0.5 - row, c + 0.5 - col];
      const share = length ? Math.min(1, Math.max(0, (dy * down + dx * right) / length)) : 0;
      const away = (dy - share * down) ** 2 + (dx - share * right) ** 2;
      if (away <= radius * radius + 1e-9) bits[r * SIDE + c] = bit;
    }
  }
  for (const [r, c] of [[row, col], [toRow, toCol]]) {
    if (r >= 0 && r < SIDE && c >= 0 && c < SIDE) bits[Math.floor(r) * SIDE + Math.floor(c)] = bit;
  }
}

/** The inked columns of each row that has any, as a table. */
function inkTable(bits) {
  const table = make("table", "cnnkit-table");
  const heading = make("tr");
  heading.append(make("th", "", "row"), make("th", "", "inked columns"));
  table.append(heading);
  for (let r = 0; r < SIDE; r++) {
    const runs = [];
    for (let c = 0; c < SIDE; c++) {
      if (!bits[r * SIDE + c]) continue;
      const first = c;
      while (c + 1 < SIDE && bits[r * SIDE + c + 1]) c++;
      runs.push(first === c ? `${c}` : `${first} to ${c}`);
    }
    if (!runs.length) continue;
    const line = make("tr");
    line.append(make("th", "", r), make("td", "", runs.join(", ")));
    table.append(line);
  }
  return table;
}

function button(text, help, action) {
  const node = make("button", "cnnkit-button", text);
  node.type = "button";
  node.title = help;
  node.addEventListener("click", action);
  return node;
}

function render({ model, el }) {
  const figure = make("figure", "cnnkit-canvas cnnkit-pad");
  const title = make("figcaption", "cnnkit-title");
  const stage = make("div", "cnnkit-stage");
  const pixels = make("canvas", "cnnkit-pixels");
  const overlay = make("div", "cnnkit-overlay cnnkit-blocks");
  const tools = make("div", "cnnkit-tools");
  const readout = make("div", "cnnkit-readout");
  const caption = make("div", "cnnkit-caption");
  const details = make("details", "cnnkit-details");
  const tableBox = make("div", "cnnkit-tablebox");
  details.append(make("summary", "", "Show as table"), tableBox);
  stage.append(pixels, overlay);
  figure.append(title, stage, tools, readout, caption, details);
  pixels.width = pixels.height = SIDE;
  overlay.style.backgroundSize = `${100 / BLOCKS}% ${100 / BLOCKS}%`;
  stage.tabIndex = 0;
  stage.setAttribute("role", "application");
  readout.setAttribute("role", "status");
  el.append(figure);

  let bits = new Uint8Array(SIDE * SIDE);
  let before = []; // earlier states, for Undo
  let frame = 0; // the animation frame that will send the bits
  let stroke = null; // of the pointer that draws: its id, its last place, whether it erases
  let cursor = [SIDE / 2, SIDE / 2]; // cell of the keyboard's pen
  let down = false; // the keyboard's pen is on the paper
  let keyed = false; // the keyboard was used last: its cursor is shown

  const eraser = button("Erase", "Strokes take ink away; so do the right mouse button and Shift", () => {
    model.set("erase", !model.get("erase"));
    model.save_changes();
  });
  const undoing = button("Undo", "Take back the last stroke (Ctrl+Z on the pad)", undo);
  const clearing = button("Clear", "An empty pad", () => change(() => bits.fill(0)));
  tools.append(eraser, undoing, clearing);

  /** Paint the bits, and send them with the next frame: a quick stroke is many events and few messages. */
  function changed() {
    paint();
    frame ||= requestAnimationFrame(send);
  }

  function send() {
    frame = 0;
    model.set("bits", new DataView(bits.slice().buffer));
    model.save_changes();
  }

  function remember(state) {
    if (before.length && same(before.at(-1), state)) return;
    before.push(state.slice());
    if (before.length > MOST_UNDONE) before.shift();
    undoing.disabled = false;
  }

  /** One thing that Undo takes back. */
  function change(action) {
    remember(bits);
    action();
    changed();
  }

  function undo() {
    while (before.length && same(before.at(-1), bits)) before.pop();
    if (before.length) bits = before.pop();
    undoing.disabled = !before.length;
    changed();
  }

  /** What Python put on the pad; the same bits come back as an echo and change nothing. */
  function receive() {
    const view = model.get("bits");
    const news = new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
    if (frame || same(news, bits)) return; // newer bits are on their way
    remember(bits);
    bits = news.slice();
    paint();
  }

  // Seen ----------------------------------------------------------------------------------------

  function paint() {
    const context = pixels.getContext("2d");
    const image = context.createImageData(SIDE, SIDE);
    bits.forEach((bit, at) => image.data.set([...Array(3).fill(bit ? 255 : PAPER), 255], 4 * at));
    context.putImageData(image, 0, 0);
    figure.dataset.ink = bits.reduce((sum, bit) => sum + bit, 0);
    if (details.open) tableBox.replaceChildren(inkTable(bits));
  }

  function place(kind, { row, col, height, width }) {
    const box = make("div", `cnnkit-mark cnnkit-${kind}`);
    const percent = (cells) => `${(100 * cells) / SIDE}%`;
    box.style.cssText = `top:${percent(row)};left:${percent(col)};height:${percent(height)};width:${percent(width)}`;
    overlay.append(box);
  }

  function drawMarks() {
    overlay.replaceChildren();
    for (const mark of model.get("marks")) place(mark.kind, mark);
    if (keyed) place("focus", { row: cursor[0], col: cursor[1], height: 1, width: 1 });
  }

  function drawTexts() {
    figure.dataset.name = model.get("name");
    say(title, model.get("title"));
    say(caption, model.get("caption"));
    figure.style.setProperty("--cnnkit-width", `${model.get("width")}px`);
    eraser.setAttribute("aria-pressed", String(model.get("erase")));
    stage.classList.toggle("cnnkit-erasing", model.get("erase"));
    stage.setAttribute(
      "aria-label",
      `${model.get("alt")}. Arrow keys move the pen, Space sets it down or lifts it, Backspace erases.`,
    );
  }

  // Pointers ------------------------------------------------------------------------------------

  function placeOf(event) {
    const box = pixels.getBoundingClientRect();
    return [((event.clientY - box.top) / box.height) * SIDE, ((event.clientX - box.left) / box.width) * SIDE];
  }

  function follow(event) {
    const to = placeOf(event);
    inkLine(bits, stroke.at, to, model.get("brush") / 2, stroke.erases ? 0 : 1);
    stroke.at = to;
  }

  function onDown(event) {
    if (stroke || event.button === 1) return; // one finger draws, a second one does not disturb it
    event.preventDefault();
    stage.focus({ preventScroll: true });
    stage.setPointerCapture(event.pointerId);
    const erases = model.get("erase") || event.button === 2 || event.shiftKey || Boolean(event.buttons & PEN_ERASER);
    remember(bits);
    stroke = { id: event.pointerId, at: placeOf(event), erases };
    [keyed, down] = [false, false];
    readout.textContent = "";
    follow(event);
    changed();
    drawMarks();
  }

  function onMove(event) {
    if (event.pointerId !== stroke?.id) return;
    const passed = event.getCoalescedEvents?.() ?? [];
    for (const one of passed.length ? passed : [event]) follow(one);
    changed();
  }

  function onEnd(event) {
    if (event.pointerId === stroke?.id) stroke = null;
  }

  // Keys ----------------------------------------------------------------------------------------

  function dot(from, bit) {
    const middle = ([row, col]) => [row + 0.5, col + 0.5];
    inkLine(bits, middle(from), middle(cursor), model.get("brush") / 2, bit);
    changed();
  }

  const penBit = () => (model.get("erase") ? 0 : 1);

  function step([rows, cols]) {
    const from = cursor;
    const clip = (at) => Math.min(SIDE - 1, Math.max(0, at));
    cursor = [clip(cursor[0] + rows), clip(cursor[1] + cols)];
    if (down) dot(from, penBit());
  }

  function setDown() {
    down = !down;
    if (!down) return;
    remember(bits);
    dot(cursor, penBit());
  }

  function tell() {
    const inked = bits[cursor[0] * SIDE + cursor[1]] ? "ink" : "no ink";
    readout.textContent = `row ${cursor[0]}, column ${cursor[1]}: ${inked}, pen ${down ? "down" : "up"}`;
  }

  function onKey(event) {
    const control = event.ctrlKey || event.metaKey;
    if (control && event.key.toLowerCase() === "z") {
      undo();
      event.stopPropagation(); // not the notebook's own undo
    } else if (control || event.altKey) return;
    else if (STEPS[event.key]) step(STEPS[event.key].map((cells) => cells * (event.shiftKey ? 4 : 1)));
    else if (event.key === " " || (event.key === "Enter" && !event.shiftKey)) setDown();
    else if (event.key === "Backspace" || event.key === "Delete") {
      remember(bits);
      dot(cursor, 0);
    } else if (event.key === "Escape") down = false;
    else return;
    event.preventDefault();
    keyed = true;
    tell();
    drawMarks();
  }

  stage.addEventListener("pointerdown", onDown);
  stage.addEventListener("pointermove", onMove);
  for (const end of ["pointerup", "pointercancel", "lostpointercapture"]) stage.addEventListener(end, onEnd);
  stage.addEventListener("keydown", onKey);
  stage.addEventListener("contextmenu", (event) => {
    event.preventDefault(); // the right button erases
    event.stopPropagation();
  });
  details.addEventListener("toggle", paint);
  const resize = new ResizeObserver(() => attend(figure));
  resize.observe(stage);

  model.on("change:bits", receive); // at once: Undo goes back to every one of them, also to two of one frame
  const silence = [
    () => model.off("change:bits", receive),
    listen(model, ["marks"], drawMarks),
    listen(model, ["name", "title", "caption", "alt", "width", "erase"], drawTexts),
  ];
  drawTexts();
  receive();
  before = [];
  undoing.disabled = true;
  paint();
  drawMarks();

  return () => {
    cancelAnimationFrame(frame);
    resize.disconnect();
    for (const stop of silence) stop();
  };
}

export default { render };
