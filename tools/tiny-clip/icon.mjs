// One icon of an @iconify-json package, drawn, trimmed and brought to SIZE x SIZE RGBA (straight alpha).
import sharp from "sharp";

sharp.concurrency(1);

/** Side of a sprite in pixels. */
export const SIZE = 72;

/** Names compare by their letters and digits alone. */
export const norm = (text) => text.toLowerCase().replace(/[^a-z0-9]/g, "");

/** The icon as a picture of its own, half as large again as the sprite, so that trimming leaves enough pixels. */
export function iconSvg(icon, set) {
  const width = icon.width ?? set.width ?? 16;
  const height = icon.height ?? set.height ?? 16;
  const box = `${icon.left ?? 0} ${icon.top ?? 0} ${width} ${height}`;
  const side = SIZE * 1.5;
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" ` +
    `width="${side}" height="${side}" viewBox="${box}">${icon.body}</svg>`
  );
}

/** Draws an icon; its transparent border is trimmed so that every design fills its frame alike. Null if it is (nearly) empty. */
export async function drawIcon(svg, { smallest }) {
  const { data, info } = await sharp(Buffer.from(svg)).ensureAlpha().raw().toBuffer({ resolveWithObject: true });
  const { width, height } = info;
  let left = width;
  let right = -1;
  let top = height;
  let bottom = -1;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if (data[(y * width + x) * 4 + 3] <= 8) continue;
      left = Math.min(left, x);
      right = Math.max(right, x);
      top = Math.min(top, y);
      bottom = Math.max(bottom, y);
    }
  }
  if (right - left < smallest || bottom - top < smallest) return null;
  const background = { r: 0, g: 0, b: 0, alpha: 0 };
  return sharp(data, { raw: { width, height, channels: 4 } })
    .extract({ left, top, width: right - left + 1, height: bottom - top + 1 })
    .resize(SIZE, SIZE, { fit: "contain", background })
    .raw()
    .toBuffer();
}

/** Draws all jobs, a few at a time, and keeps their order: [{ ...job without svg, pixels }], failures reported and left out. */
export async function drawAll(jobs, { smallest, workers = 3 }) {
  const drawn = Array.from({ length: jobs.length });
  let next = 0;
  const work = async () => {
    while (next < jobs.length) {
      const index = next++;
      const { svg, ...job } = jobs[index];
      try {
        const pixels = await drawIcon(svg, { smallest });
        if (pixels) drawn[index] = { ...job, pixels };
      } catch (error) {
        console.warn(`left out: ${JSON.stringify(job)}: ${String(error).slice(0, 80)}`);
      }
      if (index % 1000 === 999) console.log(`${index + 1} of ${jobs.length} icons`);
    }
  };
  await Promise.all(Array.from({ length: workers }, work));
  return drawn.filter((sprite) => sprite !== undefined);
}
