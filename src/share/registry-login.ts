/** Requests to a registry with whatever login it asks for. Effects: network, reads Docker's config. */
import { join } from 'node:path'
import { readIfThere } from '../base/files.ts'
import type { HttpClient, HttpOpenCall, HttpStream } from '../base/http.ts'
import { openFollowing } from './http-store.ts'
import { dockerBasic } from './netrc.ts'
import type { OciPlace } from './oci-store.ts'

const UNAUTHORISED = 401

export class RegistryLogin {
  readonly #client: HttpClient
  readonly #place: OciPlace
  readonly #env: Readonly<Record<string, string | undefined>>
  #authorization: string | null = null

  constructor(
    client: HttpClient,
    place: OciPlace,
    env: Readonly<Record<string, string | undefined>>,
  ) {
    this.#client = client
    this.#place = place
    this.#env = env
  }

  /** What goes with a request to the registry's own host, once a login was needed. */
  header(url: string): Record<string, string> {
    const isOurs = new URL(url).origin === this.#place.origin
    return this.#authorization === null || !isOurs ? {} : { authorization: this.#authorization }
  }

  /** Logs in when the registry asks for it, also anew once a token has run out, and tries once more. Bodies are whole or none here. */
  async open(url: string, call: HttpOpenCall): Promise<HttpStream> {
    const authorised = async () => this.header(url)
    const answer = await openFollowing(this.#client, url, call, authorised)
    if (answer.status !== UNAUTHORISED) return answer
    await answer.text()
    await this.#logIn(String(answer.headers['www-authenticate'] ?? ''))
    return openFollowing(this.#client, url, call, authorised)
  }

  async #logIn(challenge: string): Promise<void> {
    const { host } = new URL(this.#place.origin)
    const folder = this.#env['DOCKER_CONFIG'] ?? join(this.#env['HOME'] ?? '', '.docker')
    const config = await readIfThere(join(folder, 'config.json'))
    const basic = config === null ? null : dockerBasic(config, host)
    const realm = /realm="([^"]+)"/.exec(challenge)?.[1]
    if (!/^bearer/i.test(challenge) || realm === undefined) {
      this.#authorization = basic ?? ''
      return
    }
    const url = new URL(realm)
    const service = /service="([^"]+)"/.exec(challenge)?.[1]
    if (service !== undefined) url.searchParams.set('service', service)
    url.searchParams.set('scope', `repository:${this.#place.repository}:pull,push`)
    const headers: Record<string, string> = basic === null ? {} : { authorization: basic }
    const answer = await this.#client.open(url, { headers })
    const token = tokenOf(await answer.text())
    this.#authorization = token === null ? '' : `Bearer ${token}`
  }
}

function tokenOf(text: string): string | null {
  try {
    const { token, access_token: other } = JSON.parse(text) as {
      token?: string
      access_token?: string
    }
    return token ?? other ?? null
  } catch {
    return null
  }
}
