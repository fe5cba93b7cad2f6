import { cost, partsOf, type Pickled } from "./pickled.js";
import type { Budget } from "./limits.js";

/**
 * Walks a value without recursion and throws where it nests too deep, or where it would have too many parts if shared ones
 * were written out each time; code that walks it afterwards is safe from both.
 */
export function measurePickled(
  root: Pickled,
  { depth, parts, budget, refuse }: { depth: number; parts: number; budget: Budget; refuse: (why: string) => Error },
): void {
  const done = new Map<Pickled, number>(); // parts below each container; 0 while it is being walked
  const path: { value: Pickled; rest: Iterator<Pickled>; count: number }[] = [];
  let held = 0;
  let found = 0;
  const enter = (value: Pickled): void => {
    const inside = partsOf(value);
    const top = path.at(-1);
    if (inside === undefined) {
      if (top) top.count++;
      return;
    }
    const known = done.get(value);
    if (known !== undefined) {
      if (top) top.count += Math.max(1, known);
      return;
    }
    budget.hold(cost.visit, "the values of the pickle");
    held += cost.visit;
    done.set(value, 0);
    path.push({ value, rest: inside[Symbol.iterator](), count: 1 });
    if (path.length > depth) throw refuse(`nests more than ${depth} deep`);
  };
  enter(root);
  for (;;) {
    const top = path.at(-1);
    if (top === undefined) break;
    const next = top.rest.next();
    if (next.done !== true) {
      enter(next.value);
      continue;
    }
    path.pop();
    done.set(top.value, top.count);
    found = top.count;
    if (found > parts) throw refuse(`unfolds to more than ${parts} parts out of few, by sharing them again and again`);
    const parent = path.at(-1);
    if (parent) parent.count += top.count;
  }
  budget.release(held);
}
