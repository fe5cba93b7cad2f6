import { expect, test } from "vitest";
import { interleave } from "./interleave.js";

test("sides run in turn, the order turns round by round, warm-ups do not count", async () => {
  const log: string[] = [];
  const side = (name: string) => async () => log.push(name);
  const between = async (): Promise<void> => void log.push("-");
  const times = await interleave([side("a"), side("b")], { rounds: 2, warmups: 1, between });
  expect(log.join("")).toBe("ba-ab-ba");
  expect(times).toEqual([
    [4, 8],
    [5, 7],
  ]);
});
