/** Fetches a trace, resumes what was cut, checks what came. Effects: network; writes files. */
import { createHash } from 'node:crypto'
import { basename, join, resolve } from 'node:path'
import { cacheFolder } from '../base/cache-folder.ts'
import { TraceError } from '../base/errors.ts'
import {
  appendStream,
  copyWhole,
  fileSize,
  isFolder,
  makeFolder,
  publish,
  refuseExisting,
  removeFile,
} from '../base/files.ts'
import type { World } from '../base/world.ts'
import { fileDigest } from '../trace/digest.ts'
import { promisedSha256 } from './place.ts'
import type { Remote } from './store.ts'
import { openStore } from './stores.ts'

export type PullOptions = Readonly<{
  source: string
  /** File or folder; null is the remote name in the working directory. */
  output: string | null
  /** What the file must have; null goes by the address and what the place says. */
  sha256: string | null
  endpointUrl: string | null
  isForced: boolean
}>

export type Pulled = Readonly<{
  path: string
  sha256: string
  sizeBytes: number
  /** Not one byte was fetched. */
  wasCached: boolean
  /** Bytes that an earlier try had left. */
  resumedBytes: number
  /** Someone other than the file itself said what its digest is. */
  isPromised: boolean
}>

export async function pullTrace(options: PullOptions, world: World): Promise<Pulled> {
  const { source, endpointUrl, isForced } = options
  const store = await openStore(source, { endpointUrl, isForced, env: world.env })
  try {
    const cache = cacheFolder(world.env) ?? join(world.cwd, '.cache', 'vllm-trace')
    await makeFolder(join(cache, 'parts'))
    await makeFolder(join(cache, 'sha256'))
    const told = options.sha256 ?? promisedSha256(source)
    const cached = told === null ? null : await fromCache(cache, told)
    const remote = cached === null ? await store.find() : null
    const path = await outputPath(options, remote?.name ?? basename(source), world)
    refuseExisting(path, isForced)
    if (cached !== null) return await delivered(cached, path, cached.sha256, true, 0, true)
    if (remote === null) throw new TraceError('FAILED', `${source} was not found`)
    return await fetched(remote, source, told ?? remote.sha256, cache, path)
  } finally {
    await store.close()
  }
}

type Cached = Readonly<{ file: string; sha256: string }>

/** A file in the cache is named by its digest; one that is not what its name says is removed. */
async function fromCache(cache: string, sha256: string): Promise<Cached | null> {
  const file = join(cache, 'sha256', sha256)
  if ((await fileSize(file)) === null) return null
  if ((await fileDigest(file)) === sha256) return { file, sha256 }
  await removeFile(file)
  return null
}

async function fetched(
  remote: Remote,
  source: string,
  expected: string | null,
  cache: string,
  path: string,
): Promise<Pulled> {
  const known = expected === null ? null : await fromCache(cache, expected)
  if (known !== null) return delivered(known, path, known.sha256, true, 0, true)
  // The name changes with the version, so that parts of two versions never meet.
  const name = createHash('sha256')
    .update(`${source}\n${remote.version ?? ''}`)
    .digest('hex')
  const part = join(cache, 'parts', name)
  const resumedBytes = await fetchInto(part, remote)
  const sha256 = await fileDigest(part)
  if (expected !== null && sha256 !== expected) {
    await removeFile(part)
    throw new TraceError('TRACE_UNREADABLE', `${source} is not the file with digest ${expected}`, {
      hint: 'It was changed, or came damaged; nothing was kept.',
    })
  }
  const file = join(cache, 'sha256', sha256)
  await publish(part, file)
  return delivered({ file, sha256 }, path, sha256, false, resumedBytes, expected !== null)
}

/** @returns bytes that were there already and were not fetched again */
async function fetchInto(part: string, remote: Remote): Promise<number> {
  const have = (await fileSize(part)) ?? 0
  const { sizeBytes } = remote
  const isUsable = remote.version !== null && sizeBytes !== null && have <= sizeBytes
  const fromByte = isUsable ? have : 0
  if (fromByte === 0) await removeFile(part)
  if (sizeBytes !== null && fromByte === sizeBytes && fromByte > 0) return fromByte
  const answer = await remote.read(fromByte)
  if (answer.fromByte === 0 && fromByte > 0) await removeFile(part)
  try {
    await appendStream(part, answer.chunks)
  } catch (error) {
    throw cut(error)
  }
  const got = (await fileSize(part)) ?? 0
  if (sizeBytes !== null && got !== sizeBytes) throw cut(null)
  return answer.fromByte
}

function cut(cause: unknown): TraceError {
  return new TraceError('TARGET_DOWN', 'the connection ended before the file did', {
    hint: 'Pull again: what has come is kept, and only the rest is fetched.',
    cause,
  })
}

async function delivered(
  { file }: Cached,
  path: string,
  sha256: string,
  wasCached: boolean,
  resumedBytes: number,
  isPromised: boolean,
): Promise<Pulled> {
  await copyWhole(file, path)
  const sizeBytes = (await fileSize(path)) ?? 0
  return { path, sha256, sizeBytes, wasCached, resumedBytes, isPromised }
}

async function outputPath(
  { output }: PullOptions,
  remoteName: string,
  world: World,
): Promise<string> {
  // Only the last part of a foreign name is used: no folder comes from outside.
  const name = basename(remoteName.split(/[?#]/)[0] ?? '') || 'trace.arrow'
  if (output === null) return resolve(world.cwd, name)
  const path = resolve(world.cwd, output)
  return (await isFolder(path)) ? join(path, name) : path
}
