/** A web server as a place for traces: PUT to push, GET with ranges to pull. Effects: network. */
import { basename, join } from 'node:path'
import { TraceError } from '../base/errors.ts'
import { readIfThere, streamFile } from '../base/files.ts'
import { formatCount } from '../base/format.ts'
import { HttpClient, type HttpOpenCall, type HttpStream } from '../base/http.ts'
import { netrcBasic } from './netrc.ts'
import { promisedSha256 } from './place.ts'
import type { Remote, Store, Upload } from './store.ts'

const MAX_REDIRECTS = 5

export function httpStore(url: string, env: Readonly<Record<string, string | undefined>>): Store {
  const client = new HttpClient()
  const authorised = credentials(env)
  return {
    async put(upload) {
      const status = await putWhole(client, url, upload, authorised).catch(
        async (error: unknown) => {
          const found = await findHttp(client, url, authorised).catch(() => null)
          throw brokenOff(url, upload, found?.sizeBytes ?? null, error)
        },
      )
      if (status < 200 || status > 299) throw refused(url, status)
      return false
    },
    find: () => findHttp(client, url, authorised),
    close: () => client.close(),
  }
}

async function putWhole(
  client: HttpClient,
  url: string,
  { path, sizeBytes, signal }: Upload,
  authorised: Credentials,
): Promise<number> {
  const answer = await client.open(url, {
    method: 'PUT',
    body: streamFile(path),
    signal,
    headers: {
      ...(await authorised(url)),
      'content-length': String(sizeBytes),
      'content-type': 'application/octet-stream',
    },
  })
  await answer.text()
  return answer.status
}

/** A server of the plainest kind shows what came so far under the name of the whole. */
function brokenOff(url: string, upload: Upload, leftBytes: number | null, cause: unknown): Error {
  if (upload.signal.aborted) return cause as Error
  const { pathname } = new URL(url)
  const reason = cause instanceof Error ? cause.message : 'for no reason that was told'
  const { sizeBytes } = upload
  const hint =
    leftBytes === null || leftBytes === sizeBytes
      ? 'Push again once the server is back.'
      : `${pathname} has ${formatCount(leftBytes)} of ${formatCount(sizeBytes)} bytes under that name: push again, or remove it.`
  return new TraceError('TARGET_DOWN', `the upload broke off: ${reason}`, { hint, cause })
}

type Credentials = (url: string) => Promise<Record<string, string>>

function credentials(env: Readonly<Record<string, string | undefined>>): Credentials {
  return async (url) => {
    const path = env['NETRC'] ?? join(env['HOME'] ?? '', '.netrc')
    const text = await readIfThere(path)
    const value = text === null ? null : netrcBasic(text, new URL(url).hostname)
    return value === null ? {} : { authorization: value }
  }
}

async function findHttp(client: HttpClient, url: string, authorised: Credentials): Promise<Remote> {
  const head = await openFollowing(client, url, { method: 'HEAD' }, authorised)
  await head.text()
  if (head.status >= 400 && head.status !== 405) throw refused(url, head.status)
  const length = Number(head.headers['content-length'])
  const version = headerText(head.headers['etag']) ?? headerText(head.headers['last-modified'])
  return {
    name: basename(new URL(url).pathname) || 'trace',
    sizeBytes: head.status < 300 && Number.isFinite(length) ? length : null,
    sha256: promisedSha256(url),
    version,
    read: (fromByte) => readFrom(client, url, fromByte, strong(version), authorised),
  }
}

/** A weak mark says that a file is much the same, which is not enough to join two parts. */
function strong(version: string | null): string | null {
  return version?.startsWith('W/') === true ? null : version
}

async function readFrom(
  client: HttpClient,
  url: string,
  fromByte: number,
  version: string | null,
  authorised: Credentials,
): Promise<Readonly<{ fromByte: number; chunks: AsyncIterable<Uint8Array> }>> {
  // Of a file that changed since it was looked at, everything is sent.
  const isSame: Record<string, string> = version === null ? {} : { 'if-range': version }
  const headers: Record<string, string> =
    fromByte > 0 ? { range: `bytes=${fromByte}-`, ...isSame } : {}
  const answer = await openFollowing(client, url, { headers }, authorised)
  if (answer.status === 206) return { fromByte, chunks: answer.body }
  if (answer.status === 200) return { fromByte: 0, chunks: answer.body }
  throw refused(url, answer.status)
}

/** Credentials go to the first host only. */
export async function openFollowing(
  client: HttpClient,
  url: string,
  call: HttpOpenCall,
  authorised: Credentials,
): Promise<HttpStream> {
  let at = url
  for (let hops = 0; hops <= MAX_REDIRECTS; hops += 1) {
    const isFirst = new URL(at).origin === new URL(url).origin
    const headers = { ...call.headers, ...(isFirst ? await authorised(url) : {}) }
    const answer = await client.open(at, { ...call, headers })
    const location = headerText(answer.headers['location'])
    if (answer.status < 300 || answer.status > 399 || location === null) return answer
    await answer.text()
    at = new URL(location, at).href
  }
  throw new TraceError('TARGET_UNFIT', `${new URL(url).origin} redirects in circles`)
}

/** @param login where a name and a password are looked for */
export function refused(url: string, status: number, login = '~/.netrc'): TraceError {
  const { origin, pathname } = new URL(url)
  const isLogin = status === 401 || status === 403
  return new TraceError(
    status === 404 ? 'TRACE_UNREADABLE' : 'TARGET_UNFIT',
    `${origin}${pathname} answered ${status}`,
    {
      hint: isLogin ? `Are name and password in ${login}?` : 'Is the address right?',
    },
  )
}

function headerText(value: string | string[] | undefined): string | null {
  return typeof value === 'string' ? value : null
}
