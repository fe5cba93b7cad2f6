import { join, resolve } from "node:path";
import envPaths from "env-paths";

type Env = Readonly<Record<string, string | undefined>>;

/** Where downloaded models are kept: `--cache`, else LOCOOP_CACHE, else where this system keeps caches. */
export function cacheFolder({ cache, env = process.env }: { cache?: string; env?: Env } = {}): string {
  return resolve(cache || env.LOCOOP_CACHE || envPaths("locoop", { suffix: "" }).cache);
}

/** Where OpenAI's files are in it. */
export const openAiFolder = (cache: string): string => join(cache, "openai");

/** Whether no server may be asked: `--offline`, LOCOOP_OFFLINE, or HF_HUB_OFFLINE as Hugging Face's own tools read it. */
export function isOffline({ offline = false, env = process.env }: { offline?: boolean; env?: Env } = {}): boolean {
  return offline || [env.LOCOOP_OFFLINE, env.HF_HUB_OFFLINE].some((text) => /^(1|on|yes|true)$/i.test(text ?? ""));
}
