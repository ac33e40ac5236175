/** The flags that shape a load, the same for every verb that plans one. */
import type { Command } from 'commander'
import { WORKLOAD_FLAGS } from '../workload/options.ts'

export function addWorkloadFlags(command: Command): Command {
  for (const flag of Object.values(WORKLOAD_FLAGS)) {
    if ('isRepeatable' in flag) {
      command.option(flag.flags, flag.description, (text, earlier?: string[]) => [
        ...(earlier ?? []),
        text,
      ])
    } else if ('default' in flag) {
      command.option(flag.flags, flag.description, flag.default)
    } else {
      command.option(flag.flags, flag.description)
    }
  }
  return command
}
