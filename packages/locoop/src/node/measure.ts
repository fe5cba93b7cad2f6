import { evaluate } from "@locoop/ood-metrics";
import type { ScoreResult } from "../report/index.js";

/** Scores of the ID pictures against those of OOD sets; the sets `beside` stand with the others, but not in their average. */
export function measure(
  id: Float64Array,
  main: Readonly<Record<string, Float64Array>>,
  beside: Readonly<Record<string, Float64Array>>,
): ScoreResult {
  const evaluation = evaluate(id, main);
  const rows = Object.keys(beside).length > 0 ? [...evaluation.rows, ...evaluate(id, beside).rows] : evaluation.rows;
  return { id, ood: { ...main, ...beside }, evaluation: { ...evaluation, rows } };
}
