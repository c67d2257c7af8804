// Notes in the page when a key goes down and when the picture that answers it has been painted.
// No round trip lies between the two: `latency.py` tells what to expect before the key, and asks after it.
// "Painted" is the first task after the animation frame that followed the drawing.

window.latency = (() => {
  const QUIET = 700; // ms without any drawing, after which nothing more is to come
  let [pressed, want, log, resolve, current] = [0, null, [], null, null];
  let drawings = 0; // noticed and not painted yet

  const plainRequest = window.requestAnimationFrame.bind(window);
  let inFrame = false; // between a frame's first callback and the first task after it, the painting

  /** Call `action` in a task of its own, the next one. */
  function nextTask(action) {
    const channel = new MessageChannel();
    channel.port1.onmessage = action;
    channel.port2.postMessage(null);
  }

  window.requestAnimationFrame = (callback) =>
    plainRequest((time) => {
      if (!inFrame) nextTask(() => (inFrame = false));
      inFrame = true;
      callback(time);
    });

  /** Call `tell` with the time when what was just drawn is on the screen: a frame's own drawing is in that frame. */
  function afterPaint(tell) {
    const told = () => nextTask(() => tell(performance.now()));
    if (inFrame) told();
    else plainRequest(told);
  }

  /** Width, height and a sum over all pixels: `latency.py` does the same with the array that is due. */
  function checksum(canvas) {
    const { width, height } = canvas;
    const words = new Uint32Array(canvas.getContext("2d").getImageData(0, 0, width, height).data.buffer);
    let sum = 0;
    for (let i = 0; i < words.length; i += 1) sum = (sum + Math.imul(words[i], 2 * i + 1)) | 0;
    return `${width}x${height}:${sum >>> 0}`;
  }

  /** The red of a picture's corner, in which the function given to `interact` writes its argument. */
  function corner(image) {
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = 1;
    const context = canvas.getContext("2d");
    context.drawImage(image, 1, 1, 1, 1, 0, 0, 1, 1);
    return String(context.getImageData(0, 0, 1, 1).data[0]);
  }

  const KINDS = {
    canvas: (figure, drawn) => {
      new MutationObserver(drawn).observe(figure, { attributeFilter: ["data-painted"] });
      return () => checksum(figure.querySelector(".cnnkit-pixels"));
    },
    chart: (figure, drawn) => {
      const plot = figure.querySelector("svg[role]");
      new MutationObserver(drawn).observe(plot, { attributeFilter: ["aria-label"] });
      return () => plot.getAttribute("aria-label").replace(/\. Left and right keys.*$/, "");
    },
    output: (area, drawn) => {
      const newest = () => [...area.querySelectorAll("img")].at(-1);
      new MutationObserver(() => newest()?.decode().then(drawn, () => {})).observe(area, { childList: true, subtree: true });
      return () => (newest() ? corner(newest()) : "");
    },
  };

  const watched = {};

  /** Watch the picture `element` under a name; kind: "canvas", "chart" or "output". */
  function watch(element, [name, kind]) {
    const read = KINDS[kind](element, () => {
      if (current !== name) return;
      drawings += 1;
      afterPaint((time) => {
        drawings -= 1;
        if (current !== name) return;
        const token = read(); // after the time was taken
        log.push({ time, token });
        if (token === want && resolve) resolve({ pressed, painted: time });
      });
    });
    watched[name] = read;
  }

  /** From now on count the drawings of `name`, and wait for the one with this token. */
  function expect([name, token]) {
    [current, want, log, pressed, resolve] = [name, token, [], 0, null];
  }

  /** {pressed, painted} as soon as the expected picture is painted; {shown} when it is not in time. */
  function answer(milliseconds) {
    const found = log.find(({ token, time }) => token === want && pressed && time > pressed);
    if (found) return { pressed, painted: found.time };
    return new Promise((done) => {
      resolve = done;
      setTimeout(() => done({ shown: watched[current]() }), milliseconds);
    });
  }

  /** All drawings since `expect`, once no more come after the right one, or not in time: {pressed (the last key), log, shown}. */
  function settled(milliseconds) {
    const end = performance.now() + milliseconds;
    return new Promise((done) => {
      const look = (seen) =>
        setTimeout(() => {
          const shown = watched[current]();
          const still = log.length !== seen || drawings;
          if (performance.now() < end && (still || shown !== want)) look(log.length);
          else done({ pressed, log, shown });
        }, QUIET);
      look(-1);
    });
  }

  const note = (event) => {
    pressed = event.timeStamp;
  };
  window.addEventListener("keydown", note, true);
  return { watch, expect, answer, settled, shown: (name) => watched[name]() };
})();
