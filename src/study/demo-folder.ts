/** A folder of its own for each demo. Effects: makes a folder. */
import { join, relative, resolve } from 'node:path'
import { claimFolder, makeFolder, refuseExisting } from '../base/files.ts'
import { temporaryFolder } from '../base/machine.ts'
import type { World } from '../base/world.ts'

const NAME = 'trace-demo'

/**
 * Makes the folder that was named, or a new one here, or else among the temporary files.
 *
 * @returns its path as the commands shall show it
 * @throws TraceError OUTPUT_EXISTS if the named folder is there already
 */
export async function makeDemoFolder(named: string | null, world: World): Promise<string> {
  if (named !== null) {
    refuseExisting(resolve(world.cwd, named), false)
    await makeFolder(named)
    return named
  }
  try {
    return relative(world.cwd, await makeNew(world.cwd))
  } catch {
    return makeNew(temporaryFolder())
  }
}

/** The first of trace-demo, trace-demo-2, … that is not there. */
async function makeNew(parent: string): Promise<string> {
  for (let number = 1; ; number += 1) {
    const path = join(parent, number === 1 ? NAME : `${NAME}-${number}`)
    if (await claimFolder(path)) return path
  }
}
