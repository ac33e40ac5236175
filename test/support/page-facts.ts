/** What a reader gets of a page, measured inside the browser. Each function must stand alone: it is sent there. */

export type PageFacts = Readonly<{
  /** Elements after the title, in order. */
  firstAfterTitle: string
  headings: readonly number[]
  mains: number
  language: string
  /** Texts with too little contrast, worst first: "ratio tag text". */
  faint: readonly string[]
  textCount: number
  background: string
  sideways: number
  /** Pieces that scroll sideways inside themselves. */
  scrolling: readonly string[]
  namelessPictures: number
  pictures: number
  tablesWithoutHead: number
  namelessHeads: number
  tables: number
  namelessStops: number
  images: number
  sections: readonly string[]
  hiddenSections: number
}>

export function pageFacts(): PageFacts {
  const all = <T extends Element>(selector: string) => [...document.querySelectorAll<T>(selector)]
  const channels = (colour: string): [number, number, number, number] => {
    const [r = 0, g = 0, b = 0, a = 1] = (colour.match(/[\d.]+/g) ?? []).map(Number)
    return [r, g, b, a]
  }
  const over = (top: number[], under: number[], alpha: number) =>
    [0, 1, 2].map((at) => top[at]! * alpha + under[at]! * (1 - alpha))
  const ground = (element: Element | null): number[] => {
    if (element === null)
      return matchMedia('(prefers-color-scheme: dark)').matches ? [0, 0, 0] : [255, 255, 255]
    const [r, g, b, a] = channels(getComputedStyle(element).backgroundColor)
    return a === 1 ? [r, g, b] : over([r, g, b], ground(element.parentElement), a)
  }
  const luminance = (colour: number[]) => {
    const [r, g, b] = colour.map((value) => {
      const share = value / 255
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4
    }) as [number, number, number]
    return 0.2126 * r + 0.7152 * g + 0.0722 * b
  }
  const opacityOf = (element: Element | null): number =>
    element === null
      ? 1
      : Number(getComputedStyle(element).opacity) * opacityOf(element.parentElement)
  const texts = all('body *').filter(
    (element) =>
      !['SCRIPT', 'STYLE', 'title'].includes(element.tagName) &&
      element.getClientRects().length > 0 &&
      [...element.childNodes].some(
        (node) => node.nodeType === 3 && node.textContent!.trim() !== '',
      ),
  )
  const contrast = (element: Element) => {
    const style = getComputedStyle(element)
    const under = ground(element)
    const isDrawn = element instanceof SVGElement
    const [r, g, b, a] = channels(isDrawn ? style.fill : style.color)
    const alpha = a * opacityOf(element) * (isDrawn ? Number(style.fillOpacity) : 1)
    const [bright, dark] = [luminance(over([r, g, b], under, alpha)), luminance(under)].toSorted(
      (one, two) => two - one,
    ) as [number, number]
    return (bright + 0.05) / (dark + 0.05)
  }
  const faint = texts
    .map((element) => ({ element, ratio: contrast(element) }))
    .filter(({ ratio, element }) => ratio < 4.5 && !(element as HTMLButtonElement).disabled)
    .toSorted((one, two) => one.ratio - two.ratio)
    .map(
      ({ element, ratio }) =>
        `${ratio.toFixed(2)} ${element.tagName} ${element.textContent.trim().slice(0, 40)}`,
    )
  const nameOf = (element: Element) =>
    element.getAttribute('aria-label') ??
    (element.getAttribute('aria-labelledby') ?? '')
      .split(' ')
      .map((id) => document.getElementById(id)?.textContent ?? '')
      .join(' ')
      .trim()
  return {
    firstAfterTitle: document.querySelector('h1')?.nextElementSibling?.className ?? '',
    headings: all('h1,h2,h3,h4,h5,h6').map(({ tagName }) => Number(tagName[1])),
    mains: all('main').length,
    language: document.documentElement.lang,
    faint,
    textCount: texts.length,
    background: getComputedStyle(document.body).backgroundColor,
    sideways: document.documentElement.scrollWidth - document.documentElement.clientWidth,
    scrolling: all('.scroll, pre')
      .filter((element) => element.scrollWidth > element.clientWidth + 1)
      .map((element) => element.textContent.slice(0, 40)),
    namelessPictures: all('svg').filter(
      (svg) => svg.getAttribute('role') !== 'img' || nameOf(svg) === '',
    ).length,
    pictures: all('svg').length,
    tablesWithoutHead: all('table').filter(
      (table) =>
        table.querySelector('thead th[scope=col]') === null ||
        [...table.querySelectorAll('tbody tr')].some(
          (row) => row.querySelector('th[scope=row]') === null,
        ),
    ).length,
    namelessHeads: all('thead th').filter((cell) => cell.textContent.trim() === '').length,
    tables: all('table').length,
    namelessStops: all('[tabindex="0"]').filter(
      (element) => nameOf(element) === '' || element.getAttribute('role') === null,
    ).length,
    images: all('img').length,
    sections: all('section h2').map(({ textContent }) => textContent),
    hiddenSections: all('section, section table, section svg').filter(
      (element) => element.getClientRects().length === 0,
    ).length,
  }
}
