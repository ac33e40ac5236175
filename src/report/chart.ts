/**
 * The one door to the chart library: marks go in, an SVG string comes out. Colours are CSS variables
 * of the page, so that one picture serves dark, light and print. Pure.
 */
import * as Plot from '@observablehq/plot'
import { parseHTML } from 'linkedom'

export type Mark = Plot.Markish
export type ChartOptions = Readonly<{
  /** What a screen reader says instead of the picture. */
  label: string
  height?: number
  x?: Plot.ScaleOptions
  y?: Plot.ScaleOptions
  color?: Plot.ScaleOptions
  marks: readonly Mark[]
}>

const WIDTH = 720
const HEIGHT = 260

export function chart({ label, height = HEIGHT, marks, ...scales }: ChartOptions): string {
  const { document } = parseHTML('<!doctype html><html><body></body></html>')
  const figure = Plot.plot({
    document: document,
    width: WIDTH,
    height,
    marginLeft: 56,
    marginBottom: 36,
    className: 'plot',
    ariaLabel: label,
    style: { background: 'none' },
    ...scales,
    marks: [...marks],
  })
  figure.setAttribute('role', 'img')
  // The page's own style sheet says how a plot looks; one copy in each picture is waste.
  for (const style of figure.querySelectorAll('style')) style.remove()
  return figure.outerHTML
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
