import { heatColor } from "./region-drawing.js";
import { toHex } from "./color-map.js";
import { html, type Markup } from "./escape.js";
import { htmlPage } from "./html-page.js";
import type { RegionMeasures, RegionPanels } from "./region-figure.js";
import { toSvg } from "./region-svg.js";

/** What a page says about one picture. */
export interface RegionPageData {
  readonly title: string;
  /** Verdict, label and settings, a sentence each. */
  readonly lines: readonly string[];
  readonly measures: RegionMeasures;
  readonly panels: RegionPanels;
  /** The picture's shown part as a data: URI. */
  readonly href: string;
  readonly pixelated?: boolean;
}

const style = `
main h1 { margin-top: 1rem; }
.regions { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 22rem), 1fr)); gap: 1rem; align-items: start; }
.regions svg { display: block; width: 100%; height: auto; border-radius: 4px; }
.regions figcaption { margin-bottom: .3rem; }
.scale { margin: 1rem 0; max-width: 24rem; }
.scale div { height: .9rem; border-radius: 2px; print-color-adjust: exact; -webkit-print-color-adjust: exact; }
.scale p { display: flex; justify-content: space-between; margin: .1rem 0; font-size: .8125rem; font-variant-numeric: tabular-nums; color: var(--soft); }
.wide-page { max-width: 120rem; }
th.which { text-align: left; }
td.on { font-weight: 600; }
.sheet { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 13rem), 1fr)); gap: 1.2rem 1rem; align-items: start; padding: 0; list-style: none; }
.sheet svg, .sheet img { display: block; max-width: 100%; height: auto; border-radius: 4px; margin-bottom: .35rem; }
.sheet .id b { color: var(--id); } .sheet .ood b { color: var(--ood); }
`;

/** A page without scripts or requests, in the style of the report. */
export function page({ title, body }: { title: string; body: Markup }): string {
  return htmlPage({ title, style, body: html`<main class="wide-page">${body}</main>` });
}

function scale({ range, colorMap }: RegionPanels): Markup {
  const colors = Array.from({ length: 17 }, (_, i) => toHex(heatColor(colorMap, i / 16))).join(", ");
  const middle = (range[0] + range[1]) / 2;
  return html`<div
    class="scale"
    role="img"
    aria-label="Colours from ${range[0].toFixed(3)}, dark, to ${range[1].toFixed(3)}, light"
  >
    <div style="background: linear-gradient(to right, ${colors})"></div>
    <p><span>${range[0].toFixed(3)}</span><span>${middle.toFixed(3)}</span><span>${range[1].toFixed(3)}</span></p>
  </div>`;
}

/** A page of one picture: panels, scale, and every region's numbers as a table. */
export function renderRegionPage({ title, lines, measures, panels, href, pixelated }: RegionPageData): string {
  const { grid, mask, labelSimilarity, otherSimilarity, otherNames, label } = measures;
  const figures = panels.panels.map(
    ({ name, title: caption, drawing }, i) =>
      html`<figure>
        <figcaption><b>${caption}</b></figcaption>
        ${{ markup: toSvg(drawing, { href, title: `${title}: ${caption}`, id: name, pixelated, shared: i === 0 ? undefined : panels.panels[0]!.name }) }}
      </figure> `,
  );
  const rows = Array.from(
    { length: grid * grid },
    (_, i) =>
      html`<tr>
        <td>${Math.floor(i / grid) + 1}</td>
        <td>${(i % grid) + 1}</td>
        <td>${labelSimilarity[i]!.toFixed(4)}</td>
        <td>${otherSimilarity[i]!.toFixed(4)}</td>
        <th scope="row"><bdi>${otherNames[i] ?? ""}</bdi></th>
        <td class="${mask[i] === 0 ? "off" : "on"}">${mask[i] === 0 ? "no" : "yes"}</td>
      </tr> `,
  );
  return page({
    title,
    body: html`<h1><bdi>${title}</bdi></h1>
      ${lines.map((line) => html`<p class="soft">${line}</p> `)}
      <div class="regions">${figures}</div>
      <h2>Cosine similarity</h2>
      ${scale(panels)}
      <p class="soft">
        Outlined: ID-irrelevant regions. Darkened: what the model did not see, outside the centre crop. Both heat maps
        have this one scale.
      </p>
      <details>
        <summary>The numbers of all ${grid * grid} regions</summary>
        <div class="scroll" tabindex="0" role="region" aria-label="Numbers of all regions">
          <table>
            <thead>
              <tr>
                <th scope="col">row</th>
                <th scope="col">column</th>
                <th scope="col"><bdi>${label}</bdi></th>
                <th scope="col">best other</th>
                <th scope="col" class="which">which</th>
                <th scope="col">ID-irrelevant</th>
              </tr>
            </thead>
            <tbody>
              ${rows}
            </tbody>
          </table>
        </div>
      </details>`,
  });
}
