import { createRequire } from "node:module";
import { Argument, Command, CommanderError, Option } from "commander";
import { UsageError } from "../node/errors.js";
import { finishCommands } from "./command-tree.js";
import {
  colorCode,
  cosineRange,
  cropRange,
  formatList,
  list,
  namedFolder,
  number,
  numberFrom,
  oneOf,
  seedList,
  several,
  share,
  wholeNumber,
} from "./options.js";
import { printError } from "./output.js";

const { version } = createRequire(import.meta.url)("../../package.json") as { version: string };

const CHECKPOINT =
  "instead of a run, a prompt that LoCoOp or CoOp saved (prompt_learner/model.pth.tar-N, or the folder of it)";
const CLASS_LIST =
  "with --checkpoint: its class names, one a line (or CoOp's classnames.txt, or a run's classnames.json)";
const POSITION =
  "of the class name in a checkpoint's prompt: end, middle or front (default: as its folder says, else end)";
const FLOAT16 = "round scores as the reference does in float16, for comparison (mcm, l-mcm, gl-mcm)";

// Commands are loaded when they run: `--help` needs neither TensorFlow.js nor sharp.
const program = (signal: AbortSignal): Command => {
  const root = new Command("locoop")
    .description("LoCoOp: few-shot out-of-distribution detection by prompt learning for CLIP")
    .version(version)
    .addHelpText(
      "after",
      "\nResults go to standard output, progress to standard error. Exit codes: 0 done, 1 failed, 2 called wrongly.",
    );
  const command = (name: string, description: string): Command => root.command(name).description(description);
  const engine = (c: Command): Command =>
    c
      .option("--engine <name>", "onnx or tfjs (default: the fastest that is there)", oneOf("onnx", "tfjs"))
      .option("--device <name>", "of onnx: cpu, cuda or webgpu (default: cpu)", oneOf("cpu", "cuda", "webgpu"))
      .option(
        "--backend <name>",
        "of tfjs: tensorflow (needs @tensorflow/tfjs-node), wasm or cpu (default: the fastest that is there)",
        oneOf("wasm", "cpu", "tensorflow"),
      )
      .option("--threads <n>", "cores to use (default: all)", wholeNumber(1));
  const activation = (): Option =>
    new Option("--activation <name>", "overrides what the weights imply").choices(["quick_gelu", "gelu"]);

  engine(command("train", "learn a prompt from a few pictures of each class"))
    .requiredOption("--data <dir>", "one folder of pictures per class, or the ImageNet layout")
    .requiredOption("--weights <file>", "CLIP weights: a file, a model folder, or a downloaded model's name (ViT-B/16)")
    .option(
      "--out <dir>",
      "the run folder (default: runs/<method>-<shots>shots-seed<n>); with several seeds, seed1, seed2, ... in it",
    )
    .option("--shots <n>", "pictures per class (default: 16, or as --split says)", wholeNumber(1))
    .addOption(
      new Option("--seed <n>", "seed of draw, start and augmentation (default: 1, or as --split says)")
        .argParser(wholeNumber(0))
        .conflicts("seeds"),
    )
    .option("--seeds <list>", "several runs, such as 1,2,3 or 1-3", seedList)
    .option(
      "--preset <name>",
      "paper: crops .08-1 on the fly, 16 contexts, lambda 0.25, K 200 (of 1000 classes), 50 epochs",
      oneOf("paper"),
    )
    .option("--learner <name|file>", "coop, template, or a module of yours such as ./mine.js", "coop")
    .option("--learner-option <name=value>", "an option of a learner of yours; may come several times", several)
    .option("--contexts <n>", "learned context vectors (default: 16)", wholeNumber(1))
    .option(
      "--position <where>",
      "of the class name: end, middle or front (default: end)",
      oneOf("end", "middle", "front"),
    )
    .option("--class-specific", "contexts of its own for each class")
    .option("--init <words>", 'words to start from, such as "a photo of a"')
    .option("--template <text>", 'the prompt of the learner template, such as "a photo of a {}."')
    .option("--lambda <x>", "weight of the ID-irrelevant regions' entropy; 0 is CoOp (default: 0.25)", numberFrom(0))
    .option(
      "--top-k <n>",
      "K: a region is ID-irrelevant if its label is not among so many classes (default: a fifth of the classes)",
      wholeNumber(1),
    )
    .option("--epochs <n>", "(default: 50)", wholeNumber(1))
    .option("--batch-size <n>", "(default: 32)", wholeNumber(1))
    .option("--lr <x>", "learning rate (default: 0.002)", numberFrom(0))
    .option(
      "--views <n>",
      "train on n augmentations of each picture, encoded once: fast, but not the paper's algorithm (default: 0, anew in every epoch)",
      wholeNumber(0),
    )
    .option("--crop <least,most>", "share of the area that a crop keeps (default: 0.08,1)", cropRange)
    .option(
      "--score <names>",
      "scores to calibrate, the first is the detector's: names or ./mine.js (default: gl-mcm,mcm)",
      list,
    )
    .option(
      "--calibration <dir>",
      "in-distribution pictures for the threshold (default: those that the draw left over, else the shots)",
    )
    .option("--split <file>", "a split.json with the shots, instead of a draw")
    .option("--class-names <file>", "list of ImageNet class names (default: classnames.txt of the data folder)")
    .option("--strict", "refuse a class with fewer pictures than shots")
    .option("--skip-unreadable", "leave out pictures that cannot be read, instead of stopping")
    .option("--resume", "go on with an unfinished run in --out, to the same bits")
    .addOption(activation())
    .option("--json", "print the result as JSON")
    .action(async (options) => (await import("./train.js")).train(options, signal));

  engine(command("evaluate", "measure runs (or zero-shot CLIP) against out-of-distribution pictures"))
    .option("--run <dir>", "a run folder; may come several times, for a table over seeds and methods", several)
    .option(
      "--checkpoint <file>",
      "a prompt that LoCoOp or CoOp saved (prompt_learner/model.pth.tar-N, or the folder of it); may come several times",
      several,
    )
    .option("--position <where>", POSITION, oneOf("end", "middle", "front"))
    .option("--data <dir>", "data folder with ImageNet's val pictures and iNaturalist, SUN, Places, Texture")
    .option("--id <dir>", "in-distribution pictures in class folders (or the ImageNet layout)")
    .option("--ood <name=dir>", "a folder of out-of-distribution pictures; may come several times", namedFolder)
    .option("--score <names>", "names or ./mine.js (default: mcm,gl-mcm)", list)
    .option("--zero-shot", "add zero-shot CLIP to the table; implied without --run")
    .option("--template <text>", "the zero-shot prompt", "a photo of a {}.")
    .option("--weights <file>", "needed without --run; default: the run's")
    .option(
      "--class-names <file>",
      "list of ImageNet class names; without --run also of class folders, in the order that a class-specific checkpoint needs",
    )
    .option("--emulate-fp16-scores", FLOAT16)
    .option("--out <dir>", "where report.{html,md,csv,json} go (default: the run folder, if it is one)")
    .addOption(activation())
    .option("--json", "print the results as JSON")
    .action(async (options) => (await import("./evaluate.js")).evaluateCommand(options, signal));

  engine(command("report", "show runs side by side: report.html, with the numbers as JSON, CSV and Markdown"))
    .argument("<runs...>", "run folders that were evaluated, or what evaluate --out wrote")
    .option("--out <dir>", "where report.{html,md,csv,json} go (default: the run folder of one run, else report)")
    .option("--weights <file>", "of the run whose pictures are shown, if they have moved since the training")
    .option("--no-pictures", "look at no picture and load no model: numbers and curves alone")
    .option("--json", "print the results as JSON")
    .action(async (runs, options) => (await import("./report.js")).reportCommand(runs, options, signal));

  engine(command("detect", "say the class of each picture, or that it is none of them"))
    .argument("<pictures...>", "picture files or folders; with --watch, folders")
    .option("--run <dir>", "a run folder")
    .option("--checkpoint <file>", CHECKPOINT)
    .option(
      "--score <name>",
      "one of the scores that the run calibrated (default: its first, or gl-mcm); one of a file of yours by its path",
    )
    .option("--calibration <dir>", "in-distribution pictures for the threshold (default: the run's threshold)")
    .addOption(new Option("--threshold <x>", "the threshold itself").argParser(number).conflicts("calibration"))
    .option("--emulate-fp16-scores", FLOAT16)
    .option("--weights <file>", "of the run, if they have moved since the training; needed with --checkpoint")
    .option("--class-names <file>", CLASS_LIST)
    .option("--position <where>", POSITION, oneOf("end", "middle", "front"))
    .addOption(activation())
    .option("--watch", "go on with pictures that come into the folders, as they are written completely, until Ctrl-C")
    .addOption(new Option("--json", "print the results as one JSON document").conflicts("jsonLines"))
    .option("--json-lines", "print each picture's result as a line of JSON, as soon as it is there")
    .action(async (pictures, options) => (await import("./detect.js")).detect(pictures, options, signal));

  engine(command("visualize", "paint the ID-irrelevant regions on pictures"))
    .argument("<pictures...>", "picture files or folders")
    .option("--run <dir>", "a run folder")
    .option("--checkpoint <file>", CHECKPOINT)
    .option("--out <dir>", "where the painted pictures go", "visualization")
    .option(
      "--label <class>",
      "what the pictures show (default: their folder's name if it is a class, else the prediction)",
    )
    .option("--top-k <n>", "K (default: the run's, or a fifth of the classes)", wholeNumber(1))
    .addOption(
      new Option(
        "--region-threshold <p>",
        "instead of K: ID-irrelevant where the label's probability is below p, 0 to 1",
      )
        .argParser(share)
        .conflicts("topK"),
    )
    .option("--score <name>", "of the verdict on a whole picture (default: the run's first, or gl-mcm)")
    .option("--threshold <x>", "of the verdict (default: the run's)", number)
    .option("--format <names>", "png, svg, html; several with commas (default: png)", formatList)
    .option("--size <pixels>", "long side of each drawn picture", wholeNumber(16), 640)
    .option("--paint <which>", "irrelevant, or relevant as in the paper's figures", oneOf("irrelevant", "relevant"))
    .option("--color <#rrggbb>", "of painted regions (default: orange, or grey for relevant)", colorCode)
    .option("--opacity <x>", "of painted regions, 0 to 1", share)
    .option("--colormap <name>", "of the heat maps: cividis, viridis or magma", oneOf("cividis", "viridis", "magma"))
    .option(
      "--range <low,high>",
      "cosines of the darkest and the lightest colour (default: each picture's)",
      cosineRange,
    )
    .option("--no-numbers", "no numbers in the heat maps")
    .option("--no-sheet", "no contact sheet of several pictures")
    .option("--weights <file>", "of the run, if they have moved since the training; needed with --checkpoint")
    .option("--class-names <file>", CLASS_LIST)
    .option("--position <where>", POSITION, oneOf("end", "middle", "front"))
    .addOption(activation())
    .option("--json", "print the results as JSON")
    .action(async (pictures, options) => (await import("./visualize.js")).visualize(pictures, options, signal));

  command("convert", "write CLIP weights or a learned prompt as safetensors that other programs read")
    .argument("<input>", "CLIP weights of any format, or a checkpoint, Dassl's output folder, or a run folder")
    .argument("<output>", "the file to write, NAME.safetensors")
    .option("--half", "half precision; of CLIP weights where OpenAI's own files have it")
    .option(
      "--position <where>",
      "of the class name in the prompt, kept in the new file: end, middle or front",
      oneOf("end", "middle", "front"),
    )
    .option("--force", "replace a file that exists")
    .option("--json", "print what was written as JSON")
    .action(async (input, output, options) => (await import("./convert.js")).convert(input, output, options, signal));

  engine(command("demo", "the whole method on a toy benchmark with a small CLIP: train, evaluate, report"))
    .option("--full", "1, 4 and 16 shots, 10 seeds")
    .option("--out <dir>", "where pictures, runs and report.html go", "locoop-demo")
    .option("--json", "print the results as JSON")
    .action(async (options) => (await import("./demo.js")).demo(options, signal));

  command("download", "load a published CLIP into the cache of this system, checked by its SHA-256")
    .argument("[name]", "OpenAI's name, such as ViT-B/16, or hf:owner/name[@revision] of Hugging Face")
    .option("--list", "print the names of OpenAI's models, their addresses and SHA-256")
    .option("--cache <dir>", "where it goes (default: LOCOOP_CACHE, else the cache folder of this system)")
    .option("--offline", "ask no server: say what is missing and where to put it (also: LOCOOP_OFFLINE=1)")
    .option("--json", "print the result as JSON")
    .action(async (name, options) => (await import("./download.js")).downloadCommand(name, options, signal));

  const datasets = root.command("datasets").description("check a data folder, take over the few-shot splits of others");
  datasets
    .command("check")
    .description("compare a data folder with what a benchmark expects; nothing is changed")
    .argument("<dir>", "a data folder")
    .option("--benchmark <names>", "imagenet, ood, folders (default: as the folder is laid out)", list)
    .option("--ood <name=dir>", "a folder of out-of-distribution pictures; may come several times", namedFolder)
    .option("--shots <n>", "pictures that every class must have", wholeNumber(1))
    .option("--class-names <file>", "list of ImageNet class names (default: classnames.txt of the data folder)")
    .option("--decode", "decode every picture in full, instead of a look at its first and last bytes")
    .option("--threads <n>", "cores to decode with (default: all)", wholeNumber(1))
    .option("--json", "print the report as JSON")
    .action(async (dir, options) => (await import("./datasets.js")).checkCommand(dir, options, signal));
  datasets
    .command("import")
    .description("make a split.json of a few-shot split of Dassl, CoOp or LoCoOp; a pickle is read, never run")
    .argument("<file>", "shot_<k>-seed_<s>.pkl, preprocessed.pkl, split_zhou_<name>.json, or a split.json")
    .requiredOption("--data <dir>", "the data folder that trainings are given")
    .requiredOption("--out <file>", "the split.json to write")
    .option("--prefix <path>", "the author's folder that --data stands for (default: found by trying)")
    .option("--shots <n>", "draw so many of each class from the file's list, as the reference does", wholeNumber(1))
    .option("--seed <n>", "of that draw (default: 1)", wholeNumber(0))
    .option("--json", "print the result as JSON")
    .action(async (file, options) => (await import("./datasets.js")).importCommand(file, options));

  command("completion", "print a script that completes commands and options in your shell")
    .addArgument(new Argument("<shell>", "the shell it is for").choices(["bash", "zsh", "fish"]))
    .action(async (shell) => (await import("./completion.js")).completion(shell, root));

  finishCommands(root);
  return root;
};

/** An answer to the last write, which may come after the command's end. */
function onLateError(error: NodeJS.ErrnoException): void {
  if (error.code !== "EPIPE") process.exitCode = 1;
}

/** Runs the command line with arguments as after `locoop`; resolves to the exit code. */
export async function main(argv: readonly string[]): Promise<number> {
  const stop = new AbortController();
  let interrupted = false;
  const interrupt = (signal: NodeJS.Signals): void => {
    if (stop.signal.aborted) {
      // The second time at once, as without a handler: an orderly exit would end threads inside native code, which aborts.
      process.removeAllListeners(signal);
      process.kill(process.pid, signal);
      return;
    }
    interrupted = true;
    stop.abort(new Error("interrupted; what was finished is kept"));
  };
  // A reader that has seen enough, such as head, is no failure: what goes on is stopped in an orderly way, and nothing is said.
  let unread = false;
  let unwritten = false;
  const streams = [process.stdout, process.stderr];
  const onStreamError = (error: NodeJS.ErrnoException): void => {
    if (error.code === "EPIPE") unread = true;
    else unwritten = true;
    stop.abort(error);
  };
  for (const stream of streams) stream.on("error", onStreamError);
  process.on("SIGINT", interrupt);
  process.on("SIGTERM", interrupt);
  try {
    await program(stop.signal).parseAsync([...argv], { from: "user" });
    return unwritten ? 1 : 0;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2; // commander has said why
    if (unread) return 0;
    printError(error);
    if (interrupted) return 130;
    return error instanceof UsageError || (error as Error).name === "UsageError" ? 2 : 1;
  } finally {
    process.off("SIGINT", interrupt);
    process.off("SIGTERM", interrupt);
    for (const stream of streams) {
      stream.off("error", onStreamError);
      stream.off("error", onLateError).on("error", onLateError);
    }
  }
}
