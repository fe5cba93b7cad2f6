import { parseHTML } from "linkedom";

/** A document to draw charts in where there is no page. */
export const createDocument = (): Document =>
  parseHTML("<!doctype html><html><body></body></html>").document as unknown as Document;
