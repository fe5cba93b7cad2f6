/**
 * Puts class names in the place of `{}` in a template, underscores as blanks: the texts of zero-shot CLIP.
 * Throws when the template has no `{}`.
 *
 * @example
 * ```ts
 * import { fillTemplate } from "@locoop/clip";
 *
 * console.log(fillTemplate("a photo of a {}.", ["tree_frog"])); // → a photo of a tree frog.
 * ```
 */
export function fillTemplate(template: string, classNames: readonly string[]): string[] {
  if (!template.includes("{}")) throw new Error(`the template "${template}" has no {} for the class name`);
  return classNames.map((name) => template.replaceAll("{}", () => name.replaceAll("_", " ")));
}
