/** A picture that cannot be used: `path` says which (or `"bytes"`), `reason` why, in one line; the message has both. */
export class ImageError extends Error {
  readonly path: string;
  readonly reason: string;

  constructor(path: string, reason: string, options?: ErrorOptions) {
    super(`${path}: ${reason}`, options);
    this.name = "ImageError";
    this.path = path;
    this.reason = reason;
  }
}
