import type { Floats } from "../../floats.js";
import { sizeOf } from "../../ops.js";
import type { Bytes, EngineSession, Program, Recorded } from "../engine.js";
import { valueOf } from "./dims.js";
import { encodeModel } from "./encode.js";
import { createPool } from "./pool.js";
import type { Value } from "./graph.js";
import type { OnnxRuntime, OnnxSession, OnnxTensor } from "./runtime.js";
import { inputName, traceProgram, traceRecording, type TracedProgram, type TracedRecording } from "./trace.js";

interface Compiled extends TracedProgram {
  readonly session: OnnxSession;
}

interface CompiledRecording extends Omit<TracedRecording, "forward" | "backward"> {
  readonly forward: Compiled;
  readonly backward: Compiled;
}

type Feeds = Record<string, OnnxTensor>;
type Sizes = ReadonlyMap<string, number>;

/** A session of one model: each program is traced and compiled at its first use. */
export function openSession(runtime: OnnxRuntime, options: object): EngineSession {
  const plain = new Map<Program, Promise<Compiled>>();
  /** For each program by how many of its inputs have a gradient. */
  const recordings = new Map<Program, Map<number, Promise<CompiledRecording>>>();
  const sessions = new Set<Promise<OnnxSession>>();
  const pool = createPool();
  let open = true;

  const compile = async (traced: TracedProgram): Promise<Compiled> => {
    const { model, weights } = encodeModel(traced.graph);
    const created = runtime.InferenceSession.create(model, { ...options, externalData: weights });
    sessions.add(created);
    return { ...traced, session: await created };
  };
  const once = <K, V>(cache: Map<K, Promise<V>>, key: K, make: () => Promise<V>): Promise<V> => {
    if (!open) throw new Error("expected an open engine session, this one is disposed");
    const known = cache.get(key) ?? make();
    cache.set(key, known);
    return known;
  };
  const compileRecording = async (program: Program, differentiate: number): Promise<CompiledRecording> => {
    const traced = traceRecording(program, { differentiate });
    return { ...traced, forward: await compile(traced.forward), backward: await compile(traced.backward) };
  };
  const feed = (inputs: readonly (Floats | Bytes)[]): Feeds =>
    Object.fromEntries(
      inputs.map(({ data, shape }, i) => [
        inputName(i),
        new runtime.Tensor(data instanceof Uint8Array ? "uint8" : "float32", unshare(data), shape),
      ]),
    );
  /** An array for the runtime to write to, where it can. */
  const place = (value: Value, sizes: Sizes, take: (length: number) => Float32Array): OnnxTensor | null => {
    if (!writesInPlace(runtime)) return null;
    const shape = value.shape.map((dim) => valueOf(dim, sizes));
    return new runtime.Tensor("float32", take(sizeOf(shape)), shape);
  };
  /** Runs a graph: into new arrays for its outputs, into the pool's for what is kept. */
  const execute = async (
    { session, outputs, graph }: Compiled,
    feeds: Feeds,
    { sizes, kept = [] }: { sizes: Sizes; kept?: readonly Value[] },
  ): Promise<{ outputs: Floats[]; kept: Feeds }> => {
    const given = graph.inputs
      .filter(({ type }) => type === "int64")
      .map(({ name }) => [name, new runtime.Tensor("int64", BigInt64Array.of(BigInt(sizes.get(name)!)), [1])]);
    const fetches = Object.fromEntries([
      ...outputs.map((value) => [value.name, place(value, sizes, (length) => new Float32Array(length))] as const),
      ...kept.map((value) => [value.name, place(value, sizes, pool.take)] as const),
    ]);
    const results = await session.run({ ...feeds, ...Object.fromEntries(given) }, fetches);
    return {
      outputs: outputs.map(({ name }) => toFloats(results[name]!)),
      kept: Object.fromEntries(kept.map(({ name }) => [name, results[name]!])),
    };
  };

  return {
    async run(program, inputs) {
      const sizes = readSizes(program, inputs);
      const compiled = await once(plain, program, () => compile(traceProgram(program)));
      return (await execute(compiled, feed(inputs), { sizes })).outputs;
    },
    async record(program, inputs, { differentiate }): Promise<Recorded> {
      const sizes = readSizes(program, inputs);
      const known = recordings.get(program) ?? new Map<number, Promise<CompiledRecording>>();
      recordings.set(program, known);
      const { forward, backward, gradients, kept, fedAgain } = await once(known, differentiate, () =>
        compileRecording(program, differentiate),
      );
      const feeds = feed(inputs);
      const held = await execute(forward, feeds, { sizes, kept });
      let state: "open" | "used" | "disposed" = "open";
      const dispose = (): void => {
        if (state !== "disposed" && writesInPlace(runtime)) {
          pool.giveBack(Object.values(held.kept).map(({ data }) => data as Float32Array));
        }
        state = "disposed";
      };
      return {
        outputs: held.outputs,
        async pullback(seeds) {
          if (state !== "open") throw new Error(`pullback: expected an open recording used once, this one is ${state}`);
          state = "used";
          try {
            const again = Object.fromEntries(fedAgain.map(({ name }) => [name, feeds[name]!]));
            const given = seeds.map(({ data, shape }, i) => [
              gradients[i]!.name,
              new runtime.Tensor("float32", data, shape),
            ]);
            return (await execute(backward, { ...held.kept, ...again, ...Object.fromEntries(given) }, { sizes }))
              .outputs;
          } finally {
            dispose();
          }
        },
        dispose,
      };
    },
    dispose() {
      open = false;
      for (const created of sessions) {
        // A session that was not made was reported where it was asked for; one that does not go has nobody to tell.
        created.then((session) => session.release()).catch(() => {});
      }
      sessions.clear();
      pool.clear();
    },
  };
}

const toFloats = ({ data, dims }: OnnxTensor): Floats => ({ data: data as Float32Array, shape: [...dims] });

/** The runtime takes no shared memory, in which workers hand arrays over. */
const unshare = <A extends Float32Array | Uint8Array>(data: A): A =>
  typeof SharedArrayBuffer !== "undefined" && data.buffer instanceof SharedArrayBuffer ? (data.slice() as A) : data;

/** The native runtime writes to the arrays it is given; the others give their own. */
const writesInPlace = (runtime: OnnxRuntime): boolean => runtime.listSupportedBackends !== undefined;

/** What the program's symbols stand for in these inputs. */
function readSizes({ name, inputs: specs }: Program, inputs: readonly (Floats | Bytes)[]): Sizes {
  const sizes = new Map<string, number>();
  specs.forEach(({ shape }, i) => {
    const came = inputs[i]?.shape;
    const fits =
      came?.length === shape.length &&
      shape.every((dim, axis) => {
        const size = came[axis]!;
        if (typeof dim === "number") return size === dim;
        const known = sizes.get(dim.symbol) ?? size;
        sizes.set(dim.symbol, known);
        return size === known;
      });
    if (!fits) {
      const wanted = shape.map((dim) => (typeof dim === "number" ? dim : dim.symbol));
      throw new Error(`${name}: expected input ${i} of shape [${wanted}], came [${came}]`);
    }
  });
  return sizes;
}
