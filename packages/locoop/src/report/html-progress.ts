import { html } from "./escape.js";
import type { Markup } from "./escape.js";
import { thumbnail } from "./thumbnail.js";
import type { RegionProgress } from "./types.js";

async function row({ picture, stages }: RegionProgress): Promise<Markup> {
  const figures = stages.map(async ({ epoch, mask }) => {
    const count = mask.reduce((sum, value) => sum + (value === 0 ? 0 : 1), 0);
    const when = epoch === 0 ? "before training" : `after ${epoch} ${epoch === 1 ? "epoch" : "epochs"}`;
    const alt = `${picture.title}, label ${picture.label}, ${when}: ${count} of ${mask.length} regions are ID-irrelevant`;
    return html`<figure>
      ${await thumbnail({ ...picture, mask }, alt)}
      <figcaption>${when}<br />${count} of ${mask.length}</figcaption>
    </figure> `;
  });
  return html`<h3><bdi>${picture.label}</bdi> <span class="soft">(<bdi>${picture.title}</bdi>)</span></h3>
    <div class="pictures tiny">${await Promise.all(figures)}</div> `;
}

/** Pictures down, epochs across: which regions the learned prompt takes for ID-irrelevant. */
export async function progressFigures({
  name,
  pictures,
}: {
  name: string;
  pictures: readonly RegionProgress[];
}): Promise<Markup> {
  return html`<p>
      How the ID-irrelevant regions of a few pictures changed as ${name} learned its prompt; these pictures were not
      trained on.
    </p>
    ${await Promise.all(pictures.map(row))}`;
}
