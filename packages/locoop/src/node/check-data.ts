import { availableParallelism } from "node:os";
import { checkFolder, type CheckOptions, type FolderReport } from "@locoop/datasets";
import { unreadableReason } from "./data.js";
import { createDecoder } from "./decoder.js";

/**
 * What `checkData` is asked for: those of `checkFolder`, with `decode: true` to decode every picture in full, as a training does, on so many
 * `threads` (all cores unless given).
 *
 * @example
 * ```ts
 * import type { CheckDataOptions } from "locoop/node";
 *
 * const options: CheckDataOptions = { benchmarks: ["imagenet", "ood"], decode: true };
 * console.log(options.decode);
 * ```
 */
export interface CheckDataOptions extends Omit<CheckOptions, "decode"> {
  readonly decode?: boolean;
  readonly threads?: number;
}

/**
 * `checkFolder` of `@locoop/datasets` with the decoder of trainings and evaluations: with `decode`, every picture that they would stop at or skip is
 * an error of the report, with the reason. Throws `DatasetError` when there is no such folder.
 *
 * @example
 * ```ts
 * import { mkdir, mkdtemp } from "node:fs/promises";
 * import { tmpdir } from "node:os";
 * import { join } from "node:path";
 * import { checkData } from "locoop/node";
 *
 * const root = await mkdtemp(join(tmpdir(), "pets-"));
 * await mkdir(join(root, "cat"));
 * console.log((await checkData(root)).met); // → false
 * ```
 */
export async function checkData(
  path: string,
  { decode = false, threads = availableParallelism(), ...options }: CheckDataOptions = {},
): Promise<FolderReport> {
  if (!decode) return checkFolder(path, options);
  const decoder = createDecoder({ threads });
  try {
    return await checkFolder(path, {
      ...options,
      // What is wrong with a picture shows at any size; one pixel is the least to scale.
      decode: async (paths) => {
        const { errors } = await decoder.decode(
          paths.map((picture) => ({ path: picture })),
          1,
        );
        const reasons = new Map(errors.map(({ index, error }) => [index, unreadableReason(error)]));
        return paths.map((_, index) => reasons.get(index));
      },
    });
  } finally {
    await decoder.dispose();
  }
}
