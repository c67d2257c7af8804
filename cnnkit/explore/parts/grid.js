// The view of cnnkit.explore.grid.NumberGrid: a table of number boxes. Stands after shared.js in one module.

function render({ model, el }) {
  const group = make("div", "cnnkit-grid");
  group.setAttribute("role", "group");
  const table = make("table");
  table.setAttribute("role", "presentation");
  group.append(table);
  el.append(group);

  let boxes = [];

  /** Tint a cell by its share of the largest weight: orange above zero, blue below. */
  function tint(values) {
    const largest = Math.max(1e-12, ...values.flat().map(Math.abs));
    values.forEach((line, row) =>
      line.forEach((value, col) => {
        const strength = (0.55 * Math.abs(value)) / largest;
        const color = value > 0 ? `rgba(230, 110, 20, ${strength})` : `rgba(50, 125, 210, ${strength})`;
        boxes[row][col].parentElement.style.background = color;
      }),
    );
  }

  function onInput(row, col) {
    const box = boxes[row][col];
    const value = box.valueAsNumber;
    box.setAttribute("aria-invalid", String(!Number.isFinite(value)));
    if (!Number.isFinite(value)) return;
    const values = model.get("values").map((line) => [...line]);
    values[row][col] = value;
    model.set("values", values);
    model.save_changes();
  }

  function makeBox(row, col) {
    const box = make("input");
    box.type = "number";
    box.step = "any";
    box.setAttribute("aria-label", `${model.get("label")}: row ${row + 1}, column ${col + 1}`);
    box.addEventListener("input", () => onInput(row, col));
    box.addEventListener("blur", draw);
    return box;
  }

  function build(values) {
    table.style.setProperty("--cnnkit-columns", values[0].length);
    table.classList.toggle("cnnkit-grid-large", values[0].length > 5);
    boxes = values.map((line, row) => line.map((_, col) => makeBox(row, col)));
    table.replaceChildren(
      ...boxes.map((line) => {
        const tr = make("tr");
        tr.append(
          ...line.map((box) => {
            const td = make("td");
            td.append(box);
            return td;
          }),
        );
        return tr;
      }),
    );
  }

  function draw() {
    const values = model.get("values");
    group.setAttribute("aria-label", model.get("label"));
    if (boxes.length !== values.length || boxes[0].length !== values[0].length) build(values);
    values.forEach((line, row) =>
      line.forEach((value, col) => {
        const box = boxes[row][col];
        // A half-typed "1." or "-" stays as it is while its box has the focus.
        if (document.activeElement === box && (box.valueAsNumber === value || box.value === "")) return;
        box.value = String(Number(value.toPrecision(3)));
        box.title = String(value);
        box.setAttribute("aria-invalid", "false");
      }),
    );
    tint(values);
  }

  draw();
  return listen(model, ["values", "label"], draw);
}

export default { render };
