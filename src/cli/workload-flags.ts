/** The flags that shape a load, the same for every verb that plans one. */
import type { Command } from 'commander'
import { WORKLOAD_FLAGS } from '../workload/options.ts'
import { addFlags } from './add-flags.ts'

export function addWorkloadFlags(command: Command): Command {
  return addFlags(command, WORKLOAD_FLAGS)
}
