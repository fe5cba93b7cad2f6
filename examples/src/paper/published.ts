import type { Summary } from "locoop/node";

/** Where the published figures are read from. */
export const source =
  "README of github.com/MarcLafon/gallop, table of ImageNet out-of-distribution results, ViT-B/16, 16 shots; one decimal";

type Figures = readonly [fpr95: number, auroc: number];

interface PublishedRow {
  readonly method: string;
  readonly score: string;
  /** Undefined for zero-shot CLIP. */
  readonly shots?: number;
  readonly accuracy: number;
  /** FPR95 / AUROC in % on iNaturalist, SUN, Places, Texture, and on average. */
  readonly figures: readonly Figures[];
}

const columns = ["iNaturalist", "SUN", "Places", "Texture", "average"] as const;

// prettier-ignore
const published: readonly PublishedRow[] = [
  { method: "zero-shot", score: "mcm", accuracy: 66.7, figures: [[30.9, 94.6], [37.7, 92.6], [44.8, 89.8], [57.9, 86.1], [42.8, 90.8]] },
  { method: "zero-shot", score: "gl-mcm", accuracy: 66.7, figures: [[15.2, 96.7], [30.4, 93.1], [38.9, 89.9], [57.9, 83.6], [35.5, 90.8]] },
  { method: "CoOp", score: "mcm", shots: 16, accuracy: 71.7, figures: [[28.0, 94.4], [37.0, 92.3], [43.0, 89.7], [39.3, 91.2], [36.8, 91.9]] },
  { method: "CoOp", score: "gl-mcm", shots: 16, accuracy: 71.7, figures: [[14.6, 96.6], [28.5, 92.7], [36.5, 90.0], [43.1, 88.0], [30.7, 91.8]] },
  { method: "LoCoOp", score: "mcm", shots: 16, accuracy: 71.5, figures: [[23.1, 95.5], [32.7, 93.4], [39.9, 90.6], [40.2, 91.3], [34.0, 92.7]] },
  { method: "LoCoOp", score: "gl-mcm", shots: 16, accuracy: 71.5, figures: [[16.1, 96.9], [23.4, 95.1], [32.9, 92.0], [42.3, 90.2], [28.7, 93.5]] },
];

const percent = (fraction: number | undefined): string => (fraction === undefined ? "-" : (fraction * 100).toFixed(1));

/** Our means over the seeds beside the published ones, as a Markdown table: FPR95 / AUROC in %, and accuracy. */
export function compareWithPublished({ methods }: Summary): string {
  const lines = [
    `| method | score | figures | ${columns.join(" | ")} | accuracy |`,
    `| --- | --- | --- |${" --- |".repeat(columns.length + 1)}`,
  ];
  for (const { method, shots, accuracy, scores } of methods) {
    for (const { score, sets, average } of scores) {
      const name = `| ${method}${shots === undefined ? "" : ` ${shots}-shot`} | ${score} |`;
      const ours = columns.map((column) => {
        const row = column === "average" ? average : sets.find(({ set }) => set === column);
        return `${percent(row?.fpr95.mean)} / ${percent(row?.auroc.mean)}`;
      });
      lines.push(`${name} here | ${ours.join(" | ")} | ${percent(accuracy?.mean)} |`);
      const row = published.find((known) => known.method === method && known.score === score && known.shots === shots);
      if (!row) continue;
      const theirs = row.figures.map((pair) => pair.map((value) => value.toFixed(1)).join(" / "));
      lines.push(`${name} published | ${theirs.join(" | ")} | ${row.accuracy.toFixed(1)} |`);
    }
  }
  return lines.join("\n");
}
