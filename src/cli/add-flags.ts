/** Gives a command the flags of a room's table. */
import { type Command, Option } from 'commander'

export type FlagTable = Readonly<
  Record<
    string,
    Readonly<{
      flags: string
      description: string
      default?: string
      isRepeatable?: boolean
    }>
  >
>

export function addFlags(command: Command, table: FlagTable): Command {
  for (const flag of Object.values(table)) {
    const isUnsaid = flag.isRepeatable === true && !/repeat/.test(flag.description)
    const option = new Option(flag.flags, flag.description + (isUnsaid ? ' (repeatable)' : ''))
    if (flag.default !== undefined) option.default(flag.default)
    if (flag.isRepeatable === true) {
      option.argParser((text, earlier: string[] | undefined) => [...(earlier ?? []), text])
    }
    command.addOption(option)
  }
  return command
}
