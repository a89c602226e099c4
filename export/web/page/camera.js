// The camera: opened when it is asked for, and closed again.

import {Unreadable} from "./decode.js";

/**
 * Connects a video and its buttons.
 * @param parts {panel, video, open, close}: elements.
 * @param failed called with a sentence where there is no camera to be had.
 */
export function connect({panel, video, open, close}, failed) {
  open.addEventListener("click", async () => {
    try {
      video.srcObject = await stream();
    } catch (error) {
      failed(error instanceof Unreadable ? error.message : sentence(error));
      return;
    }
    panel.hidden = false;
    open.hidden = true;
    await video.play();
    panel.querySelector("button").focus();
  });
  close.addEventListener("click", () => {
    video.srcObject?.getTracks().forEach((track) => track.stop());
    video.srcObject = null;
    panel.hidden = true;
    open.hidden = false;
    open.focus();
  });
}

async function stream() {
  if (!navigator.mediaDevices?.getUserMedia) {
    throw new Unreadable("Browsers give the camera to pages of https, and of this very machine, only. On a phone, Choose pictures offers the camera as well.");
  }
  return navigator.mediaDevices.getUserMedia({video: {facingMode: "environment"}});
}

function sentence(error) {
  if (error.name === "NotAllowedError") return "The camera was not allowed. Allow it for this page in the browser's settings.";
  if (error.name === "NotFoundError") return "There is no camera on this device.";
  return `The camera did not start (${error.message || error.name}).`;
}
