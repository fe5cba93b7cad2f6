import type { FileDetection } from "../node/detection.js";
import { escapeControls } from "../node/errors.js";
import { displayWidth, padToWidth } from "../report/columns.js";
import { paint, type Painted, percent } from "./output.js";

const NONE = "none of these";
const WIDEST = 60; // longer paths and names stand out of their column

/** How verdicts are laid out: the columns of paths and class names are as wide as what is known to come. */
export interface VerdictLayout {
  readonly score: string;
  readonly threshold: number;
  readonly pathWidth: number;
  readonly classWidth: number;
  /** Of the terminal; undefined elsewhere. */
  readonly columns?: number;
}

/** The layout for pictures by classes. */
export function layOutVerdicts(
  paths: readonly string[],
  classNames: readonly string[],
  rest: Pick<VerdictLayout, "score" | "threshold" | "columns">,
): VerdictLayout {
  const widest = (texts: readonly string[]): number =>
    texts.reduce((most, text) => {
      const width = displayWidth(escapeControls(text));
      return width > most && width <= WIDEST ? width : most;
    }, 0);
  return { ...rest, pathWidth: widest(paths), classWidth: widest([NONE, ...classNames]) };
}

/** One picture's verdict as a line; two where the terminal is too narrow for it. */
export function verdictLine(found: FileDetection, layout: VerdictLayout): (string | Painted)[][] {
  const path = escapeControls(found.path);
  const rest = describeVerdict(found, layout);
  const width = rest.reduce((sum, piece) => sum + displayWidth(typeof piece === "string" ? piece : piece.text), 0);
  if (Math.max(displayWidth(path), layout.pathWidth) + 2 + width > (layout.columns ?? Infinity))
    return [[path], ["  ", ...rest]];
  return [[`${padToWidth(path, layout.pathWidth)}  `, ...rest]];
}

function describeVerdict(found: FileDetection, { score, threshold, classWidth }: VerdictLayout): (string | Painted)[] {
  if (found.error !== undefined) return [paint("red", "unreadable"), `: ${escapeControls(found.error)}`];
  const { isId, className = "", confidence = 0, score: value = 0 } = found;
  const name = escapeControls(className);
  const limit = threshold.toPrecision(6);
  const number = value.toPrecision(6).padStart(limit.length);
  const sure = `${percent(confidence)} %`;
  const verdict = isId ? name : NONE;
  return [
    paint(isId ? "green" : "yellow", verdict),
    `${" ".repeat(Math.max(0, classWidth - displayWidth(verdict)))}  ${(isId ? sure : "").padStart(7)}  ${score} ${number} ${isId ? ">=" : "< "} ${limit}`,
    ...(isId ? [] : [paint("dim", `  closest: ${name}, ${sure}`)]),
  ];
}
