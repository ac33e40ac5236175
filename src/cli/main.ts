/** The front door: argv in, exit code out. Effects: only through `world`. */
import { Command, CommanderError } from 'commander'
import { ERRORS, TraceError } from '../base/errors.ts'
import { escapeText } from '../base/fold.ts'
import type { World } from '../base/world.ts'
import { PRODUCER_VERSION } from '../trace/header.ts'
import { deafVariables, variablesOf } from './environment.ts'
import { addSettings, applySettings, originNote, type Origins } from './settings.ts'
import { VERBS, type VerbEntry } from './verbs.ts'

/** @returns the process exit code: a verb's own answer, or the one that the error's row in ERRORS names */
export async function main(argv: readonly string[], world: World): Promise<number> {
  let answer = 0
  const origins: Origins = new Map()
  const [first, second] = argv
  const words = first === 'help' ? helpWords(second) : [...argv]
  const program = new Command('trace')
    .description(
      'Records the sizes and times of LLM traffic in front of vLLM, and replays the same load.',
    )
    .version(PRODUCER_VERSION, '--version', 'which release this is')
    .helpCommand(false)
    .enablePositionalOptions()
    .exitOverride()
    // Flags are long: what they mean is broken even where few columns are left beside them.
    .configureHelp({ minWidthToWrap: 24 })
    .configureOutput({
      writeOut: (text) => void world.stdout.write(text),
      writeErr: (text) => void world.stderr.write(text),
      getOutHelpWidth: () => world.stdout.columns,
      getErrHelpWidth: () => world.stderr.columns,
      outputError: (text, write) => write(text.replace(/^error: /, 'trace: ')),
    })
  try {
    for (const entry of VERBS) {
      program.addCommand(
        await commandOf(program, entry, words, world, origins, (code) => (answer = code)),
      )
    }
    await program.parseAsync(words, { from: 'user' })
    return answer
  } catch (error) {
    if (error instanceof CommanderError) {
      return error.exitCode === 0 ? 0 : ERRORS.BAD_OPTION.exitCode
    }
    if (!(error instanceof TraceError)) throw error
    // Names of files, and what is in them, may come from strangers.
    const message = `${error.message}${originNote(error.message, origins)}`
    world.stderr.write(`trace: ${escapeText(message)}\n  ${escapeText(error.hint)}\n`)
    return error.exitCode
  }
}

/** `help VERB` is `VERB --help`; of a verb that does not exist only the name is left, to be refused. */
function helpWords(verb: string | undefined): string[] {
  if (verb === undefined) return ['--help']
  return VERBS.some(({ name }) => name === verb) ? [verb, '--help'] : [verb]
}

/** The whole command if it is the one asked for; else its line in the help. */
async function commandOf(
  program: Command,
  { name, group, summary, load }: VerbEntry,
  argv: readonly string[],
  world: World,
  origins: Origins,
  answer: (exitCode: number) => void,
): Promise<Command> {
  const isAsked = argv.find((word) => !word.startsWith('-')) === name
  const command = isAsked ? (await load())({ ...world, argv }, answer) : new Command(name)
  command.description(summary).helpGroup(group).copyInheritedSettings(program)
  for (const part of command.commands) part.copyInheritedSettings(command)
  if (isAsked) await settle(command, argv, world, origins)
  return command
}

/** Options come from environment and file, too: the verb's own, or those of its part that is asked for. */
async function settle(
  command: Command,
  argv: readonly string[],
  world: World,
  origins: Origins,
): Promise<void> {
  const part = command.commands.find((each) => argv.includes(each.name()))
  const settled = addSettings(part ?? command)
  const section = part === undefined ? command.name() : `${command.name()} ${part.name()}`
  await applySettings(settled, argv, world, origins, section)
  const deaf = await deafVariables(settled.options, section, world.env, (name) =>
    isTaken(name, world),
  )
  for (const line of deaf) world.stderr.write(`trace: ${line}\n`)
}

/** Whether any verb takes this variable. Loads them all: only for a name that looks like a slip. */
async function isTaken(name: string, world: World): Promise<boolean> {
  for (const { load } of VERBS) {
    const command = (await load())(world, () => undefined)
    for (const each of [command, ...command.commands]) {
      const section = each === command ? each.name() : `${command.name()} ${each.name()}`
      if (each.options.some((option) => variablesOf(option, section).includes(name))) return true
    }
  }
  return false
}
