/**
 * The door to @aws-sdk/client-s3: S3 and what speaks like it. Effects: network.
 *
 * Credentials come from where the SDK looks: environment, shared files, instance roles.
 */
import { basename } from 'node:path'
import type * as S3 from '@aws-sdk/client-s3'
import { TraceError } from '../base/errors.ts'
import { readRange } from '../base/files.ts'
import { reasonOf } from '../base/reason.ts'
import type { Remote, Store, Upload } from './store.ts'

/** Larger files go up in parts, at least 5 MiB each. */
const PART_BYTES = 16 * 1_024 * 1_024
const MAX_PARTS = 10_000
/** Where the digest of a file stands beside it. */
const DIGEST_KEY = 'sha256'

type Sdk = typeof S3
type Client = InstanceType<Sdk['S3Client']>
type Target = Readonly<{ Bucket: string; Key: string }>

export async function s3Store(
  bucket: string,
  key: string,
  endpointUrl: string | null,
  env: Readonly<Record<string, string | undefined>>,
): Promise<Store> {
  const sdk = await loadSdk()
  const endpoint = endpointUrl ?? env['AWS_ENDPOINT_URL_S3'] ?? env['AWS_ENDPOINT_URL']
  const client = new sdk.S3Client({
    region: env['AWS_REGION'] ?? env['AWS_DEFAULT_REGION'] ?? 'us-east-1',
    // Servers other than Amazon's have one host name for all buckets.
    ...(endpoint === undefined ? {} : { endpoint, forcePathStyle: true }),
    ...credentialsOf(env),
  })
  const target = { Bucket: bucket, Key: key }
  return {
    put: (upload) => explained(target, noBucket, () => putObject(sdk, client, target, upload)),
    find: () => explained(target, noObject, () => findObject(sdk, client, target)),
    close: async () => client.destroy(),
  }
}

/** Those of the environment that the program was given; without, wherever else the SDK looks. */
function credentialsOf(env: Readonly<Record<string, string | undefined>>) {
  const { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN } = env
  if (AWS_ACCESS_KEY_ID === undefined || AWS_SECRET_ACCESS_KEY === undefined) return {}
  const credentials = { accessKeyId: AWS_ACCESS_KEY_ID, secretAccessKey: AWS_SECRET_ACCESS_KEY }
  return AWS_SESSION_TOKEN === undefined
    ? { credentials }
    : { credentials: { ...credentials, sessionToken: AWS_SESSION_TOKEN } }
}

async function loadSdk(): Promise<Sdk> {
  try {
    return await import('@aws-sdk/client-s3')
  } catch (error) {
    throw new TraceError('BAD_OPTION', 's3:// needs the package @aws-sdk/client-s3', {
      hint: 'npm install @aws-sdk/client-s3',
      cause: error,
    })
  }
}

async function putObject(
  sdk: Sdk,
  client: Client,
  target: Target,
  upload: Upload,
): Promise<boolean> {
  if (await isThere(sdk, client, target, upload)) return true
  const { path, sizeBytes, sha256, signal: abortSignal } = upload
  if (sizeBytes > PART_BYTES) {
    await putParts(sdk, client, target, upload)
    return false
  }
  const Body = await readRange(path, 0, sizeBytes)
  const Metadata = { [DIGEST_KEY]: sha256 }
  await client.send(new sdk.PutObjectCommand({ ...target, Body, Metadata }), { abortSignal })
  return false
}

async function isThere(
  sdk: Sdk,
  client: Client,
  target: Target,
  { sizeBytes, sha256 }: Upload,
): Promise<boolean> {
  try {
    const head = await client.send(new sdk.HeadObjectCommand(target))
    return head.ContentLength === sizeBytes && head.Metadata?.[DIGEST_KEY] === sha256
  } catch (error) {
    if (statusOf(error) === 404) return false
    throw error
  }
}

/** Nothing is visible before the last call; what stopped is removed. */
async function putParts(sdk: Sdk, client: Client, target: Target, upload: Upload): Promise<void> {
  const { path, sizeBytes, sha256, signal: abortSignal } = upload
  const partBytes = Math.max(PART_BYTES, Math.ceil(sizeBytes / MAX_PARTS))
  const Metadata = { [DIGEST_KEY]: sha256 }
  const { UploadId } = await client.send(
    new sdk.CreateMultipartUploadCommand({ ...target, Metadata }),
    { abortSignal },
  )
  const known = { ...target, UploadId }
  try {
    const Parts: { PartNumber: number; ETag: string | undefined }[] = []
    for (let at = 0; at < sizeBytes; at += partBytes) {
      const PartNumber = Parts.length + 1
      const Body = await readRange(path, at, partBytes)
      const part = new sdk.UploadPartCommand({ ...known, PartNumber, Body })
      const { ETag } = await client.send(part, { abortSignal })
      Parts.push({ PartNumber, ETag })
    }
    const whole = new sdk.CompleteMultipartUploadCommand({ ...known, MultipartUpload: { Parts } })
    await client.send(whole, { abortSignal })
  } catch (error) {
    await client.send(new sdk.AbortMultipartUploadCommand(known)).catch(() => null)
    throw error
  }
}

async function findObject(sdk: Sdk, client: Client, target: Target): Promise<Remote> {
  const head = await client.send(new sdk.HeadObjectCommand(target))
  return {
    name: basename(target.Key),
    sizeBytes: head.ContentLength ?? null,
    sha256: head.Metadata?.[DIGEST_KEY] ?? null,
    version: head.ETag ?? null,
    async read(fromByte) {
      const Range = fromByte > 0 ? `bytes=${fromByte}-` : undefined
      const IfMatch = head.ETag
      const got = await client.send(new sdk.GetObjectCommand({ ...target, Range, IfMatch }))
      return { fromByte, chunks: got.Body as AsyncIterable<Uint8Array> }
    },
  }
}

function noBucket({ Bucket }: Target): TraceError {
  return new TraceError('TARGET_UNFIT', `there is no bucket ${Bucket} to put it into`, {
    hint: 'Is its name right, and --endpoint-url? A bucket is made by its owner first.',
  })
}

/** Where a bucket is missing, too, the answer is no other. */
function noObject({ Bucket, Key }: Target): TraceError {
  return new TraceError('TRACE_UNREADABLE', `s3://${Bucket}/${Key} is not there`, {
    hint: 'Are bucket, key and --endpoint-url right?',
  })
}

/** One sentence for what went wrong; the SDK's own text may quote what a server sent. */
async function explained<T>(
  target: Target,
  absent: (target: Target) => TraceError,
  call: () => Promise<T>,
): Promise<T> {
  try {
    return await call()
  } catch (error) {
    if (error instanceof TraceError) throw error
    const status = statusOf(error)
    if (status === 404) throw absent(target)
    const reason = status === undefined ? reasonOf(error) : `the server answered ${status}`
    throw new TraceError('TARGET_UNFIT', `s3://${target.Bucket}/${target.Key}: ${reason}`, {
      hint: 'Are AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and --endpoint-url right?',
      cause: error,
    })
  }
}

function statusOf(error: unknown): number | undefined {
  return (error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode
}
