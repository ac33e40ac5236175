/** Puts a trace where others can pull it from. Effects: reads a file; network. */
import { TraceError } from '../base/errors.ts'
import { fileSize, isFolder } from '../base/files.ts'
import type { World } from '../base/world.ts'
import { fileDigest } from '../trace/digest.ts'
import { openTrace } from '../trace/open.ts'
import { fillPlace } from './place.ts'
import { openStore } from './stores.ts'

export type PushOptions = Readonly<{
  path: string
  destination: string
  endpointUrl: string | null
  isForced: boolean
}>

export type Pushed = Readonly<{
  address: string
  sha256: string
  sizeBytes: number
  /** The same file was there already. */
  wasThere: boolean
}>

export async function pushTrace(options: PushOptions, world: World): Promise<Pushed> {
  const { path, endpointUrl, isForced } = options
  const sizeBytes = await fileSize(path)
  if (sizeBytes === null || (await isFolder(path))) {
    throw new TraceError('TRACE_UNREADABLE', `${path} is no file`, {
      hint: 'A recording is pushed as one file: trace convert DIR FILE.arrow',
    })
  }
  await refuseUnfinished(path)
  const sha256 = await fileDigest(path)
  const slashed = (await isFolder(options.destination))
    ? options.destination.replace(/\/?$/, '/')
    : options.destination
  const address = fillPlace(slashed, { wallUs: world.clock.wallUs(), sha256, fileName: path })
  const store = await openStore(address, { endpointUrl, isForced, env: world.env })
  const stop = new AbortController()
  const forget = world.onSignal('SIGINT', () => stop.abort())
  try {
    const upload = { path, sizeBytes, sha256, signal: stop.signal }
    return { address, sha256, sizeBytes, wasThere: await store.put(upload) }
  } finally {
    forget()
    await store.close()
  }
}

/** Only whole traces leave: a file without its end mark may be half of one. */
async function refuseUnfinished(path: string): Promise<void> {
  const reader = await openTrace(path)
  await reader.close()
  if (reader.isComplete) return
  throw new TraceError('TRACE_UNREADABLE', `${path} has no end mark: it is not whole`)
}
