import { describe, expect, it } from "vitest";
import { escapeCsv, escapeHtml, escapeMarkdown, html } from "./escape.js";
import { toReportCsv, toReportJson, toReportMarkdown } from "./formats.js";
import { hostile, sampleReport } from "./sample.test.data.js";

const data = sampleReport();
const first = data.methods[0]!;
const named = (name: string) => ({
  ...data,
  methods: [
    {
      ...first,
      method: name,
      scores: Object.fromEntries(
        Object.entries(first.scores).map(([score, result]) => [
          score,
          {
            ...result,
            evaluation: { ...result.evaluation, rows: result.evaluation.rows.map((row) => ({ ...row, set: name })) },
          },
        ]),
      ),
    },
  ],
});

describe("escaping", () => {
  it("leaves no markup in HTML, and only html's own goes in as it is", () => {
    expect(escapeHtml(`<a b="c" d='e'>&\u0000`)).toBe("&lt;a b=&quot;c&quot; d=&#39;e&#39;&gt;&amp;\ufffd");
    expect(html`<p>${hostile}${html`<b>${1}</b>`}${[html`<i>a</i>`, html`<i>b</i>`]}</p>`.markup).toBe(
      "<p>&lt;script&gt;alert(1)&lt;/script&gt;<b>1</b><i>a</i><i>b</i></p>",
    );
  });

  it("leaves no Markdown in Markdown", () => {
    expect(escapeMarkdown("polar | bear")).toBe("polar \\| bear");
    expect(escapeMarkdown("*a* [b](http://c) `d`")).toBe("\\*a\\* \\[b\\](http:&#47;&#47;c) \\`d\\`");
    expect(escapeMarkdown("a\n\n# b")).toBe("a \\# b");
    expect(escapeMarkdown("- a")).toBe("\\- a");
    expect(escapeMarkdown("1. a")).toBe("1\\. a");
    expect(escapeMarkdown(hostile)).toBe("&lt;script&gt;alert(1)&lt;/script&gt;");
  });

  it("quotes CSV and disarms formulas", () => {
    expect(escapeCsv("plain")).toBe("plain");
    expect(escapeCsv('a,"b"\n')).toBe('"a,""b""\n"');
    expect(escapeCsv("=1+1")).toBe("'=1+1");
    expect(escapeCsv(hostile)).toBe(hostile);
  });
});

describe("report.csv", () => {
  it("has a line per run, score and set with the numbers at full precision", () => {
    const lines = toReportCsv(data).trimEnd().split("\n");
    expect(lines).toHaveLength(1 + 7 * 2 * 5);
    const row = first.scores["mcm"]!.evaluation.rows[0]!;
    expect(lines[1]).toBe(
      `zero-shot,,,${first.accuracy},mcm,plants and food,120,60,${row.fpr95},${row.auroc},${row.aupr}`,
    );
    expect(lines[5]!.split(",").slice(4, 8)).toEqual(["mcm", "average", "", ""]);
  });

  it("keeps its columns whatever the names", () => {
    for (const line of toReportCsv(named(`${hostile},"x"`))
      .trimEnd()
      .split("\n")
      .slice(1)) {
      expect(line.startsWith(`"${hostile},""x""",`)).toBe(true);
    }
    expect(toReportCsv(named(hostile)).split("\n")[1]!.split(",")).toHaveLength(11);
  });
});

describe("report.md", () => {
  it("keeps its columns and shows no markup", () => {
    const text = toReportMarkdown({ ...named(`a|b ${hostile}`), title: hostile });
    expect(text.toLowerCase()).not.toContain("<script");
    const rows = text.split("\n").filter((line) => line.startsWith("|"));
    const cells = (line: string) => line.split(/(?<!\\)\|/).length;
    expect(new Set(rows.map(cells)).size).toBe(1);
    expect(text).toContain("polar \\| bear");
  });

  it("has the paired differences and a fence that no command closes", () => {
    const text = toReportMarkdown({ ...data, commands: ["echo '```'"] });
    expect(text).toContain("mean ± standard error, n = 3");
    expect(text).toContain("````sh\necho '```'\n````");
  });
});

describe("report.json", () => {
  const report = JSON.parse(toReportJson(data));

  it("has every number but the scores of single pictures", () => {
    expect(report.runs).toHaveLength(7);
    expect(report.runs[0].scores[0].rows).toEqual(first.scores["mcm"]!.evaluation.rows);
    expect(report.summary.paired[0].method).toBe("LoCoOp \u2212 CoOp");
    expect(report.regions[0].mask).toMatch(/^[01]{64}$/);
    const text = toReportJson(data);
    const shown = [...first.scores["mcm"]!.id].filter((value) => text.includes(String(value)));
    expect(shown).toHaveLength(2); // the smallest and the largest are quantiles
  });

  it("describes distributions by count, mean and quantiles", () => {
    const { id } = report.runs[0].scores[0].distributions;
    const values = [...first.scores["mcm"]!.id].sort((a, b) => a - b);
    expect(id.count).toBe(120);
    expect(id.mean).toBeCloseTo(values.reduce((a, b) => a + b) / 120, 12);
    expect(id.quantiles[0]).toEqual([0, values[0]]);
    expect(id.quantiles[3][1]).toBeCloseTo((values[59]! + values[60]!) / 2, 12);
    expect(id.quantiles[6]).toEqual([1, values[119]]);
  });
});
