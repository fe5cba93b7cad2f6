import { html } from "./escape.js";
import type { Markup } from "./escape.js";
import { scoreLabel } from "./table.js";
import { thumbnail } from "./thumbnail.js";
import type { Mistake, Mistakes } from "./types.js";

async function figure({ set, value, prediction, picture }: Mistake, { score, threshold }: Mistakes): Promise<Markup> {
  const side = value >= threshold ? "passes" : "is rejected";
  const truth = set === undefined ? `shows ${picture.label}` : `is of ${set}`;
  const alt = `${picture.title} ${truth}, taken for ${prediction}, ${scoreLabel(score)} ${value.toPrecision(4)}: ${side}`;
  return html`<figure>
    ${await thumbnail(picture, alt)}
    <figcaption>
      <b><bdi>${set ?? picture.label}</bdi></b
      >, taken for <bdi>${prediction}</bdi><br />${value.toPrecision(4)}: ${side}<br /><bdi>${picture.title}</bdi>
    </figcaption>
  </figure> `;
}

/** The hardest pictures on both sides of the threshold. */
export async function mistakeFigures(mistakes: Mistakes): Promise<Markup> {
  const { name, score, threshold, rejected, accepted } = mistakes;
  const all = [...rejected, ...accepted];
  const side = async (title: string, list: readonly Mistake[]): Promise<Markup> =>
    list.length === 0
      ? html``
      : html`<h3>${title}</h3>
          <div class="pictures small">${await Promise.all(list.map((mistake) => figure(mistake, mistakes)))}</div>`;
  return html`<p>
      By ${scoreLabel(score)} of ${name}; a picture passes at ${threshold.toPrecision(4)} or more, which 95 % of the
      in-distribution pictures
      reach.${
        all.some(({ picture }) => picture.mask)
          ? " Painted orange are the regions in which the class that it shows, or is taken for, is not among the K most similar classes."
          : ""
      }
    </p>
    ${await side("In-distribution pictures with the lowest scores", rejected)}${await side(
      "Out-of-distribution pictures with the highest scores",
      accepted,
    )}`;
}
