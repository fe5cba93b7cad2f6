/** What Detect is told, as it is kept. */
export interface DetectSettings {
  readonly classText: string;
  /** Empty: the model's own. */
  readonly template: string;
  readonly prompt: "template" | "trained";
  readonly score: "mcm" | "glmcm";
  /** Typed by hand, as text; empty: calibrated. */
  readonly threshold: string;
  readonly show: "heat" | "regions" | "none";
}

export const detectDefaults: DetectSettings = {
  classText: "cat\ndog\nhorse\nfox",
  template: "",
  prompt: "template",
  score: "glmcm",
  threshold: "",
  show: "heat",
};
