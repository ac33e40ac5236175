/** A real S3 server and a real registry on free ports, where they are installed. */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll } from 'vitest'
import { freePort } from './wire.ts'

const ENGINES = fileURLToPath(new URL('../../../shared/engines/', import.meta.url))
const enginesHome = process.env['ENGINES_DIR'] ?? join(homedir(), '.cache/engines')
const REGISTRY_PROGRAM = '/usr/bin/docker-registry'

export const hasRegistry = existsSync(REGISTRY_PROGRAM)
export const hasShareServers =
  existsSync(`${ENGINES}start_s3.sh`) &&
  existsSync(join(enginesHome, 'bin/versitygw')) &&
  hasRegistry

type S3Server = Readonly<{
  endpoint: string
  /** What a client of it needs in its environment. */
  env: Readonly<Record<string, string>>
  stop(): void
}>

/** With an empty bucket `traces`. */
async function startS3(): Promise<S3Server> {
  const S3_PORT = String(await freePort())
  const run = (verb: string) =>
    execFileSync('bash', [`${ENGINES}start_s3.sh`, verb], {
      env: { ...process.env, S3_PORT, ENGINES_DIR: enginesHome },
      encoding: 'utf8',
    })
  run('start')
  const pairs = [...run('env').matchAll(/(AWS_\w+)=(\S+)/g)]
  const env = Object.fromEntries(pairs.map(([, name = '', value = '']) => [name, value]))
  const endpoint = env['AWS_ENDPOINT_URL'] ?? ''
  const { CreateBucketCommand, S3Client } = await import('@aws-sdk/client-s3')
  const client = new S3Client({
    region: 'us-east-1',
    endpoint,
    forcePathStyle: true,
    credentials: {
      accessKeyId: env['AWS_ACCESS_KEY_ID'] ?? '',
      secretAccessKey: env['AWS_SECRET_ACCESS_KEY'] ?? '',
    },
  })
  await client.send(new CreateBucketCommand({ Bucket: 'traces' }))
  client.destroy()
  return { endpoint, env, stop: () => void run('stop') }
}

export type Registry = Readonly<{ host: string; stop(): Promise<void> }>

/** @param htpasswd lines of name:bcrypt; null asks nobody for a login */
export async function startRegistry(htpasswd: string | null = null): Promise<Registry> {
  const folder = mkdtempSync(join(tmpdir(), 'registry-'))
  const host = `127.0.0.1:${await freePort()}`
  mkdirSync(join(folder, 'data'))
  const lines = [
    'version: 0.1',
    'log: {level: error}',
    `storage: {filesystem: {rootdirectory: "${folder}/data"}}`,
    `http: {addr: "${host}"}`,
  ]
  if (htpasswd !== null) {
    writeFileSync(join(folder, 'htpasswd'), htpasswd)
    lines.push(`auth: {htpasswd: {realm: traces, path: "${folder}/htpasswd"}}`)
  }
  writeFileSync(join(folder, 'config.yml'), `${lines.join('\n')}\n`)
  const child = spawn(REGISTRY_PROGRAM, ['serve', join(folder, 'config.yml')], { stdio: 'ignore' })
  await answering(`http://${host}/v2/`, child)
  return {
    host,
    async stop() {
      const ended = new Promise((resolve) => child.once('exit', resolve))
      child.kill()
      await ended
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

async function answering(url: string, child: ChildProcess): Promise<void> {
  for (;;) {
    if (child.exitCode !== null) throw new Error('the registry ended')
    try {
      await (await fetch(url)).arrayBuffer()
      return
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }
}

/** Both, from before the first test of a suite until after its last. */
export function shareServers(): Readonly<{ s3: S3Server; registry: Registry }> {
  const servers = {} as { s3: S3Server; registry: Registry }
  beforeAll(async () => {
    servers.s3 = await startS3()
    servers.registry = await startRegistry()
  })
  afterAll(async () => {
    servers.s3.stop()
    await servers.registry.stop()
  })
  return servers
}
