// Helpers shared by the views of Canvas, Chart and NumberGrid. Python puts this text before each of theirs.

/** A DOM element with a class name and text. */
function make(tag, className, text) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text !== undefined) node.textContent = text;
  return node;
}

/** Let a node say `text`; where it says so already, the page need not be laid out anew. */
function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

const due = new Set(); // what is to be drawn with the next frame

/** Call `action` once with the page's next frame, and with it whatever else is due then. */
function withNextFrame(action) {
  if (!due.size) {
    requestAnimationFrame(() => {
      const actions = [...due];
      due.clear();
      for (const one of actions) {
        try {
          one();
        } catch (error) {
          reportError(error); // the others are drawn all the same
        }
      }
    });
  }
  due.add(action);
}

/** A number as cnnkit.explore.words.number writes it. */
function number(value, digits = 3) {
  if (Number.isNaN(value)) return "not a number";
  if (!Number.isFinite(value)) return value > 0 ? "infinity" : "\u2212infinity";
  if (value === 0) return "0";
  const size = Math.abs(value);
  let text;
  if (size >= 1e-3 && size < 1e6) {
    const decimals = Math.max(0, digits - 1 - Math.floor(Math.log10(size)));
    text = value.toFixed(decimals);
    if (text.includes(".")) text = text.replace(/\.?0+$/, "");
  } else {
    text = value.toExponential(digits - 1).replace("e+", "e");
  }
  return text.replaceAll("-", "\u2212");
}

/**
 * Call `listener` after the model's traits have changed; returns the function that ends this. It is called with
 * the next frame: a change of one slider is a message to each of several pictures, which the page then draws
 * and lays out together.
 */
function listen(model, traits, listener) {
  const names = traits.map((trait) => `change:${trait}`);
  let ended = false;
  const draw = () => {
    if (!ended) listener();
  };
  const changed = () => withNextFrame(draw);
  for (const name of names) model.on(name, changed);
  return () => {
    ended = true;
    names.forEach((name) => model.off(name, changed));
  };
}

/** Give controls the names and states that their own widgets keep from screen readers. */
function nameControls(root) {
  for (const slider of root.querySelectorAll(".widget-slider")) {
    const label = slider.querySelector(".widget-label");
    slider.querySelector("[role=slider]")?.setAttribute("aria-label", label?.textContent || "");
  }
  for (const box of root.querySelectorAll(".widget-text")) {
    const label = box.querySelector(".widget-label");
    if (label && !label.textContent) box.querySelector("input")?.setAttribute("aria-label", label.title);
  }
  for (const button of root.querySelectorAll(".widget-play button")) {
    const sign = button.querySelector("i")?.className.match(/fa-(play|pause|stop)/)?.[1];
    if (sign) button.setAttribute("aria-label", sign[0].toUpperCase() + sign.slice(1));
  }
  for (const button of root.querySelectorAll(".widget-toggle-button")) {
    button.setAttribute("aria-pressed", String(button.classList.contains("mod-active")));
  }
}

/** Widgets keep every key of a number box to themselves; Ctrl+S in one of them saves the notebook all the same. */
function saveFromBoxes(event) {
  const save = (event.ctrlKey || event.metaKey) && !event.altKey && event.key.toLowerCase() === "s";
  if (!save || !event.isTrusted || !event.target.matches("input, select")) return;
  event.preventDefault(); // the browser would save the page
  event.stopPropagation();
  const { key, code, keyCode, ctrlKey, metaKey, shiftKey } = event;
  const again = new KeyboardEvent("keydown", { key, code, keyCode, ctrlKey, metaKey, shiftKey, bubbles: true });
  event.currentTarget.dispatchEvent(again);
}

/**
 * Look after the explorer around `node` once: name its controls, and keep plain keys inside, because
 * "d d" on a slider would otherwise delete the notebook's cell. Keys with Ctrl, Alt or Command and
 * Shift+Enter still reach the notebook.
 */
function attend(node) {
  const root = node.closest(".cnnkit-explorer") || node;
  nameControls(root);
  if (root.dataset.attended) return;
  root.dataset.attended = "true";
  root.addEventListener("keydown", (event) => {
    const forNotebook = event.ctrlKey || event.metaKey || event.altKey || (event.shiftKey && event.key === "Enter");
    if (!forNotebook) event.stopPropagation();
  });
  root.addEventListener("keydown", saveFromBoxes, true);
  root.addEventListener("focusin", () => nameControls(root));
  root.addEventListener("click", () => setTimeout(() => nameControls(root), 100));
}
