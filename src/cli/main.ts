/** The front door: argv in, exit code out. Effects: only through `world`. */
import { Command, CommanderError } from 'commander'
import { ERRORS, TraceError } from '../base/errors.ts'
import type { World } from '../base/world.ts'
import { PRODUCER_VERSION } from '../trace/header.ts'
import { addSettings, applySettings } from './settings.ts'
import { VERBS, type VerbEntry } from './verbs.ts'

/** @returns the process exit code: a verb's own answer, or the one that the error's row in ERRORS names */
export async function main(argv: readonly string[], world: World): Promise<number> {
  let answer = 0
  const [first, second] = argv
  const words = first === 'help' ? [...(second === undefined ? [] : [second]), '--help'] : [...argv]
  const program = new Command('trace')
    .description(
      'Records the sizes and times of LLM traffic in front of vLLM, and replays the same load.',
    )
    .version(PRODUCER_VERSION, '--version', 'which release this is')
    .helpCommand(false)
    .enablePositionalOptions()
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void world.stdout.write(text),
      writeErr: (text) => void world.stderr.write(text),
      getOutHelpWidth: () => world.stdout.columns,
      getErrHelpWidth: () => world.stderr.columns,
      outputError: (text, write) => write(text.replace(/^error: /, 'trace: ')),
    })
  try {
    for (const entry of VERBS) {
      program.addCommand(await commandOf(program, entry, words, world, (code) => (answer = code)))
    }
    await program.parseAsync(words, { from: 'user' })
    return answer
  } catch (error) {
    if (error instanceof CommanderError) {
      return error.exitCode === 0 ? 0 : ERRORS.BAD_OPTION.exitCode
    }
    if (!(error instanceof TraceError)) throw error
    world.stderr.write(`trace: ${error.message}\n  ${error.hint}\n`)
    return error.exitCode
  }
}

/** The whole command if it is the one asked for; else its line in the help. */
async function commandOf(
  program: Command,
  { name, group, summary, load }: VerbEntry,
  argv: readonly string[],
  world: World,
  answer: (exitCode: number) => void,
): Promise<Command> {
  const isAsked = argv.find((word) => !word.startsWith('-')) === name
  const command = isAsked ? (await load())({ ...world, argv }, answer) : new Command(name)
  command.description(summary).helpGroup(group).copyInheritedSettings(program)
  for (const part of command.commands) part.copyInheritedSettings(command)
  if (isAsked) await settle(command, argv, world)
  return command
}

/** Options come from environment and file, too: the verb's own, or those of its part that is asked for. */
async function settle(command: Command, argv: readonly string[], world: World): Promise<void> {
  const part = command.commands.find((each) => argv.includes(each.name()))
  if (part === undefined) return applySettings(addSettings(command), argv, world)
  await applySettings(addSettings(part), argv, world, `${command.name()} ${part.name()}`)
}
