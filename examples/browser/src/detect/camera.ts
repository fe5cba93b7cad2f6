import { h } from "../dom.js";

/** A button that opens the camera, and then takes pictures until it is closed. */
export function cameraControl({
  onPicture,
  onProblem,
}: {
  onPicture: (file: File) => void;
  onProblem: (sentence: string) => void;
}): HTMLDivElement {
  const open = h("button", { type: "button", className: "quiet", onclick: () => void start() }, "Use the camera");
  const control = h("div", { className: "row" }, open);
  const place = h("div", { className: "row" }, control);
  let taken = 0;

  async function start(): Promise<void> {
    let stream: MediaStream;
    try {
      stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
    } catch (error) {
      onProblem(
        (error as Error).name === "NotAllowedError"
          ? "The camera was not allowed: allow it in the browser's settings of this page, or drop a file."
          : "No camera answers: connect one, or drop a file.",
      );
      return;
    }
    const video = h("video", { autoplay: true, muted: true, playsInline: true, "aria-label": "What the camera sees" });
    video.srcObject = stream;
    const stop = (): void => {
      for (const track of stream.getTracks()) track.stop();
      control.replaceChildren(open);
      open.focus();
    };
    const take = async (): Promise<void> => {
      const canvas = h("canvas", { width: video.videoWidth, height: video.videoHeight });
      canvas.getContext("2d")!.drawImage(video, 0, 0);
      const blob = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, "image/png"));
      if (blob) onPicture(new File([blob], `camera ${++taken}.png`, { type: "image/png" }));
      else onProblem("The camera gave no picture yet: wait until you see it, then try again.");
    };
    const shoot = h("button", { type: "button", onclick: () => void take() }, "Take a picture");
    control.replaceChildren(
      h("div", { className: "card" }, video),
      shoot,
      h("button", { type: "button", className: "quiet", onclick: stop }, "Close the camera"),
    );
    shoot.focus();
  }
  return place;
}
