import { record } from "../../tape.js";
import type { Program } from "../engine.js";
import { createGraph, type Graph, type GraphBuilder, type Value } from "./graph.js";
import { createTracingOps } from "./ops.js";

/** A program written down. */
export interface TracedProgram {
  readonly graph: Graph;
  /** Names of the program's outputs among those of the graph, in order. */
  readonly outputs: readonly Value[];
}

/** A program with its way back: what `forward` gives beyond its outputs is kept and fed to `backward`. */
export interface TracedRecording {
  readonly forward: TracedProgram;
  readonly backward: TracedProgram;
  /** The inputs of `backward` that are gradients of the outputs, in order. */
  readonly gradients: readonly Value[];
  /** What `forward` hands to `backward` under the same name. */
  readonly kept: readonly Value[];
  /** Inputs of the program that `backward` is fed again under the same name. */
  readonly fedAgain: readonly Value[];
}

/** Runs a program on symbolic values, which writes it down as a graph. */
export function traceProgram(
  program: Program,
  names: { inputs?: readonly string[]; outputs?: readonly string[] } = {},
) {
  const graph = createGraph({ prefix: "v" });
  const inputs = traceInputs(graph, program, names.inputs);
  const outputs = nameOutputs(graph, program.run(createTracingOps(graph), inputs), names.outputs);
  return { graph: graph.finish(program.name, outputs), outputs } satisfies TracedProgram;
}

/** Traces a program on a tape, then the tape's way back as a second graph. */
export function traceRecording(program: Program, { differentiate }: { differentiate: number }): TracedRecording {
  const front = createGraph({ prefix: "v" });
  const ops = createTracingOps(front);
  const recording = record(ops, program.run, { differentiate });
  const result = recording.forward(traceInputs(front, program));
  const outputs = nameOutputs(front, result.outputs);

  const back = createGraph({ prefix: "b" });
  const backOps = createTracingOps(back);
  const gradients = outputs.map(({ shape }, i) => back.input(`gradient${i}`, "float32", shape));
  const kept = new Map<string, Value>();
  const fedAgain = new Map<string, Value>();
  const crossed = new Map<string, Value>();
  /** The value in the second graph that stands for one of the first: frozen arrays are named again, reshapes made again, the rest is handed over. */
  const cross = (value: Value): Value => {
    const known = crossed.get(value.name);
    if (known !== undefined) return known;
    const { weight, reshapeOf, input } = front.originOf(value);
    const handOver = (): Value => {
      (input === undefined ? kept : fedAgain).set(value.name, value);
      return back.input(value.name, value.type, value.shape);
    };
    const made =
      weight !== undefined
        ? back.weight(weight)
        : reshapeOf !== undefined
          ? backOps.reshape(cross(reshapeOf), value.shape)
          : handOver();
    crossed.set(value.name, made);
    return made;
  };
  const saved = result.saved.map(cross);
  const pulled = nameOutputs(back, recording.backward(gradients, saved, backOps));
  return {
    forward: { graph: front.finish(program.name, [...outputs, ...kept.values()]), outputs },
    backward: { graph: back.finish(`${program.name}-backward`, pulled), outputs: pulled },
    gradients,
    kept: [...kept.values()],
    fedAgain: [...fedAgain.values()],
  };
}

/** The program's inputs; bytes are seen as floats. */
function traceInputs(graph: GraphBuilder, { inputs }: Program, names?: readonly string[]): Value[] {
  return inputs.map(({ type, shape }, i) => {
    const value = graph.input(names?.[i] ?? inputName(i), type, shape);
    return type === "float32" ? value : graph.node("Cast", [value], { shape, attributes: { to: 1 } });
  });
}

/** The name of a program's input in its graph. */
export const inputName = (index: number): string => `input${index}`;

/** Outputs under names of their own: one that is an input, a frozen array or named already is copied. */
function nameOutputs(graph: GraphBuilder, values: readonly Value[], names?: readonly string[]): Value[] {
  return values.map((value, i) => graph.node("Identity", [value], { shape: value.shape, name: names?.[i] }));
}
