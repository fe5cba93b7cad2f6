import type { LearnerDefinition } from "../learner.js";
import { coop } from "./coop.js";
import { template } from "./template.js";

/**
 * Every learner by name: what the command line offers and the conformance suite tests.
 *
 * @example
 * ```ts
 * import { learners } from "@locoop/prompt-learning";
 *
 * for (const { name, cite, defaults } of Object.values(learners)) console.log(name, cite, defaults);
 * ```
 */
export const learners: Readonly<Record<string, LearnerDefinition>> = { coop, template };
