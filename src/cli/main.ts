/** The front door: argv in, exit code out. Effects: only through `world`. */
import { Command, CommanderError } from 'commander'
import { ERRORS, TraceError } from '../base/errors.ts'
import type { World } from '../base/world.ts'
import { addSettings, applySettings } from './settings.ts'
import { VERBS } from './verbs.ts'

/** @returns the process exit code: a verb's own answer, or the one that the error's row in ERRORS names */
export async function main(argv: readonly string[], world: World): Promise<number> {
  let answer = 0
  const program = new Command('trace')
    .description(
      'Records the sizes and times of LLM traffic in front of vLLM, and replays the same load.',
    )
    .enablePositionalOptions()
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void world.stdout.write(text),
      writeErr: (text) => void world.stderr.write(text),
      getOutHelpWidth: () => world.stdout.columns,
      getErrHelpWidth: () => world.stderr.columns,
      outputError: (text, write) => write(text.replace(/^error: /, 'trace: ')),
    })
  for (const verb of VERBS) {
    const command = verb(world, (code) => (answer = code)).copyInheritedSettings(program)
    program.addCommand(addSettings(command))
  }
  try {
    const named = program.commands.find((command) => command.name() === argv[0])
    if (named !== undefined) await applySettings(named, argv, world)
    await program.parseAsync([...argv], { from: 'user' })
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
