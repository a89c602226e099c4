// What the page shows of a picture: what the student sees of it, and its answers as bars.

export function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

/** A canvas of what the network sees: numbers in [-1, 1], how.height x how.width. */
export function sight(values, how, words) {
  const canvas = element("canvas", {width: how.width, height: how.height, className: "sight"});
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", words);
  canvas.classList.toggle("small", how.width <= 64);
  const image = new ImageData(how.width, how.height);
  const channels = values.length / (how.width * how.height);
  for (let pixel = 0; pixel < how.width * how.height; pixel++) {
    for (let c = 0; c < 3; c++) {
      const value = values[pixel * channels + Math.min(c, channels - 1)];
      image.data[4 * pixel + c] = (value + 1) * 127.5;
    }
    image.data[4 * pixel + 3] = 255;
  }
  canvas.getContext("2d").putImageData(image, 0, 0);
  return canvas;
}

/**
 * @param name of the picture.
 * @param picture an element that shows it.
 * @param answers list of {name, milliseconds, top: [{label, share}]}, one a file of the student.
 * @param truth label, where it is known.
 */
export function card(name, picture, answers, truth = null) {
  const differ = new Set(answers.map(({top}) => top[0].label)).size > 1;
  const title = element("h3", {textContent: name});
  if (differ) title.append(" ", element("span", {className: "tag bad", textContent: "they differ"}));
  const head = element("div", {}, title);
  if (truth !== null) head.append(element("p", {className: "note", textContent: `It is: ${truth}`}));
  const columns = element("div", {className: "columns"}, ...answers.map(column));
  return element("li", {className: "card"}, picture, element("div", {className: "body"}, head, columns));
}

function column({name, milliseconds, top}) {
  const head = element("p", {className: "file"}, element("b", {textContent: name}), " ",
    element("span", {className: "note", textContent: time(milliseconds)}));
  return element("div", {}, head, element("ol", {className: "bars"}, ...top.map(bar)));
}

function bar({label, share}) {
  const line = element("span", {className: "bar"});
  line.style.width = `${100 * share}%`;
  const track = element("span", {className: "track"}, line);
  track.setAttribute("aria-hidden", "true");
  return element("li", {}, element("span", {className: "label", textContent: label}), " ",
    element("span", {className: "share", textContent: percent(share)}), track);
}

export function failed(name, sentence) {
  return element("li", {className: "card failed"}, element("div", {className: "body"},
    element("h3", {textContent: name}), element("p", {textContent: sentence})));
}

export function percent(share) {
  return `${(100 * share).toFixed(1)} %`;
}

function time(milliseconds) {
  const digits = milliseconds >= 100 ? 0 : milliseconds >= 1 ? 1 : 2;
  return `${milliseconds.toFixed(digits)} ms`;
}

/**
 * A test picture as a button.
 * @param pick called when it is pressed.
 */
export function sample({file, label, answers}, labels, names, small, pick) {
  const truth = label === null ? "" : labels[label];
  const says = answers.map((answer, nth) => `${names[nth]}: ${labels[answer]}`);
  const image = element("img", {src: file, alt: "", loading: "lazy", className: small ? "sight small" : "sight"});
  const caption = [element("span", {className: "label", textContent: truth})];
  if (new Set(answers).size > 1) {
    caption.push(...says.map((words) => element("span", {className: "note bad", textContent: words})));
  } else if (label !== null && answers[0] !== label) {
    caption.push(element("span", {className: "note bad", textContent: `both: ${labels[answers[0]]}`}));
  }
  const button = element("button", {type: "button", onclick: pick}, image, ...caption);
  button.setAttribute("aria-label", `Test picture${truth ? ` of ${truth}` : ""}. ${says.join(", ")}.`);
  return element("li", {}, button);
}
