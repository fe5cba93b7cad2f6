import { template } from "@locoop/prompt-learning";
import { describeLearner } from "@locoop/prompt-learning/testing";
import { toyContext } from "@locoop/prompt-learning/toy";
import * as tf from "@tensorflow/tfjs";
import { expect, it } from "vitest";
import { shiftedTemplate } from "./own-learner.js";

describeLearner(shiftedTemplate);

it("starts as the template", async () => {
  const context = toyContext({ classNames: ["hen", "great_white_shark"] });
  const [own, words] = [shiftedTemplate.create(context), template.create(context)];
  expect(await tf.tidy(() => own.prompts().own).data()).toEqual(await tf.tidy(() => words.prompts().own).data());
  own.dispose();
  words.dispose();
});
