/** Counters, gauges and histograms in Prometheus' text format, worded as Python's client does. Pure. */

type Labels = Readonly<Record<string, string>>

type Base = Readonly<{ name: string; help: string }>

export type Counter = Base & { readonly kind: 'counter'; readonly series: Map<string, number> }
export type Gauge = Base & { readonly kind: 'gauge'; readonly series: Map<string, number> }
export type Summary = Base & {
  readonly kind: 'summary'
  readonly series: Map<string, { count: number; sum: number }>
}
export type Histogram = Base & {
  readonly kind: 'histogram'
  /** Upper bounds, ascending, without infinity. */
  readonly bounds: readonly number[]
  readonly series: Map<string, HistogramSeries>
}
export type HistogramSeries = { readonly counts: Float64Array; count: number; sum: number }
export type Family = Counter | Gauge | Histogram | Summary

/** Labels as they stand between the braces, in the order of their names. */
export function labelText(labels: Labels): string {
  return Object.keys(labels)
    .toSorted()
    .map((name) => `${name}="${escaped(labels[name] ?? '')}"`)
    .join(',')
}

function escaped(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
}

/** A counter whose series start at 0, one for each set of labels. */
export function counter(name: string, help: string, series: readonly Labels[] = []): Counter {
  return {
    kind: 'counter',
    name,
    help,
    series: new Map(series.map((labels) => [labelText(labels), 0])),
  }
}

export function gauge(name: string, help: string, series: readonly Labels[]): Gauge {
  return {
    kind: 'gauge',
    name,
    help,
    series: new Map(series.map((labels) => [labelText(labels), 0])),
  }
}

export function summary(name: string, help: string): Summary {
  return { kind: 'summary', name, help, series: new Map() }
}

export function histogram(
  name: string,
  help: string,
  bounds: readonly number[],
  series: readonly Labels[] = [],
): Histogram {
  const family: Histogram = { kind: 'histogram', name, help, bounds, series: new Map() }
  for (const labels of series) histogramSeries(family, labelText(labels))
  return family
}

export function add(family: Counter, labels: string, amount = 1): void {
  family.series.set(labels, (family.series.get(labels) ?? 0) + amount)
}

export function addToSummary(family: Summary, labels: string, value: number): void {
  const series = family.series.get(labels) ?? { count: 0, sum: 0 }
  series.count += 1
  series.sum += value
  family.series.set(labels, series)
}

export function histogramSeries(family: Histogram, labels: string): HistogramSeries {
  let series = family.series.get(labels)
  if (series === undefined) {
    series = { counts: new Float64Array(family.bounds.length + 1), count: 0, sum: 0 }
    family.series.set(labels, series)
  }
  return series
}

export function observe(family: Histogram, labels: string, value: number): void {
  const series = histogramSeries(family, labels)
  let index = 0
  while (index < family.bounds.length && value > (family.bounds[index] ?? 0)) index += 1
  series.counts[index] = (series.counts[index] ?? 0) + 1
  series.count += 1
  series.sum += value
}

/** @param createdSec when the families were made, for their `_created` gauges */
export function renderFamilies(families: readonly Family[], createdSec: number): string {
  return families.map((family) => renderFamily(family, createdSec)).join('')
}

function renderFamily(family: Family, createdSec: number): string {
  const { name, help, kind } = family
  const lines = [`# HELP ${name} ${help}`, `# TYPE ${name} ${kind}`]
  const labelSets = [...family.series.keys()]
  if (kind === 'histogram') lines.push(...histogramLines(family))
  else if (kind === 'summary') {
    for (const [labels, { count, sum }] of family.series) {
      lines.push(`${name}_count${braces(labels)} ${float(count)}`)
      lines.push(`${name}_sum${braces(labels)} ${float(sum)}`)
    }
  } else {
    for (const [labels, value] of family.series)
      lines.push(`${name}${braces(labels)} ${float(value)}`)
  }
  if (kind !== 'gauge' && labelSets.length > 0) {
    const created = `${kind === 'counter' ? name.replace(/_total$/, '') : name}_created`
    lines.push(`# HELP ${created} ${help}`, `# TYPE ${created} gauge`)
    for (const labels of labelSets) lines.push(`${created}${braces(labels)} ${float(createdSec)}`)
  }
  return `${lines.join('\n')}\n`
}

function* histogramLines({ name, bounds, series }: Histogram): Generator<string> {
  for (const [labels, { counts, count, sum }] of series) {
    let total = 0
    for (const [index, bound] of [...bounds, Infinity].entries()) {
      total += counts[index] ?? 0
      const le = bound === Infinity ? '+Inf' : float(bound)
      yield `${name}_bucket{${withBound(labels, le)}} ${float(total)}`
    }
    yield `${name}_count${braces(labels)} ${float(count)}`
    yield `${name}_sum${braces(labels)} ${float(sum)}`
  }
}

/** Puts `le` where its name sorts. */
function withBound(labels: string, bound: string): string {
  const pairs = labels === '' ? [] : labels.split(/,(?=\w+=")/)
  return [...pairs, `le="${bound}"`].toSorted().join(',')
}

function braces(labels: string): string {
  return labels === '' ? '' : `{${labels}}`
}

/** From here on Python's client writes an exponent, as Go does. */
const EXPONENT_FROM = 1_000_000
/** Below this Python itself does. */
const EXPONENT_BELOW = 0.0001

/** 10 → '10.0', 5000000 → '5e+06', 0.00001 → '1e-05'. */
function float(value: number): string {
  const size = Math.abs(value)
  if (value >= EXPONENT_FROM || (size > 0 && size < EXPONENT_BELOW)) {
    return value.toExponential().replace(/e([+-])(\d)$/, 'e$10$2')
  }
  return Number.isInteger(value) ? value.toFixed(1) : String(value)
}
