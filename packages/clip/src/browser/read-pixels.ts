// A band of rows at a time: the whole picture at once would be four bytes a pixel more.
const bandPixels = 1 << 20;

/** The colours of a bitmap without alpha, through a canvas. */
export function readOpaque(bitmap: ImageBitmap): Uint8Array {
  const { width } = bitmap;
  const canvas = new OffscreenCanvas(width, bandRows(bitmap));
  const context = canvas.getContext("2d", { willReadFrequently: true, colorSpace: "srgb" });
  if (context === null) throw new Error("this browser gives no 2d canvas");
  context.globalCompositeOperation = "copy";
  return collect(bitmap, (top, rows) => {
    context.drawImage(bitmap, 0, top, width, rows, 0, 0, width, rows);
    return context.getImageData(0, 0, width, rows).data;
  });
}

/** The colours of a bitmap whatever its alpha, through a texture: a canvas multiplies them. Without WebGL they are a canvas's. */
export function readUnderAlpha(bitmap: ImageBitmap): Uint8Array {
  const { width, height } = bitmap;
  const gl = new OffscreenCanvas(1, 1).getContext("webgl");
  if (gl === null || Math.max(width, height) > (gl.getParameter(gl.MAX_TEXTURE_SIZE) as number))
    return readOpaque(bitmap);
  try {
    gl.bindTexture(gl.TEXTURE_2D, gl.createTexture());
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, gl.RGBA, gl.UNSIGNED_BYTE, bitmap);
    gl.bindFramebuffer(gl.FRAMEBUFFER, gl.createFramebuffer());
    gl.framebufferTexture2D(
      gl.FRAMEBUFFER,
      gl.COLOR_ATTACHMENT0,
      gl.TEXTURE_2D,
      gl.getParameter(gl.TEXTURE_BINDING_2D),
      0,
    );
    if (gl.checkFramebufferStatus(gl.FRAMEBUFFER) !== gl.FRAMEBUFFER_COMPLETE) return readOpaque(bitmap);
    const rgba = new Uint8Array(width * bandRows(bitmap) * 4);
    return collect(bitmap, (top, rows) => {
      gl.readPixels(0, top, width, rows, gl.RGBA, gl.UNSIGNED_BYTE, rgba);
      if (gl.getError() !== gl.NO_ERROR) throw new Error("WebGL does not give the pixels back");
      return rgba.subarray(0, width * rows * 4);
    });
  } finally {
    gl.getExtension("WEBGL_lose_context")?.loseContext();
  }
}

const bandRows = ({ width, height }: ImageBitmap) => Math.min(height, Math.max(1, Math.floor(bandPixels / width)));

function collect(bitmap: ImageBitmap, read: (top: number, rows: number) => ArrayLike<number>): Uint8Array {
  const data = new Uint8Array(bitmap.width * bitmap.height * 3);
  const band = bandRows(bitmap);
  let to = 0;
  for (let top = 0; top < bitmap.height; top += band) {
    const rgba = read(top, Math.min(band, bitmap.height - top));
    for (let from = 0; from < rgba.length; from += 4) {
      data[to++] = rgba[from] as number;
      data[to++] = rgba[from + 1] as number;
      data[to++] = rgba[from + 2] as number;
    }
  }
  return data;
}
