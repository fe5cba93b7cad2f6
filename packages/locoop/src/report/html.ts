import type { RgbImage } from "@locoop/clip";
import { html } from "./escape.js";
import type { Markup } from "./escape.js";
import { averagesFigures, distributionFigures } from "./html-charts.js";
import { classTables } from "./html-classes.js";
import { publishedTable } from "./html-published.js";
import { isPaperBenchmark } from "./published.js";
import { mistakeFigures } from "./html-mistakes.js";
import { progressFigures } from "./html-progress.js";
import { rocFigures, thresholdFigures } from "./html-curves.js";
import { htmlPage } from "./html-page.js";
import { factsTable, resultsTable } from "./html-tables.js";
import { trainingFigures } from "./html-training.js";
import { createDocument } from "./node-document.js";
import { drawRegions } from "./overlay.js";
import { perClass } from "./per-class.js";
import { encodePng, fitPicture } from "./png.js";
import { summarise } from "./summarise.js";
import { describeAverage } from "./table.js";
import type { Summary } from "./summarise.js";
import type { RegionPicture, ReportData } from "./types.js";

interface Section {
  readonly id: string;
  readonly title: string;
  readonly body: Markup;
}

async function regionFigure(picture: RegionPicture): Promise<Markup> {
  const image: RgbImage = await fitPicture(picture.image);
  const overlay = drawRegions({ ...picture, image });
  const source = `data:image/png;base64,${(await encodePng(overlay)).toString("base64")}`;
  const count = picture.mask.reduce((sum, value) => sum + (value === 0 ? 0 : 1), 0);
  const alt = `${picture.title}, label ${picture.label}: ${count} of ${picture.mask.length} regions are ID-irrelevant`;
  return html`<figure>
    <img src="${source}" alt="${alt}" width="${overlay.width}" height="${overlay.height}" />
    <figcaption>
      <b><bdi>${picture.label}</bdi></b
      >: ${count} of ${picture.mask.length} regions<br /><bdi>${picture.title}</bdi>
    </figcaption>
  </figure> `;
}

const meanings = html`<h3>What these numbers mean</h3>
  <p>
    <b>FPR95.</b> The threshold is set so that 95 % of the in-distribution pictures pass; FPR95 is the share of
    out-of-distribution pictures that pass too. Lower is better, and 95 % is what guessing would give.
  </p>
  <p>
    <b>AUROC.</b> The chance that an in-distribution picture drawn at random scores higher than an out-of-distribution
    picture drawn at random. Higher is better; 50 % is guessing, and no threshold is involved.
  </p> `;

function resultsSection(summary: Summary, { published, document }: { published: boolean; document: Document }): Markup {
  const { methods, sets, paired } = summary;
  if (methods.length === 0) return html`<p>No method was evaluated.</p>`;
  const several = methods.some((method) => method.seeds.length > 1);
  const caption = `In percent: FPR95 (lower is better), AUROC and accuracy (higher is better)${
    several ? "; mean \u00b1 sample standard deviation over the seeds" : ""
  }. ${describeAverage(summary)}`.trim();
  const pairs = paired.some((pair) => pair.scores.length > 0)
    ? html`<h3>Paired differences</h3>
        <p>
          Each seed draws the same training pictures for both methods, so runs are compared seed by seed. Below zero is
          better for FPR95, above zero for AUROC and accuracy; a difference smaller than about twice its standard error
          is within the noise of so few seeds.
        </p>
        ${resultsTable(paired, sets, {
          name: "Paired differences table",
          caption: `In percentage points: mean \u00b1 standard error over the paired seeds (n = ${[...new Set(paired.map((pair) => pair.seeds.length))].join(", ")}).`,
          deviation: "standardError",
          sign: true,
        })}`
    : html``;
  return html`${resultsTable(methods, sets, { name: "Results table", caption })}${methods.some((method) => method.scores.length > 0) ? averagesFigures(summary, document) : html``}${
    several ? html`<p class="soft">Filled dots are means, rings are single seeds.</p>` : html``
  }${pairs}${published ? publishedTable() : html``}${meanings}`;
}

async function sectionsOf(data: ReportData, pictures: readonly Markup[]): Promise<Section[]> {
  const paragraphs = data.notes.map((note) => html`<li>${note}</li> `);
  const document = createDocument();
  const scored = data.methods.some((run) => Object.keys(run.scores).length > 0);
  const training = trainingFigures(data.methods, document);
  const classes = perClass(data.methods, data.classNames.length);
  const names = data.classNames.map((name) => html`<li><bdi>${name}</bdi></li>`);
  const all: (Section | false)[] = [
    {
      id: "results",
      title: "Results",
      body: resultsSection(summarise(data.methods), { published: isPaperBenchmark(data), document }),
    },
    data.notes.length > 0 && {
      id: "limits",
      title: "Limits",
      body: html`<ul>
        ${paragraphs}
      </ul>`,
    },
    scored && {
      id: "distributions",
      title: "Score distributions",
      body: html`<p>
          The further apart the two distributions, the better the detector. Each has area 1; higher scores mean more
          in-distribution. Of a method with several seeds the first is drawn.
        </p>
        ${distributionFigures(data.methods, document)}`,
    },
    scored && {
      id: "curves",
      title: "ROC curves",
      body: html`<p>
          Each point is a threshold: how many in-distribution pictures pass it, and how many others. The area under a
          curve is the AUROC; the straight line is guessing. Of a method with several seeds the first is drawn.
        </p>
        ${rocFigures(data.methods, document)}`,
    },
    scored && {
      id: "thresholds",
      title: "Thresholds",
      body: html`<p>
          The share of pictures that pass as the threshold rises. Dotted: the threshold that keeps 95 % of the
          in-distribution pictures; where it meets the line of an OOD set stands its FPR95.
        </p>
        ${thresholdFigures(data.methods, document)}`,
    },
    classes !== undefined && {
      id: "classes",
      title: "Classes",
      body: classTables(classes, data.classNames),
    },
    data.mistakes !== undefined && {
      id: "mistakes",
      title: "Hardest pictures",
      body: await mistakeFigures(data.mistakes),
    },
    training !== undefined && {
      id: "training",
      title: "Training",
      body: html`<p>Means over the steps of each epoch. Every seed is a line of its method's colour.</p>
        ${training}`,
    },
    data.regions.length > 0 && {
      id: "regions",
      title: "ID-irrelevant regions",
      body: html`<p>
          Painted orange: regions in which the label is not among the K most similar classes. In training, LoCoOp takes
          them for out-of-distribution and learns to be unsure about them. What the model did not see (outside the
          centre crop) is darkened.
        </p>
        <div class="pictures">${pictures}</div>`,
    },
    data.progress !== undefined && {
      id: "progress",
      title: "Regions over the epochs",
      body: await progressFigures(data.progress),
    },
    (Object.keys(data.settings).length > 0 || Object.keys(data.environment).length > 0 || names.length > 0) && {
      id: "run",
      title: "The run",
      body: html`<div class="facts">
          <div>${factsTable("Settings", data.settings)}</div>
          <div>${factsTable("Environment", data.environment)}</div>
        </div>
        ${
          names.length > 0
            ? html`<details>
                <summary>The ${names.length} classes</summary>
                <ol class="names">
                  ${names}
                </ol>
              </details>`
            : html``
        }`,
    },
    data.commands.length > 0 && {
      id: "reproduce",
      title: "Reproduce",
      body: html`<p>These commands repeat the run:</p>
        <pre tabindex="0"><code>${data.commands.join("\n")}</code></pre>`,
    },
  ];
  return all.filter((section) => section !== false);
}

/**
 * The report as one self-contained HTML page: no script, no network, dark and light, narrow screens, print.
 * Every name in it is escaped, and the page's own policy forbids scripts and requests.
 *
 * @throws if a region picture's parts do not fit together (see {@link drawRegions}).
 *
 * @example
 * ```ts
 * import { renderReport } from "locoop/node";
 * const page = await renderReport({
 *   title: "Pets", settings: { shots: "4" }, environment: {}, classNames: ["cat", "dog"], notes: [], methods: [], regions: [], commands: [],
 * });
 * console.log(page.startsWith("<!doctype html>")); // → true
 * ```
 */
export async function renderReport(data: ReportData): Promise<string> {
  const sections = await sectionsOf(data, await Promise.all(data.regions.map(regionFigure)));
  const links = sections.map(({ id, title }) => html`<li><a href="#${id}">${title}</a></li>`);
  const body = sections.map(
    ({ id, title, body }) =>
      html`<section aria-labelledby="${id}">
        <h2 id="${id}">${title}</h2>
        ${body}
      </section> `,
  );
  return htmlPage({
    title: data.title,
    body: html`
      <a class="skip" href="#main">Skip to the results</a>
      <header>
        <h1>${data.title}</h1>
        <nav aria-label="Sections">
          <ul>
            ${links}
          </ul>
        </nav>
      </header>
      <main id="main">${body}</main>
      <footer><p class="soft">The numbers are in report.json, report.csv and report.md beside this page.</p></footer>
    `,
  });
}
