/** A catalogue in Git: one small card a trace, with where it lies and what is in it. Effects: files. */
import { basename, join } from 'node:path'
import { TraceError } from '../base/errors.ts'
import {
  fileSize,
  listFolder,
  makeFolder,
  readText,
  refuseExisting,
  writeWhole,
} from '../base/files.ts'
import type { World } from '../base/world.ts'
import { inspectTrace, type Inspection } from '../report/inspection.ts'
import { fileDigest } from '../trace/digest.ts'
import { openTrace } from '../trace/open.ts'
import { parseCard, type CatalogCard } from './catalog-card.ts'

export const CATALOG_DEFAULTS = { dir: 'traces' } as const

const ENDING = '.trace.json'
/** A card is a page of figures; anything larger is none. */
const MAX_CARD_BYTES = 65_536
const MAX_CARDS = 10_000

export type NewCard = Readonly<{
  path: string
  directory: string
  uri: string
  name: string | null
  note: string | null
  licence: string | null
  isForced: boolean
}>

/** Measures the trace and writes its card; the trace itself stays where it is. */
export async function addCard(options: NewCard, world: World): Promise<CatalogCard> {
  const name = options.name ?? nameOf(options.path)
  if (!isName(name)) {
    throw new TraceError(
      'BAD_OPTION',
      `--name wants letters, digits, dots and dashes, got '${name}'`,
    )
  }
  const target = cardPath(options.directory, name)
  refuseExisting(target, options.isForced)
  const reader = await openTrace(options.path)
  let inspection: Inspection
  const { header } = reader
  try {
    inspection = await inspectTrace(reader)
  } finally {
    await reader.close()
  }
  const card: CatalogCard = {
    catalogVersion: 1,
    name,
    uri: options.uri,
    sha256: await fileDigest(options.path),
    sizeBytes: (await fileSize(options.path)) ?? 0,
    rowDigest: header.rowDigest,
    added: new Date(Math.floor(world.clock.wallUs() / 1_000)).toISOString().slice(0, 10),
    kind: header.kind,
    policy: header.capture.policy,
    transforms: header.transforms.map((step) => step.name),
    signedBy: header.signatures.map(({ keyId }) => keyId),
    licence: options.licence ?? header.licence,
    note: options.note,
    figures: figuresOf(inspection),
  }
  await makeFolder(options.directory)
  await writeWhole(target, `${JSON.stringify(card, null, 2)}\n`)
  return card
}

export async function listCards(directory: string): Promise<CatalogCard[]> {
  const names = (await listFolder(directory)) ?? []
  const files = names.filter((name) => name.endsWith(ENDING)).slice(0, MAX_CARDS)
  return Promise.all(files.map((name) => readCard(join(directory, name))))
}

export async function showCard(directory: string, name: string): Promise<CatalogCard> {
  const path = cardPath(directory, name)
  if (isName(name) && (await fileSize(path)) !== null) return readCard(path)
  const known = (await listCards(directory)).map((card) => card.name).join(', ')
  throw new TraceError('BAD_OPTION', `${directory} has no card of that name`, {
    hint:
      known === '' ? 'It has none yet: trace catalog add FILE --uri ADDRESS' : `It has ${known}.`,
  })
}

async function readCard(path: string): Promise<CatalogCard> {
  if (((await fileSize(path)) ?? 0) > MAX_CARD_BYTES) {
    throw new TraceError('TRACE_UNREADABLE', `${path} is too large for a card`)
  }
  return parseCard(path, await readText('catalog', path))
}

function cardPath(directory: string, name: string): string {
  return join(directory, `${name}${ENDING}`)
}

function nameOf(path: string): string {
  return basename(path).replace(/\.(?:arrow|sqlite)$/, '')
}

function isName(name: string): boolean {
  return /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/.test(name)
}

/** The few figures that a reviewer compares; the rest is one `trace inspect` away. */
function figuresOf(inspection: Inspection): Record<string, number> {
  const { arrivals, input, output, sessions, tenants, prefix, models, outcomes } = inspection
  const ok = outcomes['ok']
  const figures: Record<string, number | null | undefined> = {
    requests: arrivals.n,
    duration_s: arrivals.duration_s,
    rate_per_s: arrivals.rate_n_over_dur,
    idc_1s: arrivals['idc_1s'],
    idc_60s: arrivals['idc_60s'],
    input_p50: input?.p50,
    input_p99: input?.p99,
    output_p50: output?.p50,
    output_p99: output?.p99,
    sessions: sessions?.sessions,
    tenants: tenants.count,
    models: Object.keys(models).length,
    prefix_hit_share: prefix?.token_prefix_hit_ratio,
    ok_share: ok === undefined ? undefined : ok / arrivals.n,
  }
  return Object.fromEntries(
    Object.entries(figures).flatMap(([name, value]) =>
      typeof value === 'number' && Number.isFinite(value)
        ? [[name, Number(value.toPrecision(6))] as const]
        : [],
    ),
  )
}
