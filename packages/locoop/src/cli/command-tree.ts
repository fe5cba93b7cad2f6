import type { Command } from "commander";
import { colour, setQuiet } from "./output.js";

/** A command and all below it. */
export const withSubcommands = (command: Command): Command[] => [
  command,
  ...command.commands.flatMap((sub) => withSubcommands(sub)),
];

/** "locoop datasets check" */
export function commandPath(command: Command): string {
  return command.parent ? `${commandPath(command.parent)} ${command.name()}` : command.name();
}

/** Commander's words on a wrong call, on one line, with the nearest name that exists and where more is said. */
export function usageLine(text: string, command: Command): string {
  const line = text
    .trim()
    .replace(/\s*\n\s*\(Did you mean (one of )?(.*?)\?\)/, (_, several?: string, names?: string) => {
      return `; did you mean ${several ? `one of ${names}` : names}?`;
    })
    .replace(/\s*[\r\n]+\s*/g, " ")
    .replace(/\. +([Ee])xpected/, ": expected")
    .replace(/[.\s]+$/, "");
  return `${line} (${commandPath(command)} --help says more)`;
}

/**
 * Gives every command what all have in common: `--quiet`, errors in one line that end with the exit code of usage, and help in
 * colour where there is colour. Called when the tree is whole.
 */
export function finishCommands(root: Command): void {
  for (const command of withSubcommands(root)) {
    if (command.commands.length === 0)
      command.option("-q, --quiet", "no progress and no notices: only results and errors");
    command.exitOverride();
    command.showHelpAfterError(false);
    command.configureOutput({
      outputError: (text, write) => {
        const line = usageLine(text, command);
        write(`${line.replace(/^error:/, (word) => colour("red", word, process.stderr))}\n`);
      },
    });
    command.configureHelp({
      styleTitle: (title) => colour("bold", title, process.stdout),
      styleOptionTerm: (term) => colour("cyan", term, process.stdout),
      styleSubcommandTerm: (term) => colour("cyan", term, process.stdout),
      styleArgumentTerm: (term) => colour("cyan", term, process.stdout),
    });
  }
  const required = withSubcommands(root).flatMap((command) => command.options.filter(({ mandatory }) => mandatory));
  // Commander asks for a required option before it says that one is unknown: a letter too few would seem to be none at all.
  for (const option of required) option.mandatory = false;
  root.hook("preAction", (_, action) => {
    const missing = action.options.filter(
      (option) => required.includes(option) && action.getOptionValue(option.attributeName()) === undefined,
    );
    if (missing.length > 0)
      action.error(`error: required: ${missing.map(({ flags }) => flags).join(", ")}`, { exitCode: 2 });
    setQuiet(action.getOptionValue("quiet") === true);
  });
}
