import type { Command } from "commander";
import { withSubcommands } from "./command-tree.js";
import { printBlock } from "./output.js";

/** Shells that there is a script for. */
type Shell = "bash" | "zsh" | "fish";

/** What stands in the place of a value: some words, a folder, a file, or what cannot be guessed. */
type Value = readonly string[] | "folder" | "file" | "text";

interface Named {
  readonly name: string;
  readonly description: string;
}

/** What can follow a command. */
interface Place {
  /** "" for the program itself, "/datasets/check" for that command. */
  readonly path: string;
  readonly subcommands: readonly Named[];
  readonly options: readonly (Named & { readonly short?: string; readonly value?: Value })[];
  readonly argument?: Value;
}

/** `locoop completion`. */
export function completion(shell: Shell, root: Command): void {
  printBlock(completionScript(shell, root));
}

/** A script that completes commands, options and their values, made of the commands that there are. */
function completionScript(shell: Shell, root: Command): string {
  const places = withSubcommands(root).map((command) => describePlace(command));
  return { bash, zsh, fish }[shell](places).join("\n");
}

function describePlace(command: Command): Place {
  const argument = command.registeredArguments[0];
  return {
    path: pathOf(command),
    subcommands: command.commands.map((sub) => ({ name: sub.name(), description: sub.description() })),
    options: [
      ...command.options
        .filter(({ hidden }) => !hidden)
        .map(({ long, short, description, flags, required, argChoices, parseArg }) => ({
          name: long ?? "",
          short,
          description,
          value: required ? (argChoices ?? wordsOf(parseArg) ?? kindOf(flags)) : undefined,
        })),
      { name: "--help", short: "-h", description: "display help for command" },
    ],
    argument: argument && (argument.argChoices ?? kindOf(`<${argument.name()}>`, "file")),
  };
}

const pathOf = (command: Command): string => (command.parent ? `${pathOf(command.parent)}/${command.name()}` : "");

// `oneOf` keeps its words.
const wordsOf = (parse?: object): readonly string[] | undefined =>
  (parse as { words?: readonly string[] } | undefined)?.words;

const kindOf = (flags: string, otherwise: Value = "text"): Value =>
  /<(name=)?dir>/.test(flags) ? "folder" : /\bfile>/.test(flags) ? "file" : flags === "<name>" ? "text" : otherwise;

const quote = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;
const either = (words: readonly string[]): string => words.map(quote).join("|");
const pathsBelow = (places: readonly Place[]): string[] => places.map(({ path }) => path).filter(Boolean);

function bash(places: readonly Place[]): string[] {
  const words = (list: readonly string[]): string =>
    `COMPREPLY=($(compgen -W $'${list.map((word) => word.replace(/[\\']/g, "\\$&")).join("\\n")}' -- "$cur"))`;
  const files = (kind: "-d" | "-f"): string =>
    `compopt -o filenames 2>/dev/null; COMPREPLY=($(compgen ${kind} -- "$cur"))`;
  const complete = (value: Value): string =>
    typeof value !== "string" ? words(value) : value === "text" ? ":" : files(value === "folder" ? "-d" : "-f");
  return [
    "# bash completion of locoop: source <(locoop completion bash)",
    "_locoop() {",
    '  local cur="${COMP_WORDS[COMP_CWORD]}" prev="${COMP_WORDS[COMP_CWORD-1]}" at= i',
    "  local IFS=$'\\n'",
    "  COMPREPLY=()",
    '  if [[ $cur == "=" ]]; then cur=; elif [[ $prev == "=" ]]; then prev="${COMP_WORDS[COMP_CWORD-2]}"; fi',
    "  for ((i = 1; i < COMP_CWORD; i++)); do",
    `    case "$at/\${COMP_WORDS[i]}" in ${either(pathsBelow(places))}) at="$at/\${COMP_WORDS[i]}" ;; esac`,
    "  done",
    '  case "$at $prev" in',
    ...places.flatMap(({ path, options }) =>
      options.flatMap(({ name, value }) =>
        value === undefined ? [] : [`    ${quote(`${path} ${name}`)}) ${complete(value)}; return ;;`],
      ),
    ),
    "  esac",
    '  case "$at" in',
    ...places.flatMap(({ path, subcommands, options, argument }) => [
      `    ${quote(path)})`,
      `      if [[ $cur == -* ]]; then ${words(options.map(({ name }) => name))}`,
      `      else ${subcommands.length > 0 ? words(subcommands.map(({ name }) => name)) : complete(argument ?? "text")}; fi ;;`,
    ]),
    "  esac",
    "}",
    "complete -F _locoop locoop",
  ];
}

function zsh(places: readonly Place[]): string[] {
  const escape = (text: string): string => text.replace(/[\\[\]:]/g, "\\$&");
  const complete = (value: Value): string =>
    typeof value !== "string" ? `(${value.join(" ")})` : { folder: "_files -/", file: "_files", text: " " }[value];
  const option = ({ name, description, value }: Place["options"][number]): string =>
    // A star: options may come several times, and zsh need not know which.
    quote(`*${name}[${escape(description)}]${value === undefined ? "" : `:value:${complete(value)}`}`);
  return [
    "#compdef locoop",
    "# zsh completion of locoop: locoop completion zsh > a folder of $fpath/_locoop, or source <(locoop completion zsh)",
    "_locoop() {",
    "  local at= depth=0 i",
    "  local -a names",
    "  for ((i = 2; i < CURRENT; i++)); do",
    `    case "$at/\${words[i]}" in (${either(pathsBelow(places))}) at="$at/\${words[i]}"; depth=$((i - 1)) ;; esac`,
    "  done",
    '  words=("${(@)words[depth+1,-1]}")',
    "  ((CURRENT -= depth))",
    '  case "$at" in',
    ...places.flatMap(({ path, subcommands, options, argument }) => {
      const names = subcommands.map(({ name, description }) => quote(`${name}:${escape(description)}`));
      const rest = argument === undefined ? [] : [quote(`*:argument:${complete(argument)}`)];
      return [
        `    (${quote(path)})`,
        ...(names.length > 0
          ? [
              `      names=(${names.join(" ")})`,
              "      if [[ ${words[CURRENT]} != -* ]]; then _describe command names; return; fi",
            ]
          : []),
        `      _arguments ${[...options.map(option), ...rest].join(" ")} ;;`,
      ];
    }),
    "  esac",
    "}",
    'if [[ "${funcstack[1]}" == _locoop ]]; then _locoop "$@"; else compdef _locoop locoop; fi',
  ];
}

function fish(places: readonly Place[]): string[] {
  const quoteFish = (text: string): string => `'${text.replace(/[\\']/g, "\\$&")}'`;
  const complete = (value: Value): string =>
    typeof value !== "string"
      ? `-x -a ${quoteFish(value.join(" "))}`
      : { folder: "-x -a '(__fish_complete_directories)'", file: "-r -F", text: "-x" }[value];
  return [
    "# fish completion of locoop: locoop completion fish > ~/.config/fish/completions/locoop.fish",
    "function __locoop_at",
    "  set -l at ''",
    "  set -l words (commandline -opc)",
    "  for word in $words[2..]",
    `    contains -- "$at/$word" ${pathsBelow(places).join(" ")}; and set at "$at/$word"`,
    "  end",
    '  test "$at" = "$argv[1]"',
    "end",
    "complete -c locoop -e",
    "complete -c locoop -f",
    ...places.flatMap(({ path, subcommands, options, argument }) => {
      const here = `complete -c locoop -n ${quoteFish(`__locoop_at '${path}'`)}`;
      const rest =
        argument === "file" ? "-F" : argument === "folder" || typeof argument === "object" ? complete(argument) : "";
      return [
        ...subcommands.map(({ name, description }) => `${here} -a ${name} -d ${quoteFish(description)}`),
        ...options.map(({ name, short, description, value }) =>
          [
            `${here} -l ${name.slice(2)}`,
            ...(short === undefined ? [] : [`-s ${short.slice(1)}`]),
            ...(value === undefined ? [] : [complete(value)]),
            `-d ${quoteFish(description)}`,
          ].join(" "),
        ),
        ...(rest ? [`${here} ${rest}`] : []),
      ];
    }),
  ];
}
