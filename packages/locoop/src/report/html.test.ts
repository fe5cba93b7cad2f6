import { parseHTML } from "linkedom";
import { beforeAll, describe, expect, it } from "vitest";
import { renderReport } from "./html.js";
import { hostile, sampleReport } from "./sample.test.data.js";

describe("renderReport", () => {
  let text = "";
  let document: Document;
  const all = (selector: string) => [...document.querySelectorAll(selector)];
  beforeAll(async () => {
    const data = sampleReport();
    const [first] = data.methods;
    const { ood, evaluation } = first!.scores["mcm"]!;
    const renamed = {
      ...first!.scores["mcm"]!,
      ood: { [hostile]: Object.values(ood)[0]! },
      evaluation: { ...evaluation, rows: [{ ...evaluation.rows[0]!, set: hostile }] },
    };
    text = await renderReport({
      ...data,
      title: hostile,
      notes: [hostile, ...data.notes],
      commands: [...data.commands, `echo "${hostile}"`],
      settings: { ...data.settings, [hostile]: hostile },
      environment: { ...data.environment, [hostile]: hostile },
      methods: [...data.methods, { method: hostile, scores: { [hostile]: renamed } }],
    });
    ({ document } = parseHTML(text));
  });

  it("escapes a class, file, method, score, set and setting named as a script", () => {
    expect(text.toLowerCase()).not.toContain("<script");
    expect(all("script, iframe, object, link")).toEqual([]);
    expect(
      all("*")
        .flatMap((element) => element.getAttributeNames())
        .filter((name) => name.startsWith("on")),
    ).toEqual([]);
    expect(all("details li").map((item) => item.textContent)).toContain(hostile);
    expect(all("figcaption b").map((item) => item.textContent)).toContain(hostile);
    expect(all("tbody th.group").map((item) => item.textContent?.trim())).toContain(hostile);
    expect(all(".pictures img").map((item) => item.getAttribute("alt"))).toContain(
      `${hostile}/"1".png, label ${hostile}: 40 of 64 regions are ID-irrelevant`,
    );
    expect(text).toContain("&lt;script&gt;alert(1)&lt;/script&gt;");
  });

  it("asks nothing of the network and forbids it", () => {
    expect(document.querySelector("meta[http-equiv]")?.getAttribute("content")).toContain("default-src 'none'");
    expect(all("[src]").every((element) => element.getAttribute("src")?.startsWith("data:image/"))).toBe(true);
    expect(all("[href]").every((element) => element.getAttribute("href")?.startsWith("#"))).toBe(true);
    expect(text).not.toMatch(/url\(|@import|https?:/);
  });

  it("has landmarks, one first heading, captions, scopes and named drawings", () => {
    expect(["header", "main", "footer", "nav"].map((name) => all(name).length)).toEqual([1, 1, 1, 1]);
    expect(all("h1")).toHaveLength(1);
    expect(all("table").every((table) => table.querySelector("caption")?.textContent?.trim())).toBe(true);
    expect(all("th").every((cell) => cell.hasAttribute("scope"))).toBe(true);
    expect(all("svg.chart").length).toBeGreaterThan(20);
    expect(
      all("svg.chart").every(
        (svg) => svg.getAttribute("role") === "img" && svg.firstElementChild?.tagName.toLowerCase() === "title",
      ),
    ).toBe(true);
    const ids = all("[id]").map((element) => element.id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const link of all("nav a")) expect(ids).toContain(link.getAttribute("href")?.slice(1));
  });

  it("shows means, deviations and paired differences as they are", () => {
    const tables = all("[aria-labelledby=results] .scroll table");
    expect(tables.length).toBe(2); // a difference shown by toHaveLength would print the page
    const cells = [...tables[0]!.querySelectorAll("tbody")[1]!.querySelectorAll("td")].map((cell) => cell.textContent);
    expect(cells[0]).toMatch(/^\d\d\.\d \u00b1 \d\.\d$/);
    expect(tables[1]!.querySelector("caption")?.textContent).toContain("n = 3");
    expect(tables[1]!.textContent).toMatch(/[+\u2212]\d+\.\d \u00b1 \d+\.\d/);
  });

  it("draws the same bytes for the same data", async () => {
    expect(await renderReport(sampleReport())).toBe(await renderReport(sampleReport()));
  });

  it("keeps the row of a method judged by accuracy alone", async () => {
    const page = await renderReport({ ...sampleReport(), methods: [{ method: "CoOp", accuracy: 0.5, scores: {} }] });
    const cells = [...parseHTML(page).document.querySelectorAll("[aria-labelledby=results] .scroll td")].map(
      (cell) => cell.textContent,
    );
    expect(cells).toEqual(["\u2013", "\u2013", "50.0"]);
    expect(page).not.toContain("Score distributions");
  });

  it("renders a report of nothing, and of a single run without a picture", async () => {
    const empty = {
      title: "t",
      settings: {},
      environment: {},
      classNames: [],
      notes: [],
      methods: [],
      regions: [],
      commands: [],
    };
    expect(await renderReport(empty)).toContain("No method was evaluated.");
    const one = await renderReport({ ...empty, methods: sampleReport().methods.slice(0, 1) });
    expect(one).not.toContain("Paired differences");
    expect(one).not.toContain("\u00b1");
  });
});
