/** Puts a trace where others can pull it from. Effects: reads a file; network. */
import { createHash } from 'node:crypto'
import { basename, join } from 'node:path'
import { TraceError } from '../base/errors.ts'
import { cacheFolder } from '../base/cache-folder.ts'
import { fileSize, isFolder, makeFolder, removeFile, writeWhole } from '../base/files.ts'
import type { World } from '../base/world.ts'
import { fileDigest } from '../trace/digest.ts'
import { fillPlace, parsePlace } from './place.ts'
import type { Upload } from './store.ts'
import { openStore } from './stores.ts'
import { checkedDigest } from './whole-trace.ts'

export type PushOptions = Readonly<{
  path: string
  destination: string
  endpointUrl: string | null
  isForced: boolean
  /** Markdown that goes beside the trace; null for none. */
  card: string | null
}>

export type Pushed = Readonly<{
  address: string
  sha256: string
  sizeBytes: number
  /** The same file was there already. */
  wasThere: boolean
  /** Where the card went; null for none. */
  cardAddress: string | null
}>

export async function pushTrace(options: PushOptions, world: World): Promise<Pushed> {
  const { path } = options
  const sizeBytes = await fileSize(path)
  if (sizeBytes === null || (await isFolder(path))) {
    throw new TraceError('TRACE_UNREADABLE', `${path} is no file`, {
      hint: 'A recording is pushed as one file: trace convert DIR FILE.arrow',
    })
  }
  await checkedDigest(path)
  const sha256 = await fileDigest(path)
  const slashed = (await isFolder(options.destination))
    ? options.destination.replace(/\/?$/, '/')
    : options.destination
  const address = fillPlace(slashed, { wallUs: world.clock.wallUs(), sha256, fileName: path })
  const stop = new AbortController()
  const forget = world.onSignal('SIGINT', () => stop.abort())
  const card = options.card === null ? null : await cardFile(options, world, stop.signal)
  try {
    const trace: Upload = {
      path,
      name: basename(path),
      sizeBytes,
      sha256,
      signal: stop.signal,
      companion: card,
    }
    const wasThere = await putAt(address, trace, options, world)
    const isInside = parsePlace(address).kind === 'oci'
    const cardAddress = card === null ? null : isInside ? address : besideIt(address)
    if (card !== null && cardAddress !== null && !isInside) {
      await putAt(cardAddress, card, { ...options, isForced: true }, world)
    }
    return { address, sha256, sizeBytes, wasThere, cardAddress }
  } catch (error) {
    if (!stop.signal.aborted) throw error
    // What a plain web server shows of half a body is its own affair.
    const isHidden = parsePlace(address).kind !== 'http'
    const rest = isHidden ? ': nothing of it can be seen there' : ''
    throw new TraceError('INTERRUPTED', `the upload was stopped${rest}`, { cause: error })
  } finally {
    forget()
    if (card !== null) await removeFile(card.path)
  }
}

async function putAt(
  address: string,
  upload: Upload,
  { endpointUrl, isForced }: Pick<PushOptions, 'endpointUrl' | 'isForced'>,
  world: World,
): Promise<boolean> {
  const store = await openStore(address, { endpointUrl, isForced, env: world.env })
  try {
    return await store.put(upload)
  } finally {
    await store.close()
  }
}

/** `x.arrow` → `x.arrow.md`; an address with a query is signed for one file. */
function besideIt(address: string): string {
  if (!/[?#]/.test(address)) return `${address}.md`
  throw new TraceError('BAD_OPTION', '--card: an address with a query holds one file only')
}

/** Every place sends files, so the card is one for as long as that takes. */
async function cardFile(
  { path, card, destination }: PushOptions,
  world: World,
  signal: AbortSignal,
): Promise<Upload> {
  if (/^https?:/.test(destination)) besideIt(destination)
  const text = card ?? ''
  const sha256 = createHash('sha256').update(text).digest('hex')
  const folder = join(cacheFolder(world.env) ?? join(world.cwd, '.cache', 'vllm-trace'), 'parts')
  await makeFolder(folder)
  const file = join(folder, `${sha256}.md`)
  await writeWhole(file, text)
  const sizeBytes = Buffer.byteLength(text)
  const name = `${basename(path)}.md`
  return { path: file, name, sizeBytes, sha256, signal, companion: null }
}
