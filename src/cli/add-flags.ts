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

/** Flags under the headings of a long help; what no group names comes last. */
export function addGroups<Table extends FlagTable>(
  command: Command,
  table: Table,
  groups: Readonly<Record<string, readonly (keyof Table & string)[]>>,
): Command {
  const isNamed = new Set<string>(Object.values(groups).flat())
  const rest = Object.keys(table).filter((name) => !isNamed.has(name))
  for (const [heading, names] of Object.entries({ ...groups, 'Further options:': rest })) {
    addFlags(
      command.optionsGroup(heading),
      Object.fromEntries(names.map((name) => [name, table[name]!])),
    )
  }
  return command.optionsGroup('')
}

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
