// The page: pictures in, answers out, one after the other.

import {card, failed, sample, sight} from "./cards.js";
import * as camera from "./camera.js";
import {decoded, frame, pixelsOf, Unreadable} from "./decode.js";
import {boxOf, prepared} from "./prepare.js";
import {answered, load, shares, top} from "./student.js";

const MOST_CARDS = 100;
const find = (id) => document.getElementById(id);
const tell = (sentence) => { find("status").textContent = sentence; };

let facts = null, student = [], pictures = 0, queue = Promise.resolve();

async function start() {
  connect(); // at once: a browser would leave the page for a picture that is dropped
  tell("Loading the network (about 10 MB the first time) …");
  facts = await (await fetch("page.json")).json();
  find("name").textContent = facts.name;
  document.title = `Try ${facts.name}`;
  const {width, height} = facts.preparation;
  find("about").textContent = `It tells ${facts.labels.length} classes apart, on ${width} × ${height} pixels. `
    + "Pictures stay on this device: the network runs in this browser.";
  student = await load(facts.models);
  find("files").disabled = find("open-camera").disabled = false;
  showSamples();
  tell("Ready.");
  document.documentElement.dataset.ready = "yes";
}

/** What the network sees of a picture, which is closed. */
function values(picture, how = facts.preparation) {
  try {
    return prepared(pixelsOf(picture, boxOf(picture.width, picture.height, how.crop)), how);
  } finally {
    picture.bitmap.close();
  }
}

/** Answers of each file of the student to what the network sees. */
async function answers(image) {
  const found = [];
  for (const file of student) found.push({name: file.name, ...await answered(file, image)});
  return found;
}

/** The answers of each file of the student to a picture's file. */
export async function answersTo(blob) {
  return answers(values(await decoded(blob, facts.preparation.exif)));
}

async function show(name, image, truth = null) {
  const words = `What the student sees of ${name}`;
  const found = (await answers(image)).map(({name, answer, milliseconds}) => {
    const share = shares(answer, facts.preparation.output);
    return {name, milliseconds, top: top(answer).map((index) => ({label: facts.labels[index], share: share[index]}))};
  });
  add(card(name, sight(image, facts.preparation, words), found, truth));
  const says = found.map(({name, top}) => `${name}: ${top[0].label}, ${Math.round(100 * top[0].share)} %`);
  tell(`${name}. ${says.join("; ")}.`);
}

function add(made) {
  find("answers").hidden = false;
  find("results").prepend(made);
  while (find("results").children.length > MOST_CARDS) find("results").lastChild.remove();
}

/** Pictures one after the other, whatever came before; `made` gives what the network sees. */
function ask(name, made, truth = null) {
  queue = queue.then(async () => {
    try {
      await show(name, await made(), truth);
    } catch (error) {
      const sentence = error instanceof Unreadable ? error.message : `The picture could not be answered (${error.message ?? error}).`;
      add(failed(name, sentence));
      tell(`${name}: ${sentence}`);
    }
  });
}

function askAll(files) {
  for (const file of files) {
    const name = file.name || `Picture ${++pictures}`;
    ask(name, async () => values(await decoded(file, facts.preparation.exif)));
  }
}

function connect() {
  const drop = find("drop");
  find("files").addEventListener("change", ({target}) => {
    askAll(target.files);
    target.value = ""; // so that the same file can be chosen again
  });
  for (const type of ["dragenter", "dragover", "dragleave", "drop"]) {
    document.addEventListener(type, (event) => {
      event.preventDefault();
      drop.classList.toggle("over", type === "dragenter" || type === "dragover");
    });
  }
  document.addEventListener("drop", ({dataTransfer}) => taken(dataTransfer, "dropped"));
  document.addEventListener("paste", ({clipboardData}) => taken(clipboardData, "pasted"));
  camera.connect({panel: find("camera"), video: find("video"), open: find("open-camera"), close: find("close-camera")}, tell);
  find("take").addEventListener("click", () => {
    ask(`Camera ${++pictures}`, async () => values(await frame(find("video"))));
  });
}

function taken({files}, how) {
  if (!student.length) return; // the page says why
  if (files.length) askAll(files);
  else tell(`What was ${how} holds no picture.`);
}

function showSamples() {
  const {examples, differing, pictures} = facts.samples;
  if (!pictures.length) return;
  const names = facts.models.map(({name}) => name);
  const both = names.join(" and ");
  find("samples-note").textContent = differing
    ? `${both} differ on ${differing} of ${examples} test pictures. ${differing > pictures.length ? "Some of these" : "These come first"}; choose one to run it here.`
    : `${both} answer alike on all ${examples} test pictures. Here are some; choose one to run it.`;
  const small = facts.preparation.width <= 64;
  find("pictures").append(...pictures.map((one, nth) => sample(one, facts.labels, names, small, () => {
    const truth = one.label === null ? null : facts.labels[one.label];
    ask(`Test picture ${nth + 1}`, () => stored(one.file), truth);
    find("answers").hidden = false;
    find("answers").scrollIntoView({behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth"});
  })));
  find("samples").hidden = false;
}

/** A test picture: it is cut, resized and in the network's modality already. */
async function stored(file) {
  const picture = await decoded(await (await fetch(file)).blob(), "ignore");
  return values(picture, {...facts.preparation, crop: {box: "whole_image"}, view: []});
}

start().catch((error) => tell(`The network could not be loaded. ${error.message ?? error}`));
