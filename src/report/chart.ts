/**
 * The one door to the chart library: marks go in, an SVG string comes out. Colours are CSS variables
 * of the page, so that one picture serves dark, light and print. Pure.
 */
import { logTicks, plainNumber } from './chart-style.ts'
import * as Plot from '@observablehq/plot'
import { parseHTML } from 'linkedom'

export type Mark = Plot.Markish
export type ChartOptions = Readonly<{
  /** What a screen reader says instead of the picture. */
  label: string
  height?: number
  /** Room for the names of a band axis. */
  marginLeft?: number
  /** Room for the names of facets. */
  marginRight?: number
  x?: Plot.ScaleOptions
  y?: Plot.ScaleOptions
  /** Facets, one below the other. */
  fy?: Plot.ScaleOptions
  color?: Plot.ScaleOptions
  marks: readonly Mark[]
}>

const WIDTH = 720
const HEIGHT = 260

export function chart(options: ChartOptions): string {
  const first = draw(options, {})
  const better = { ...betterAxis(first, options, 'x'), ...betterAxis(first, options, 'y') }
  const svg = Object.keys(better).length === 0 ? first : draw(options, better)
  svg.setAttribute('role', 'img')
  // The page's own style sheet says how a plot looks; one copy in each picture is waste.
  for (const style of svg.querySelectorAll('style')) style.remove()
  return svg.outerHTML
}

type Drawn = ReturnType<typeof Plot.plot>

function draw(
  { label, height = HEIGHT, marginLeft = 56, marks, ...scales }: ChartOptions,
  better: Pick<ChartOptions, 'x' | 'y'>,
): Drawn {
  const { document } = parseHTML('<!doctype html><html><body></body></html>')
  return Plot.plot({
    document: document,
    width: WIDTH,
    height,
    marginLeft,
    // Phones show labels larger; they need the room.
    marginTop: 30,
    marginBottom: 44,
    className: 'plot',
    ariaLabel: label,
    style: { background: 'none' },
    ...scales,
    ...better,
    marks: [...axes(better), ...marks],
  })
}

/** What only the extent of the data tells: labels of a logarithmic axis, room around a single value. */
function betterAxis(drawn: Drawn, options: ChartOptions, name: 'x' | 'y') {
  const { type, domain = [] } = drawn.scale(name) ?? {}
  const [low, high] = [...domain].map(Number)
  if (low === undefined || high === undefined) return {}
  if (type === 'log') return { [name]: { ...options[name], ticks: logTicks(low, high) } }
  if (type === 'linear' && low === high) {
    const around = low === 0 ? [0, 1] : [low * 0.9, high * 1.1]
    return { [name]: { ...options[name], domain: around } }
  }
  return {}
}

/** The library's own labels of a logarithmic axis leave out most, or run into each other. */
function axes({ x, y }: Pick<ChartOptions, 'x' | 'y'>): Mark[] {
  return [
    ...(Array.isArray(x?.ticks) ? [Plot.axisX(x.ticks as number[], { text: plainNumber })] : []),
    ...(Array.isArray(y?.ticks) ? [Plot.axisY(y.ticks as number[], { text: plainNumber })] : []),
  ]
}

export const {
  areaY,
  barX,
  barY,
  cell,
  dot,
  gridX,
  gridY,
  line,
  lineY,
  rect,
  rectY,
  ruleX,
  ruleY,
  text,
  tickX,
} = Plot
