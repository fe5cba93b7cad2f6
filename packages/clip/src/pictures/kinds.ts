// Only the formats whose files begin like this reach a decoder: not SVG, PDF or what else a libvips may have been built with.
const signatures = [
  ["JPEG", /^\xff\xd8\xff/],
  ["PNG", /^\x89PNG\r\n\x1a\n/],
  ["GIF", /^GIF8[79]a/],
  ["WebP", /^RIFF....WEBP/s],
  ["TIFF", /^(II[*+]\0|MM\0[*+])/],
  ["AVIF", /^....ftyp(avif|avis)/s],
] as const;

export type PictureKind = (typeof signatures)[number][0];

/** Pillow refuses pictures of more pixels than this as decompression bombs. */
export const pillowLimit = 178_956_970;

/** What a file is by its first bytes, 12 of which decide. Throws for what is no picture. */
export function pictureKind(bytes: Uint8Array): PictureKind {
  if (bytes.length === 0) throw new Error("the file is empty");
  const start = String.fromCharCode(...bytes.subarray(0, 12));
  const kind = signatures.find(([, signature]) => signature.test(start))?.[0];
  if (kind === undefined) throw new Error(`not a picture; expected ${signatures.map(([name]) => name).join(", ")}`);
  return kind;
}

/** Throws unless a limit is one: sharp would take 0 for "no limit". */
export function checkLimit(maxPixels: number): void {
  if (!Number.isSafeInteger(maxPixels) || maxPixels < 1) {
    throw new RangeError(`maxPixels is ${maxPixels}; expected a whole number above 0`);
  }
}

/** Throws before anything of that size is allocated. */
export function checkPixels(width: number, height: number, maxPixels: number): void {
  if (width * height > maxPixels) throw new Error(tooManyPixels(maxPixels));
}

/** The reason of a refusal, from what a decoder said. */
export function explainRefusal(error: unknown, maxPixels: number): string {
  const message = oneLine(error);
  if (message === tooManyPixels(maxPixels)) return message;
  if (/pixel limit|dimensions? (exceed|limit)|too large/i.test(message)) return tooManyPixels(maxPixels);
  if (/channel limit/i.test(message)) return `the picture has more than ${maxChannels} channels (${message})`;
  return `the file is damaged or cut short (${message})`;
}

/** The most channels a picture may have: CMYK and alpha. */
export const maxChannels = 5;

/** An error in one line of bounded length; libraries repeat themselves. */
export function oneLine(error: unknown): string {
  const lines = (error instanceof Error ? error.message : String(error)).split("\n");
  const text = [...new Set(lines.map((line) => line.trim()))].join(" ").replace(/\s+/g, " ").trim();
  return text.length > 300 ? `${text.slice(0, 300)}...` : text;
}

function tooManyPixels(maxPixels: number): string {
  return `the picture has more than ${maxPixels} pixels; raise maxPixels if it is to be trusted`;
}
