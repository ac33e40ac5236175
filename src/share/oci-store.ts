/** An OCI registry as a place for traces: one artifact, as ORAS makes and reads them. Effects: network. */
import { createHash } from 'node:crypto'
import { basename } from 'node:path'
import { TraceError } from '../base/errors.ts'
import { streamFile } from '../base/files.ts'
import { HttpClient } from '../base/http.ts'
import { RegistryLogin } from './registry-login.ts'
import { refused } from './http-store.ts'
import type { Remote, Store, Upload } from './store.ts'

export const ARTIFACT_TYPE = 'application/vnd.vllm-trace.v1'
const MANIFEST_TYPE = 'application/vnd.oci.image.manifest.v1+json'
const EMPTY_TYPE = 'application/vnd.oci.empty.v1+json'
const TITLE = 'org.opencontainers.image.title'
const EMPTY = Buffer.from('{}')

const LAYER_TYPES: Readonly<Record<string, string>> = {
  arrow: `${ARTIFACT_TYPE}+arrow`,
  sqlite: `${ARTIFACT_TYPE}+sqlite`,
  md: 'text/markdown',
}
/** Written by `docker login` and `oras login`. */
const LOGIN = '~/.docker/config.json'

const OTHER_LAYER_TYPE = 'application/octet-stream'

export type OciPlace = Readonly<{ origin: string; repository: string; reference: string }>

export function ociStore(
  place: OciPlace,
  env: Readonly<Record<string, string | undefined>>,
): Store {
  const client = new HttpClient()
  const registry = new Registry(client, place, new RegistryLogin(client, place, env))
  return {
    put: (upload) => registry.put(upload),
    find: () => registry.find(),
    close: () => client.close(),
  }
}

class Registry {
  readonly #client: HttpClient
  readonly #place: OciPlace
  readonly #login: RegistryLogin

  constructor(client: HttpClient, place: OciPlace, login: RegistryLogin) {
    this.#client = client
    this.#place = place
    this.#login = login
  }

  /** The manifest comes last: until then nobody can see the upload under its tag. */
  async put(upload: Upload): Promise<boolean> {
    const hasBlob = await this.#putFile(upload)
    if (upload.companion !== null) await this.#putFile(upload.companion)
    const emptySha = sha256Of(EMPTY)
    if (!(await this.#hasBlob(emptySha))) await this.#putBlob(emptySha, EMPTY.length, () => EMPTY)
    const manifest = manifestOf(upload)
    const { reference } = this.#place
    if (reference.startsWith('sha256:')) {
      throw new TraceError('BAD_OPTION', 'push to a tag; a digest names what is there already')
    }
    const old = await this.#manifest().catch(() => null)
    const isSame = old !== null && old === manifest
    if (isSame && hasBlob) return true
    const url = this.#url(`manifests/${reference}`)
    const answer = await this.#login.open(url, {
      method: 'PUT',
      body: manifest,
      headers: { 'content-type': MANIFEST_TYPE },
    })
    await answer.text()
    if (answer.status !== 201) throw refused(url, answer.status, LOGIN)
    return false
  }

  /** @returns whether it was there already */
  async #putFile({ path, sha256, sizeBytes, signal }: Upload): Promise<boolean> {
    if (await this.#hasBlob(sha256)) return true
    await this.#putBlob(sha256, sizeBytes, () => streamFile(path), signal)
    return false
  }

  async find(): Promise<Remote> {
    const layer = layerOf(await this.#manifest())
    const url = this.#url(`blobs/sha256:${layer.sha256}`)
    return {
      ...layer,
      version: layer.sha256,
      read: async (fromByte) => {
        const headers: Record<string, string> = fromByte > 0 ? { range: `bytes=${fromByte}-` } : {}
        const answer = await this.#login.open(url, { headers })
        if (answer.status === 206) return { fromByte, chunks: answer.body }
        if (answer.status === 200) return { fromByte: 0, chunks: answer.body }
        throw refused(url, answer.status, LOGIN)
      },
    }
  }

  async #manifest(): Promise<string> {
    const url = this.#url(`manifests/${this.#place.reference}`)
    const answer = await this.#login.open(url, { headers: { accept: MANIFEST_TYPE } })
    const text = await answer.text()
    if (answer.status !== 200) throw refused(url, answer.status, LOGIN)
    const { reference } = this.#place
    const isPromised = reference.startsWith('sha256:')
    if (isPromised && reference !== `sha256:${sha256Of(Buffer.from(text))}`) {
      throw new TraceError('TRACE_UNREADABLE', `the manifest is not ${reference}`)
    }
    return text
  }

  async #hasBlob(sha256: string): Promise<boolean> {
    const answer = await this.#login.open(this.#url(`blobs/sha256:${sha256}`), { method: 'HEAD' })
    await answer.text()
    return answer.status === 200
  }

  async #putBlob(
    sha256: string,
    sizeBytes: number,
    body: () => NonNullable<Parameters<HttpClient['open']>[1]>['body'],
    signal?: AbortSignal,
  ): Promise<void> {
    const url = this.#url('blobs/uploads/')
    const begun = await this.#login.open(url, { method: 'POST' })
    await begun.text()
    const location = begun.headers['location']
    if (begun.status !== 202 || typeof location !== 'string')
      throw refused(url, begun.status, LOGIN)
    const target = new URL(location, this.#place.origin)
    target.searchParams.set('digest', `sha256:${sha256}`)
    const bytes = body()
    const answer = await this.#client.open(target, {
      method: 'PUT',
      ...(bytes === undefined ? {} : { body: bytes }),
      ...(signal === undefined ? {} : { signal }),
      headers: {
        ...this.#login.header(target.href),
        'content-length': String(sizeBytes),
        'content-type': 'application/octet-stream',
      },
    })
    await answer.text()
    if (answer.status !== 201) throw refused(target.href, answer.status, LOGIN)
  }

  #url(path: string): string {
    return `${this.#place.origin}/v2/${this.#place.repository}/${path}`
  }
}

function manifestOf(upload: Upload): string {
  const files = upload.companion === null ? [upload] : [upload, upload.companion]
  return JSON.stringify({
    schemaVersion: 2,
    mediaType: MANIFEST_TYPE,
    artifactType: ARTIFACT_TYPE,
    config: { mediaType: EMPTY_TYPE, digest: `sha256:${sha256Of(EMPTY)}`, size: EMPTY.length },
    layers: files.map(({ name, sizeBytes, sha256 }) => ({
      mediaType: LAYER_TYPES[name.split('.').at(-1) ?? ''] ?? OTHER_LAYER_TYPE,
      digest: `sha256:${sha256}`,
      size: sizeBytes,
      annotations: { [TITLE]: name },
    })),
  })
}

type Layer = Readonly<{ name: string; sizeBytes: number; sha256: string }>

/** The one trace of the artifact, or its one file. Its name is only a suggestion: no folder comes from a registry. */
function layerOf(manifest: string): Layer {
  try {
    const { layers } = JSON.parse(manifest) as {
      layers: {
        mediaType?: string
        digest: string
        size: number
        annotations?: Record<string, string>
      }[]
    }
    const traces = layers.filter(({ mediaType }) => mediaType?.startsWith(ARTIFACT_TYPE))
    const [layer, other] = layers.length === 1 ? layers : traces
    const sha256 = /^sha256:([0-9a-f]{64})$/.exec(layer?.digest ?? '')?.[1]
    if (layer !== undefined && other === undefined && sha256 !== undefined) {
      const name = basename(layer.annotations?.[TITLE] ?? `${sha256}.arrow`)
      return { name, sizeBytes: layer.size, sha256 }
    }
  } catch {
    // Falls through: what is no manifest is refused with the same words.
  }
  throw new TraceError('TRACE_UNREADABLE', 'the artifact is not one trace', {
    hint: 'Was it pushed with `trace push` or as a single file with ORAS?',
  })
}

function sha256Of(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}
