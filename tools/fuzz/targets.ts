import { archiveTargets } from "./archive-targets.js";
import { modelTargets } from "./model-targets.js";
import { pickleTargets } from "./pickle-targets.js";
import { pictureTargets } from "./picture-targets.js";
import type { Target } from "./target.js";

/** All readers that are fuzzed, with the seeds found among the fixtures of the packages. */
export async function createTargets(packages: string): Promise<Target[]> {
  return [
    ...archiveTargets(packages),
    ...pickleTargets(packages),
    ...(await modelTargets(packages)),
    ...(await pictureTargets(`${packages}/clip/fixtures`)),
  ];
}
