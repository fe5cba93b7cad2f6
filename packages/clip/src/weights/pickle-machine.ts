import type { Budget, PickleLimits } from "./limits.js";
import { findRule, type RuleContext } from "./pickle-globals.js";
import { cost, isKind, typeOf, type GlobalRef, type OpenObject, type Pickled } from "./pickled.js";
import { printable } from "./printable.js";

/** What runs the opcodes of one pickle. */
interface MachineOptions {
  readonly dialect: "torch" | "split";
  /** Of the pickle, in bytes. */
  readonly size: number;
  readonly limits: PickleLimits;
  readonly budget: Budget;
  readonly refuse: (why: string) => Error;
  readonly damaged: (why: string) => Error;
}

const emptyTuple: readonly Pickled[] = Object.freeze([]);

/** The stack, memo and globals of a pickle, and what opcodes do with them; checks every step and runs nothing. */
export function createPickleMachine({ dialect, size, limits, budget, refuse, damaged }: MachineOptions): PickleMachine {
  const charge = (bytes: number): void => budget.hold(bytes, "the values of the pickle");
  const stack: Pickled[] = [];
  const marks: number[] = [];
  const memo = new Map<number, Pickled>();
  const globals = new Map<string, GlobalRef>();
  let opened = 0; // containers opened one right after the other
  let tensors = 0;
  const context: RuleContext = {
    charge,
    refuse,
    countTensor(bytes) {
      if (++tensors > limits.tensors) throw refuse(`has more than ${limits.tensors} tensors`);
      if (!(bytes <= budget.limit)) {
        throw refuse(`has a tensor of ${bytes} bytes, ${budget.limit} are allowed for a file of this size`);
      }
    },
  };

  const push = (value: Pickled): void => {
    if (stack.length >= limits.stack) throw refuse(`keeps more than ${limits.stack} values waiting`);
    stack.push(value);
  };
  const floor = (): number => marks.at(-1) ?? 0;
  const pop = (): Pickled => {
    if (stack.length <= floor()) throw damaged("it takes a value that is not there");
    return stack.pop() as Pickled;
  };
  const top = (): Pickled => {
    if (stack.length <= floor()) throw damaged("it uses a value that is not there");
    return stack.at(-1) as Pickled;
  };
  const popToMark = (): Pickled[] => {
    const mark = marks.pop();
    if (mark === undefined) throw damaged("it closes what it did not open");
    return stack.splice(mark);
  };
  const tuple = (items: Pickled[]): void => {
    charge(cost.tuple + 8 * items.length);
    push(Object.freeze(items));
  };
  const put = (slot: number): void => {
    if (slot >= size || (!memo.has(slot) && memo.size >= limits.memo)) {
      throw refuse(`uses memo slot ${slot}, more than a pickle of ${size} bytes can fill`);
    }
    if (!memo.has(slot)) charge(cost.memoSlot);
    memo.set(slot, top());
  };
  const get = (slot: number): void => {
    const value = memo.get(slot);
    if (value === undefined) throw damaged(`it takes memo slot ${slot}, which is empty`);
    push(value);
  };
  const pushGlobal = (module: string, qualname: string): void => {
    const global = `${module === "__builtin__" ? "builtins" : module}.${qualname}`;
    let ref = globals.get(global);
    if (ref === undefined) {
      if (!findRule(dialect, global)) throw refuse(`asks for ${printable(global)}`);
      charge(cost.object + cost.mapEntry + 2 * global.length);
      ref = Object.freeze({ kind: "global", global });
      globals.set(global, ref);
    }
    push(ref);
  };
  const call = (make: "call" | "create"): void => {
    const args = pop();
    const callee = pop();
    if (!Array.isArray(args) || !Object.isFrozen(args)) throw refuse(`calls ${typeOf(callee)} with ${typeOf(args)}`);
    const ref = isKind(callee, "global") ? callee : undefined;
    const rule = ref && findRule(dialect, ref.global);
    if (!ref || !rule?.call || (make === "create" && rule.isClass !== true)) {
      throw refuse(`${make === "call" ? "calls" : "makes an object of"} ${typeOf(callee)}`);
    }
    push(rule.call(args as readonly Pickled[], context, ref));
  };
  const build = (): void => {
    const state = pop();
    const target = top();
    if (isKind(target, "object")) (target as OpenObject).state = state;
    // An ordered dict's attributes (PyTorch's `_metadata`) are dropped.
    else if (!(target instanceof Map)) throw refuse(`sets the state of ${typeOf(target)}`);
  };
  const append = (items: readonly Pickled[]): void => {
    const list = top();
    if (!Array.isArray(list) || Object.isFrozen(list)) throw refuse(`appends to ${typeOf(list)}`);
    for (const item of items) {
      charge(list.length === 0 ? cost.firstItem : cost.item);
      (list as Pickled[]).push(item);
    }
  };
  const setItems = (items: readonly Pickled[]): void => {
    const map = top();
    if (!(map instanceof Map)) throw refuse(`sets an item of ${typeOf(map)}`);
    if (items.length % 2 !== 0) throw damaged("a key without a value");
    charge(cost.mapEntry * (items.length / 2));
    for (let i = 0; i < items.length; i += 2) {
      (map as Map<Pickled, Pickled>).set(items[i] as Pickled, items[i + 1] as Pickled);
    }
  };
  const open = (container: Pickled, bytes: number): void => {
    if (++opened > limits.depth) throw refuse(`nests more than ${limits.depth} deep`);
    charge(bytes);
    push(container);
  };

  return {
    context,
    push,
    pop,
    put,
    get,
    append,
    setItems,
    build,
    open,
    get memoSize() {
      return memo.size;
    },
    settle() {
      opened = 0;
    },
    mark() {
      if (marks.length >= limits.depth) throw refuse(`nests more than ${limits.depth} deep`);
      marks.push(stack.length);
    },
    popToMark,
    tuple,
    emptyTuple() {
      push(emptyTuple);
    },
    global: pushGlobal,
    call,
  };
}

/** What opcodes do; each takes its values from the stack and leaves its result there. */
interface PickleMachine {
  readonly context: RuleContext;
  readonly memoSize: number;
  push(value: Pickled): void;
  pop(): Pickled;
  mark(): void;
  /** The values since the last mark. */
  popToMark(): Pickled[];
  put(slot: number): void;
  get(slot: number): void;
  /** An empty container of so many bytes. */
  open(container: Pickled, bytes: number): void;
  /** Says that the last container opened is no longer the last thing done. */
  settle(): void;
  emptyTuple(): void;
  tuple(items: Pickled[]): void;
  append(items: readonly Pickled[]): void;
  setItems(items: readonly Pickled[]): void;
  /** A class or function by name, if it is on the list. */
  global(module: string, qualname: string): void;
  /** REDUCE, or NEWOBJ for classes only. */
  call(make: "call" | "create"): void;
  build(): void;
}
